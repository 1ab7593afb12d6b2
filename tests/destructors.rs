//! Destructors of the program's values: each may use the socket and the server that it belonged to, since nothing of them
//! is locked when it runs.
#![allow(missing_docs)]

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::{Client, State, testing};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

struct Dropping;

/// Uses all that it can reach when it is dropped, and tells that it could.
struct Touch {
    socket: Socket,
    server: Server,
    told: UnboundedSender<()>,
}

impl Drop for Touch {
    fn drop(&mut self) {
        let Self { socket, server, told } = self;
        socket.insert(1_u8);
        socket.grant("something");
        socket.on("something", || async {});
        socket.connection_values().insert(1_u8);
        socket.session().insert(1_u8);
        let _ = (socket.id(), socket.rooms(), socket.identity(), socket.is_connected(), socket.handshake());
        let _ =
            (socket.try_emit("something", &()), server.count(), server.sockets(), server.presence().names());
        socket.spawn(async {});
        let _ = told.send(());
    }
}

/// What a test's handlers take their values from.
#[derive(Clone)]
struct Values {
    server: Arc<Mutex<Option<Server>>>,
    told: UnboundedSender<()>,
}

impl Values {
    fn one(&self, socket: &Socket) -> Touch {
        let server = self.server.lock().unwrap().clone().unwrap();
        Touch { socket: socket.clone(), server, told: self.told.clone() }
    }
}

#[on(app = Dropping)]
async fn wait(socket: &Socket, values: &State<Values>) {
    let _value = values.one(socket);
    pending::<()>().await;
}

#[on(app = Dropping, timeout = "5ms")]
async fn late(socket: &Socket, values: &State<Values>) {
    let _value = values.one(socket);
    pending::<()>().await;
}

#[on(app = Dropping)]
async fn count(socket: &Socket, values: &State<Values>) -> impl jidda::stream::Stream<Item = u32> {
    let value = values.one(socket);
    futures_util::stream::iter(0..).map(move |n| {
        let _value = &value;
        n
    })
}

struct Case {
    client: Client,
    server: Server,
    socket: Socket,
    values: Values,
    dropped: UnboundedReceiver<()>,
}

impl Case {
    fn value(&self) -> Touch {
        self.values.one(&self.socket)
    }

    async fn dropped(&mut self, what: &str) {
        timeout(LIMIT, self.dropped.recv()).await.unwrap_or_else(|_| panic!("{what} was not dropped"));
    }
}

/// Runs a case on a thread of its own, so that one that waits for a lock for ever is a failure and not a test without end.
fn run<F: Future<Output = ()>>(name: &str, case: impl FnOnce(Case) -> F + Send + 'static) {
    let (ended, ends) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let (told, dropped) = unbounded_channel();
            let values = Values { server: Arc::default(), told };
            let builder = Server::builder().app::<Dropping>().state(values.clone());
            let (client, server) = testing::pair_with(builder, |client| client).await.unwrap();
            *values.server.lock().unwrap() = Some(server.clone());
            let socket = server.sockets().remove(0);
            let kept = Arc::clone(&values.server);
            case(Case { client, server, socket, values, dropped }).await;
            // The server is kept by its own state otherwise.
            let server = kept.lock().unwrap().take();
            drop(server);
        });
        runtime.shutdown_timeout(LIMIT);
        ended.send(()).unwrap();
    });
    match ends.recv_timeout(3 * LIMIT) {
        Ok(()) => thread.join().unwrap(),
        Err(mpsc::RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().unwrap_err()),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: something is locked for ever"),
    }
}

#[test]
fn a_job_on_a_runtime_that_is_down_is_dropped_while_nothing_is_locked() {
    run("spawn", async |mut case| {
        let other = tokio::runtime::Runtime::new().unwrap();
        let handle = other.handle().clone();
        // Where it is waited for: nothing is taken in any more then.
        std::thread::spawn(move || drop(other)).join().unwrap();
        let (socket, first, second, third) = (case.socket.clone(), case.value(), case.value(), case.value());
        let spawn = move || {
            let _entered = handle.enter();
            let jobs = [
                socket.spawn(async move {
                    let _value = first;
                    pending::<()>().await;
                }),
                socket.spawn(async move { drop(second) }),
                socket.every(Duration::from_secs(1), move || {
                    let _value = &third;
                    async {}
                }),
            ];
            assert!(jobs.iter().all(jidda::socket::Job::is_finished));
        };
        std::thread::spawn(spawn).join().unwrap();
        for _ in 0..3 {
            case.dropped("a job").await;
        }
    });
}

#[test]
fn a_job_is_dropped_while_nothing_is_locked_when_its_socket_ends_or_its_runtime() {
    run("socket", async |mut case| {
        let value = case.value();
        case.socket.spawn(async move {
            let _value = value;
            pending::<()>().await;
        });
        case.client.disconnect().await;
        case.dropped("a job").await;
    });
    run("runtime", async |case| {
        let value = case.value();
        // Left to the runtime, which shuts down with the case.
        case.socket.spawn(async move {
            let _value = value;
            pending::<()>().await;
        });
    });
}

