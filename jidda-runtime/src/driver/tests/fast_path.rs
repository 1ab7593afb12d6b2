//! Each feature keeps its events from the fast path, which knows none of them.

use super::task::{HERE, Task, hello};
use crate::config::Config;
use crate::driver::fast_path::EventNeeds;
use crate::driver::incoming::Incoming;
use crate::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use crate::objects::Socket;
use crate::objects::socket_state::Phase;
use crate::payload::Encoding;
use crate::reason::DisconnectReason;
use crate::wire::{Meta, Wire};

fn ready(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(Reply::value(&(), Encoding::MessagePack))
}

static PLAIN: HandlerEntry = HandlerEntry::new("plain", ready, HERE);
static ALLOWED: HandlerEntry = HandlerEntry::new("allowed", ready, HERE).allowing(&["admin"]);
static IN_TURN: HandlerEntry = HandlerEntry::new("in_turn", ready, HERE).sequentially();
static STREAM: HandlerEntry = HandlerEntry::new("stream", ready, HERE).with_stream();
static LIMITED: HandlerEntry = HandlerEntry::new("limited", ready, HERE).within_ms(10);

static ENTRIES: [&HandlerEntry; 5] = [&PLAIN, &ALLOWED, &IN_TURN, &STREAM, &LIMITED];

fn incoming(event: &str) -> Incoming<'_> {
    Incoming { event, id: Some(7), arguments: &[0x90], meta: None }
}

async fn joined() -> (Task, Socket) {
    let mut task = Task::new(Wire::MessagePackRpc, Config::default(), &ENTRIES);
    task.say(&hello()).await;
    let inner = task.driver.connection().socket("/").expect("it joined");
    (task, Socket { inner })
}

#[tokio::test]
async fn each_property_of_an_entry_keeps_its_events_from_the_fast_path() {
    let (task, socket) = joined().await;
    for entry in ENTRIES {
        let is_fast = task.driver.plain_route(&socket.inner, incoming(entry.event())).is_some();
        assert_eq!(is_fast, entry.event() == "plain", "`{}`", entry.event());
    }
}

#[tokio::test]
async fn each_state_of_a_connection_or_socket_keeps_events_from_the_fast_path() {
    type Change = fn(&mut Task, &Socket);
    let changes: [(EventNeeds, Change); 4] = [
        (EventNeeds::TURN, |task, _| task.driver.running = Some(Box::default())),
        (EventNeeds::TURN, |task, _| task.driver.drain(DisconnectReason::ServerShuttingDown)),
        (EventNeeds::ACTIVATION, |_, socket| _ = socket.inner.enter(Phase::Replaying)),
        (EventNeeds::LISTENERS, |_, socket| _ = socket.on_any(|_, _| {})),
    ];
    for (need, change) in changes {
        let (mut task, socket) = joined().await;
        assert_eq!(task.driver.needs(&socket.inner, incoming("plain")), EventNeeds::NOTHING);
        change(&mut task, &socket);
        assert_eq!(task.driver.needs(&socket.inner, incoming("plain")), need);
        assert!(task.driver.plain_route(&socket.inner, incoming("plain")).is_none(), "{need:?}");
    }
    let (task, socket) = joined().await;
    let with_meta = Incoming { meta: Some(&Meta::default()), ..incoming("plain") };
    assert_eq!(task.driver.needs(&socket.inner, with_meta), EventNeeds::SCOPE);
    assert!(task.driver.plain_route(&socket.inner, with_meta).is_none());
}
