//! One connection's flood leaves the other tasks of its thread their turns, whatever it consists of.

use std::sync::Arc;

use rmpv::Value;
use tokio::io::AsyncWriteExt;

use super::task::{HERE, Task, frame, hello, message, notification, request};
use crate::config::Config;
use crate::driver::turn::MOST;
use crate::handler::{Arguments, Dispatch, HandlerEntry, Reply};
use crate::payload::Encoding;
use crate::payload::Integers;
use crate::wire::Wire;
use crate::wire::engine_io::{Acknowledgements, EngineIo, Layer, Role, Version};
use crate::wire::socket_io::Parser;
use tokio::sync::Semaphore;

/// How many messages a flood has.
const COUNT: u32 = 8000;
/// How many polls they take at least.
const POLLS: usize = COUNT as usize / MOST as usize;

fn nothing() -> Reply {
    Reply::value(&(), Encoding::MessagePack)
}

fn ready(_: &crate::handler::Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(nothing())
}

fn hold(context: &crate::handler::Context, _: Arguments<'_>) -> Dispatch {
    let gate = Arc::clone(&context.state::<Semaphore>().expect("the test gave one").0);
    Dispatch::future(async move {
        let _permit = gate.acquire().await;
        nothing()
    })
}

static READY: HandlerEntry = HandlerEntry::new("ready", ready, HERE);
static HOLD: HandlerEntry = HandlerEntry::new("hold", hold, HERE);
static HOLD_IN_TURN: HandlerEntry = HandlerEntry::new("hold_in_turn", hold, HERE).sequentially();
static SLOW: HandlerEntry = HandlerEntry::new("connect", hold, HERE).namespaced("/slow/{id}");
static SLOW_READY: HandlerEntry = HandlerEntry::new("ready", ready, HERE).namespaced("/slow/{id}");

static ENTRIES: [&HandlerEntry; 5] = [&READY, &HOLD, &HOLD_IN_TURN, &SLOW, &SLOW_READY];

fn task(wire: Wire, config: Config) -> Task {
    Task::new(wire, config, &ENTRIES)
}

impl Task {
    /// The flood is answered, down to its last message, and took as many turns as it should.
    async fn flood(mut self, name: &str, before: &[u8], message: impl Fn(u32) -> Vec<u8>) {
        self.say(before).await;
        let (end, answer) = match self.driver.connection().wire {
            Wire::MessagePackRpc => (request(7, "$/ping", vec![]), vec![0x94, 1, 7, 0xc0, 0xc0]),
            Wire::EngineIo(_) => (frame(0x89, b"END"), [&[0x8a, 3][..], b"END"].concat()),
        };
        let mut bytes: Vec<u8> = (0..COUNT).flat_map(|number| message(1000 + number)).collect();
        bytes.extend(end);
        let polls = self.say(&bytes).await;
        assert_eq!(self.ended, None, "{name}");
        assert!(self.heard.ends_with(&answer), "{name}: not answered to the end");
        assert!(polls >= POLLS, "{name}: {COUNT} messages in {polls} turns");
    }
}

/// Everything a native peer can send as often as it likes.
#[tokio::test]
async fn a_flood_of_the_native_wire_is_answered_in_turns() {
    type Write = Box<dyn Fn(u32) -> Vec<u8>>;
    let error = || Value::Map(vec![("code".into(), "no".into()), ("message".into(), "no".into())]);
    let floods: Vec<(&str, Write)> = vec![
        ("pings", Box::new(|id| request(id, "$/ping", vec![]))),
        ("hellos", Box::new(|id| request(id, "$/hello", vec![Value::Map(vec![("wire".into(), 1.into())])]))),
        ("calls", Box::new(|id| request(id, "ready", vec![]))),
        ("events", Box::new(|_| notification("ready", vec![]))),
        ("unknown calls", Box::new(|id| request(id, "nope", vec![]))),
        ("unknown events", Box::new(|_| notification("nope", vec![]))),
        ("reserved calls", Box::new(|id| request(id, "$/nope", vec![]))),
        ("calls elsewhere", Box::new(|id| request(id, "/nowhere:ready", vec![]))),
        ("unknown namespaces", Box::new(|id| request(id, "$/connect", vec!["/nowhere".into()]))),
        ("joined namespaces", Box::new(|id| request(id, "$/connect", vec!["/".into()]))),
        ("leaving", Box::new(|_| notification("$/disconnect", vec!["/nowhere".into()]))),
        ("new credentials", Box::new(|id| request(id, "$/authenticate", vec![Value::Map(vec![])]))),
        ("cancels", Box::new(|id| notification("$/cancel", vec![id.into()]))),
        ("credits", Box::new(|id| notification("$/more", vec![id.into(), 1.into()]))),
        ("items", Box::new(|id| notification("$/item", vec![id.into(), 1.into()]))),
        ("replies", Box::new(|id| message(vec![1.into(), id.into(), Value::Nil, 1.into()]))),
        ("refusals", Box::new(move |_| notification("$/refused", vec!["news".into(), error()]))),
        ("farewells", Box::new(|_| notification("$/close", vec!["soon".into()]))),
        (
            "calls that are given up",
            Box::new(|id| [request(id, "hold", vec![]), notification("$/cancel", vec![id.into()])].concat()),
        ),
    ];
    for (name, message) in floods {
        task(Wire::MessagePackRpc, Config::default()).flood(name, &hello(), message).await;
    }
}