#[test]
fn values_are_dropped_while_nothing_is_locked() {
    run("values", async |mut case| {
        let (socket, session) = (case.socket.clone(), case.socket.session());
        for round in 0..2 {
            drop(socket.insert(case.value()));
            drop(socket.connection_values().insert(case.value()));
            drop(session.insert(case.value()));
            for _ in 0..3 * round {
                case.dropped("a value that was replaced").await;
            }
        }
        drop((
            socket.remove::<Touch>(),
            socket.connection_values().remove::<Touch>(),
            session.remove::<Touch>(),
        ));
        for _ in 0..3 {
            case.dropped("a value that was removed").await;
        }
        drop(socket.insert(case.value()));
        drop(socket.connection_values().insert(case.value()));
        // Only the connection keeps it: nobody comes back to a session that no peer knows.
        let client = case.client.root();
        drop(client.session().insert(case.value()));
        drop(session);
        case.client.disconnect().await;
        case.dropped("a value of a socket").await;
        case.dropped("a value of a connection").await;
        // A socket that is over keeps nothing.
        drop(socket.insert(case.value()));
        case.dropped("a value that was not kept").await;
        drop((client, case.client));
    });
}

#[test]
fn closures_are_dropped_while_nothing_is_locked() {
    run("closures", async |mut case| {
        let (client, socket) = (case.client.clone(), case.socket.clone());
        let listen = |value: Touch| {
            socket.on("heard", move || {
                let _value = &value;
                async {}
            });
        };
        listen(case.value());
        listen(case.value());
        case.dropped("a listener that was replaced").await;
        assert!(socket.off("heard"));
        case.dropped("a listener that was taken away").await;
        let value = case.value();
        socket.once("once", move || {
            let _value = &value;
            async {}
        });
        client.call::<()>("once", &()).await.unwrap();
        case.dropped("a listener that ran once").await;
        for _ in 0..2 {
            let value = case.value();
            socket.on_refused(move |_, _| assert!(value.socket.is_connected()));
        }
        case.dropped("a hook that was replaced").await;
        listen(case.value());
        let (incoming, outgoing) = (case.value(), case.value());
        socket.on_any(move |_, _| assert!(incoming.socket.is_connected()));
        socket.on_any_outgoing(move |_, _| assert!(outgoing.socket.is_connected()));
        client.disconnect().await;
        for what in ["a listener", "a hook", "an observer", "an observer of what is sent"] {
            case.dropped(what).await;
        }
        listen(case.value());
        case.dropped("a listener that was not kept").await;
        // One that begins when its connection is over is over, too: what it is given may hold it.
        let late = client.of("/late");
        let value = case.values.one(&late);
        late.on_any(move |_, _| assert!(value.socket.is_connected()));
        case.dropped("a listener of a socket that never was").await;
    });
}

#[test]
fn handlers_are_dropped_while_nothing_is_locked() {
    run("handlers", async |mut case| {
        assert!(case.client.call::<()>("late", &()).await.unwrap_err().is_timeout());
        case.dropped("a handler that ran out of time").await;
        let cancelled = case.client.call::<()>("wait", &());
        assert!(timeout(Duration::from_millis(10), cancelled).await.is_err());
        case.dropped("a handler that was cancelled").await;
        let mut numbers = case.client.stream::<u32>("count", &());
        assert_eq!(numbers.next().await.unwrap().unwrap(), 0);
        drop(numbers);
        case.dropped("a stream that was given up").await;
        let mut numbers = case.client.stream::<u32>("count", &());
        assert_eq!(numbers.next().await.unwrap().unwrap(), 0);
        // A call that has begun to run when the connection ends: the first item says so of the stream before it.
        let waits = tokio::spawn({
            let client = case.client.clone();
            async move { client.call::<()>("wait", &()).await }
        });
        case.client.emit("wait", &()).await.unwrap();
        case.client.call::<Value>("nothing", &()).await.unwrap_err();
        case.client.disconnect().await;
        for what in ["a handler", "a stream"] {
            case.dropped(what).await;
        }
        assert!(waits.await.unwrap().is_err());
    });
}

/// A waker that keeps a value: it is dropped wherever its last clone is.
struct Keeps(#[allow(dead_code)] Touch);

impl Wake for Keeps {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn wakers_are_dropped_while_nothing_is_locked() {
    run("wakers", async |mut case| {
        let (client, socket) = (case.client.clone(), case.socket.clone());
        let once = |value: Touch, future: std::pin::Pin<&mut dyn Future<Output = ()>>| {
            let waker = Waker::from(Arc::new(Keeps(value)));
            assert!(future.poll(&mut Context::from_waker(&waker)).is_pending());
        };
        let (first, second, third, fourth) = (socket.clone(), socket.clone(), client.clone(), client.clone());
        // Who waits for an answer touches the client's socket: that is the one that is asked.
        let waits: [(&str, &Socket, BoxFuture<'static, ()>); 4] = [
            ("closed", &socket, async move { drop(first.closed().await) }.boxed()),
            ("recv", &socket, async move { drop(second.recv::<u8>().await) }.boxed()),
            ("call", &client.root(), async move { drop(third.call::<()>("wait", &()).await) }.boxed()),
            (
                "stream",
                &client.root(),
                async move { assert_eq!(fourth.stream::<u32>("count", &()).count().await, 0) }.boxed(),
            ),
        ];
        for (name, socket, mut waiting) in waits {
            once(case.values.one(socket), waiting.as_mut());
            once(case.values.one(socket), waiting.as_mut());
            case.dropped(name).await;
            drop(waiting);
            case.dropped(name).await;
        }
        // The handlers that were cancelled had a value, too.
        case.dropped("a handler").await;
        case.dropped("a stream").await;
        let mut waiting = pin!(socket.closed());
        let mut value = Some(case.value());
        poll_fn(|cx| match value.take() {
            Some(value) => {
                let waker = Waker::from(Arc::new(Keeps(value)));
                assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
        client.disconnect().await;
        case.dropped("a waker that was woken").await;
        let _ = &case.server;
    });
}
