//! A server's socket: accepted, left and lost at the same time.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{connection, handler, hub_with, serve};
use crate::config::Config;
use crate::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply, Side};
use crate::objects::Socket;
use crate::objects::socket_state::Phase;
use crate::payload::Encoding;
use crate::room::Target;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::model::{Rng, block_on, check, spawn, thread_rng};

/// What the handlers of one run saw.
#[derive(Default)]
struct Seen {
    socket: Mutex<Option<Socket>>,
    connects: AtomicUsize,
    disconnects: AtomicUsize,
    events: AtomicUsize,
}

fn seen(context: &Context) -> &Arc<Seen> {
    let state = context.origin().state(std::any::TypeId::of::<Arc<Seen>>());
    state.and_then(|state| state.downcast_ref()).expect("what is seen is noted")
}

/// Lets the others have the socket, and takes as long as it lasts.
fn connect(context: &Context, _: Arguments<'_>) -> Dispatch {
    let socket = context.socket().expect("a socket");
    seen(context).connects.fetch_add(1, Ordering::SeqCst);
    *seen(context).socket.lock() = Some(socket.clone());
    Dispatch::future(async move {
        socket.closed().await;
        Reply::value(&(), Encoding::MessagePack)
    })
}

fn disconnect(context: &Context, _: Arguments<'_>) -> Dispatch {
    seen(context).disconnects.fetch_add(1, Ordering::SeqCst);
    Dispatch::Ready(Reply::value(&(), Encoding::MessagePack))
}

fn event(context: &Context, _: Arguments<'_>) -> Dispatch {
    seen(context).events.fetch_add(1, Ordering::SeqCst);
    Dispatch::Ready(Reply::value(&(), Encoding::MessagePack))
}

static CONNECT: HandlerEntry = handler("connect", connect);
static DISCONNECT: HandlerEntry = handler("disconnect", disconnect);
static EVENT: HandlerEntry = handler("event", event);

/// What a peer of ours says first; another one does not.
const HELLO: &[u8] = b"\x94\x00\x01\xa7$/hello\x91\x81\xa4wire\x01";
/// The wish to join, and an event that comes before the answer.
const FIRST: &[u8] = b"\x94\x00\x02\xa9$/connect\x92\xa1/\xc0\x93\x02\xa5event\x90";

#[test]
fn an_accepted_socket_is_disconnected_exactly_once() {
    check(|| {
        let seen = Arc::new(Seen::default());
        let hub =
            hub_with(Side::Server, &[&CONNECT, &DISCONNECT, &EVENT], Config::default(), Arc::clone(&seen));
        let connection = connection(&hub);
        let (mut driver, mut peer) = serve(&connection);
        if thread_rng().gen_bool(0.5) {
            block_on(peer.write_all(HELLO)).expect("there is room");
        }
        block_on(peer.write_all(FIRST)).expect("there is room");
        // The first round runs the handler, and rests: from here on there is a socket.
        assert!(crate::sync::model::poll_once(&mut driver).is_pending());
        let socket = seen.socket.lock().clone().expect("the handler ran");
        let driving = spawn(move || block_on(driver));
        let accepted = socket.clone();
        let accepts = spawn(move || accepted.try_emit("hello", &()).is_ok());
        let other = socket.clone();
        let names = spawn(move || {
            // It may be over already.
            let _ = other.identify("ann");
        });
        let ended = socket.clone();
        let leaves = spawn(move || match thread_rng().gen_range(0..3) {
            0 => ended.disconnect(),
            1 => ended.close(),
            _ => {}
        });
        let lost = spawn(move || {
            let mut read = Vec::new();
            if thread_rng().gen_bool(0.5) {
                // What is still to come is read; half a stream is no reason to end it.
                block_on(async {
                    peer.shutdown().await.expect("the other end is there");
                    let _ = peer.read_to_end(&mut read).await;
                });
            }
            read
        });
        driving.join().unwrap();
        let was_accepted = accepts.join().unwrap();
        names.join().unwrap();
        leaves.join().unwrap();
        lost.join().unwrap();
        let [connects, disconnects, events] =
            [&seen.connects, &seen.disconnects, &seen.events].map(|count| count.load(Ordering::SeqCst));
        assert_eq!(connects, 1);
        assert!(disconnects <= 1 && (!was_accepted || disconnects == 1), "{was_accepted} {disconnects}");
        assert!(events <= disconnects, "an event of a socket that was not accepted ran");
        assert_eq!(socket.inner.phase(), Phase::Closed);
        assert_eq!(socket.inner.rooms.select(&Target::default()).iter().count(), 0, "it stands in a room");
        assert!(connection.sockets().is_empty());
        assert_eq!(hub.presence.count(), 0);
        assert!(socket.try_emit("hello", &()).is_err());
        block_on(socket.closed());
        seen.socket.lock().take();
    });
}