#[tokio::test]
async fn a_flood_of_socket_io_is_answered_in_turns() {
    for (version, floods) in [
        (Version::V4, &["3", "42[\"nope\"]", "421[\"nope\"]", "421[\"ready\"]", "40/nowhere,", "431[]"][..]),
        (Version::V3, &["2", "42[\"nope\"]", "421[\"nope\"]", "40/nowhere", "431[]"]),
    ] {
        let wire = Wire::EngineIo(EngineIo {
            role: Role::Server,
            version,
            layer: Layer::SocketIo(Parser::Json),
            base64: false,
            max_attachments: 10,
            is_parted: false,
            acknowledgements: Acknowledgements::Plain,
            integers: Integers::Safe,
        });
        let before = if version == Version::V4 { frame(0x81, b"40") } else { Vec::new() };
        for text in floods {
            let name = format!("{version:?} {text}");
            task(wire, Config::default()).flood(&name, &before, |_| frame(0x81, text.as_bytes())).await;
        }
        task(wire, Config::default()).flood("frames", &before, |_| frame(0x89, b"x")).await;
    }
}

/// What was read and has to wait is run in turns, too, once it can be.
#[tokio::test]
async fn what_waited_is_run_in_turns() {
    let config = || Config { max_in_flight: 2 * COUNT as usize, max_message: 8 << 20, ..Config::default() };
    let mut early = request(3, "$/connect", vec!["/slow/1".into()]);
    early.extend((0..COUNT).flat_map(|_| notification("/slow/1:ready", vec![])));
    let held = |event: &'static str| {
        let events = (0..COUNT).flat_map(move |number| request(1000 + number, event, vec![]));
        events.collect::<Vec<_>>()
    };
    let one = || Config { max_in_flight: 1, ..config() };
    let mut backlog = request(3, "hold", vec![]);
    backlog.extend((0..COUNT).flat_map(|_| notification("ready", vec![])));
    for (name, config, bytes) in [
        ("events before their socket was accepted", config(), early),
        ("calls that are ready at once", config(), held("hold")),
        ("calls in turn", config(), held("hold_in_turn")),
        ("events past the limit", one(), backlog),
    ] {
        let mut task = self::task(Wire::MessagePackRpc, config);
        task.say(&hello()).await;
        task.say(&bytes).await;
        task.gate.add_permits(1);
        let polls = task.run().await;
        assert!(polls >= POLLS, "{name}: {COUNT} in {polls} turns");
        task.heard.clear();
        task.say(&request(7, "$/ping", vec![])).await;
        assert_eq!(task.heard, [0x94, 1, 7, 0xc0, 0xc0], "{name}");
        let running = task.driver.running.as_ref().map_or(0, |running| running.events());
        assert_eq!((running, task.driver.backlog.is_some()), (0, false), "{name}");
    }
}

/// A peer that is about to be let go is not read without end either.
#[tokio::test]
async fn what_is_dropped_is_dropped_in_turns() {
    let mut task = self::task(Wire::MessagePackRpc, Config::default());
    task.say(&hello()).await;
    task.driver.connection().close(crate::DisconnectReason::ForcedClose);
    let bytes = vec![0xc1; 8 << 20];
    task.peer.write_all(&bytes).await.unwrap();
    let polls = task.run().await;
    assert!(polls >= (8 << 20) / 1024 / MOST as usize, "{polls}");
}

/// A place that a call had is free in the same moment in which the call is given up.
#[tokio::test]
async fn a_call_that_is_given_up_takes_no_room() {
    for (event, namespace) in [("hold", "/"), ("hold_in_turn", "/"), ("/slow/1:ready", "/slow/1")] {
        let config = Config { max_in_flight: 4, ..Config::default() };
        let mut task = self::task(Wire::MessagePackRpc, config);
        task.say(&hello()).await;
        if namespace != "/" {
            task.say(&request(3, "$/connect", vec![namespace.into()])).await;
        }
        task.heard.clear();
        let pair = |id: u32| [request(id, event, vec![]), notification("$/cancel", vec![id.into()])].concat();
        let first = if event == "hold_in_turn" { request(10, event, vec![]) } else { Vec::new() };
        task.say(&first).await;
        task.say(&(100..1100).flat_map(pair).collect::<Vec<_>>()).await;
        assert!(task.heard.is_empty(), "{event}: something was refused");
        task.say(&(2000..2003).flat_map(|id| request(id, event, vec![])).collect::<Vec<_>>()).await;
        assert!(task.heard.is_empty(), "{event}: something was refused");
        task.gate.add_permits(1);
        task.run().await;
        let mut answered = Vec::new();
        let mut rest = &task.heard[..];
        while let Ok(message) = rmpv::decode::read_value(&mut rest) {
            assert!(message[2].is_nil(), "{event}: {message}");
            answered.extend(message[1].as_u64().filter(|id| *id >= 2000));
        }
        assert_eq!(answered, [2000, 2001, 2002], "{event}");
        assert!(task.driver.running.is_none(), "{event}: something was left behind");
    }
}
