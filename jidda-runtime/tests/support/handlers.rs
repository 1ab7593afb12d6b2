//! Handlers as the macros would write them, and the journal they keep.
// Each test file uses its own part of them.
#![allow(dead_code, unreachable_pub, missing_debug_implementations)]

use std::sync::Arc;
use std::time::Duration;

use jidda_runtime::handler::{Argument, Arguments, Context, Dispatch, HandlerEntry, Location, Reply};
use jidda_runtime::{Encoding, Error, Server, ServerBuilder, Value};
use tokio::sync::Notify;

pub const HERE: Location = Location { file: file!(), line: 1, module: module_path!(), package: "test" };

/// What handlers did, in order. One for each server of a test.
#[derive(Clone, Default)]
pub struct Journal(Arc<std::sync::Mutex<Vec<String>>>);

impl Journal {
    pub fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self, line: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|other| *other == line).count()
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub fn of(context: &Context) -> Self {
        Self::clone(context.state::<Self>().expect("the test gave a journal"))
    }
}

/// Held shut until a test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Notify, std::sync::atomic::AtomicBool)>);

impl Gate {
    pub fn open(&self) {
        self.0.1.store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.0.notify_waiters();
    }

    pub async fn pass(&self) {
        loop {
            let notified = self.0.0.notified();
            if self.0.1.load(std::sync::atomic::Ordering::SeqCst) {
                return;
            }
            notified.await;
        }
    }

    pub fn of(context: &Context) -> Self {
        Self::clone(context.state::<Self>().expect("the test gave a gate"))
    }
}

/// Writes a line when it is dropped.
pub struct OnDrop(pub Journal, pub &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.write(self.1);
    }
}

/// A server on TCP with a journal and a gate for its handlers.
pub fn builder(handlers: impl IntoIterator<Item = &'static HandlerEntry>) -> (ServerBuilder, Journal, Gate) {
    let (journal, gate) = (Journal::default(), Gate::default());
    let builder =
        Server::builder().listen("127.0.0.1:0").handlers(handlers).state(journal.clone()).state(gate.clone());
    (builder, journal, gate)
}

pub fn first<T: Argument>(arguments: Arguments<'_>) -> Result<T, Error> {
    arguments.reader(&["value"])?.take()
}

pub fn done<T: serde::Serialize + ?Sized>(value: &T) -> Reply {
    Reply::value(value, Encoding::MessagePack)
}

/// Gives its argument back.
fn echo(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    match first::<Value>(arguments) {
        Ok(value) => Dispatch::future(async move { done(&value) }),
        Err(error) => Dispatch::refused(error),
    }
}

/// Writes its argument down.
fn note(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    match first::<Value>(arguments) {
        Ok(value) => {
            Journal::of(context).write(value.to_string());
            Dispatch::Ready(done(&()))
        }
        Err(error) => Dispatch::refused(error),
    }
}

/// Never ends; tells when it began and when it is dropped.
fn never(context: &Context, _: Arguments<'_>) -> Dispatch {
    let journal = Journal::of(context);
    Dispatch::future(async move {
        journal.write("never began");
        let _guard = OnDrop(journal, "never dropped");
        std::future::pending().await
    })
}

/// Waits for the gate.
fn wait(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value = first::<Value>(arguments).unwrap_or(Value::Nil);
    let (journal, gate) = (Journal::of(context), Gate::of(context));
    Dispatch::future(async move {
        journal.write(format!("began {value}"));
        gate.pass().await;
        journal.write(format!("ended {value}"));
        done(&value)
    })
}

/// Panics while it runs, or before it does.
fn explode(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    assert!(first::<Value>(arguments).is_err(), "boom before the future");
    Dispatch::future(async {
        tokio::task::yield_now().await;
        panic!("boom in the future")
    })
}

/// A reply of as many bytes as it is told.
fn big(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    match first::<usize>(arguments) {
        Ok(size) => {
            Journal::of(context).write("big");
            Dispatch::Ready(done(&"x".repeat(size)))
        }
        Err(error) => Dispatch::refused(error),
    }
}

/// Asks the peer, and tells how that ended.
fn ask(context: &Context, _: Arguments<'_>) -> Dispatch {
    let context = context.clone();
    let journal = Journal::of(&context);
    Dispatch::future(async move {
        let _guard = OnDrop(journal.clone(), "ask dropped");
        let socket = context.socket().expect("a socket");
        match socket.call::<Value>("question", &()).await {
            Ok(answer) => done(&answer),
            Err(error) => Reply::error(error),
        }
    })
}

fn connected(context: &Context, _: Arguments<'_>) -> Dispatch {
    Journal::of(context).write("connect");
    Dispatch::Ready(done(&()))
}

fn disconnected(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let journal = Journal::of(context);
    let reason: String = first(arguments).expect("a reason");
    Dispatch::future(async move {
        // Not at the first poll: that is when it could get lost.
        tokio::time::sleep(Duration::from_millis(1)).await;
        journal.write(format!("disconnect: {reason}"));
        done(&())
    })
}

/// Lets nobody in before the gate opens.
fn wait_to_connect(context: &Context, _: Arguments<'_>) -> Dispatch {
    let (journal, gate) = (Journal::of(context), Gate::of(context));
    Dispatch::future(async move {
        journal.write("connecting");
        let _guard = OnDrop(journal, "connect over");
        gate.pass().await;
        done(&())
    })
}

pub static ECHO: HandlerEntry = HandlerEntry::new("echo", echo, HERE);
pub static NOTE: HandlerEntry = HandlerEntry::new("note", note, HERE);
pub static NEVER: HandlerEntry = HandlerEntry::new("never", never, HERE);
pub static WAIT: HandlerEntry = HandlerEntry::new("wait", wait, HERE);
pub static WAIT_IN_TURN: HandlerEntry = HandlerEntry::new("wait_in_turn", wait, HERE).sequentially();
pub static EXPLODE: HandlerEntry = HandlerEntry::new("explode", explode, HERE);
pub static BIG: HandlerEntry = HandlerEntry::new("big", big, HERE);
pub static ASK: HandlerEntry = HandlerEntry::new("ask", ask, HERE);
pub static CONNECT: HandlerEntry = HandlerEntry::new("connect", connected, HERE);
pub static DISCONNECT: HandlerEntry = HandlerEntry::new("disconnect", disconnected, HERE);
/// The same in a namespace whose `connect` waits.
pub static SLOW_CONNECT: HandlerEntry =
    HandlerEntry::new("connect", wait_to_connect, HERE).namespaced("/slow");
pub static SLOW_DISCONNECT: HandlerEntry =
    HandlerEntry::new("disconnect", disconnected, HERE).namespaced("/slow");
pub static SLOW_NOTE: HandlerEntry = HandlerEntry::new("note", note, HERE).namespaced("/slow");
