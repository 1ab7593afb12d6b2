//! The blocking client wherever it is used and dropped.
#![allow(missing_docs)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use jidda::error::{CallError, ConnectError, RecvError, SendError};
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::server::ServerBuilder;
use jidda::{State, blocking};
use tokio::runtime::Runtime;

const LIMIT: Duration = Duration::from_secs(60);

struct Office;

#[on("double", app = Office)]
async fn double(n: i64) -> i64 {
    2 * n
}

#[on("note", app = Office)]
async fn note(notes: &State<Arc<AtomicUsize>>) {
    notes.fetch_add(1, Ordering::SeqCst);
}

#[on("poke", app = Office)]
async fn poke(socket: &Socket) -> jidda::Result<Value> {
    Ok(socket.call("poked", &1).await?)
}

#[on("bye", app = Office)]
async fn bye(socket: &Socket) {
    socket.close();
}

/// Asks another server, in a thread for blocking code.
#[on("inner", app = Office, blocking)]
fn inner(address: String) -> jidda::Result<i64> {
    let client = blocking::Client::connect(&address)?;
    Ok(client.call::<i64>("double", &21).wait()?)
}

/// How often a client's own thread has panicked.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn watch_threads() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() == Some("jidda-client") {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            hook(info);
        }));
    });
}

struct Place {
    runtime: Runtime,
    server: Server,
    notes: Arc<AtomicUsize>,
}

impl Place {
    fn new() -> Self {
        watch_threads();
        let runtime = Runtime::new().unwrap();
        let notes = Arc::default();
        let builder: ServerBuilder = Server::builder().app::<Office>().state(Arc::clone(&notes));
        let server = runtime.block_on(builder.listen("127.0.0.1:0").start()).unwrap();
        Self { runtime, server, notes }
    }

    fn address(&self) -> String {
        self.server.addresses()[0].to_string()
    }

    fn client(&self) -> blocking::Client {
        blocking::Client::connect(&self.address()).unwrap()
    }

    fn is_left(&self) {
        eventually("the client has left", || self.server.count() == 0);
        assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    }
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "it never came true that {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn is_our_sentence(text: &str) {
    assert!(text.contains("use `jidda::Client` there"), "{text}");
}

/// All that fails in async code, and says why.
fn everything(client: &blocking::Client, address: &str) {
    let error = blocking::Client::connect(address).unwrap_err();
    assert!(matches!(error, ConnectError::InsideRuntime));
    is_our_sentence(&error.to_string());
    let error = client.call::<i64>("double", &1).wait().unwrap_err();
    assert!(matches!(error, CallError::Send(SendError::InsideRuntime)));
    is_our_sentence(&error.to_string());
    assert_eq!(client.emit("note", &()), Err(SendError::InsideRuntime));
    assert_eq!(client.send(&1), Err(SendError::InsideRuntime));
    assert_eq!(client.recv::<i64>(), Err(RecvError::InsideRuntime));
    assert!(client.join("/", &()).is_err());
    let items: Vec<_> = client.stream::<i64>("double", &1).collect();
    assert_eq!(items, [Err(CallError::Send(SendError::InsideRuntime))]);
    let panicking: [&dyn Fn(); 2] = [&|| client.disconnect(), &|| client.wait(async {})];
    for panics in panicking {
        let panic = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        is_our_sentence(panic.downcast_ref::<String>().expect("a text"));
    }
}

#[test]
fn in_async_code_each_use_says_what_to_use_there() {
    let place = Place::new();
    let (client, address) = (place.client(), place.address());
    let one_thread = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    one_thread.block_on(async { everything(&client, &address) });
    place.runtime.block_on(async { everything(&client, &address) });
    let spawned = {
        let client = client.clone();
        async move { everything(&client, &address) }
    };
    place.runtime.block_on(place.runtime.spawn(spawned)).unwrap();
    // It has taken no harm.
    assert_eq!(client.call::<i64>("double", &21).wait(), Ok(42));
    drop(client);
    place.is_left();
}

#[test]
fn threads_for_blocking_code_may_use_it() {
    let place = Place::new();
    let client = place.client();
    assert_eq!(client.call::<i64>("inner", &place.address()).wait(), Ok(42));
    let _context = place.runtime.enter();
    assert_eq!(client.call::<i64>("double", &21).wait(), Ok(42));
    let in_place = {
        let client = client.clone();
        async move { tokio::task::block_in_place(|| client.call::<i64>("double", &21).wait()) }
    };
    assert_eq!(place.runtime.block_on(place.runtime.spawn(in_place)).unwrap(), Ok(42));
    drop(client);
    place.is_left();
}

#[test]
fn its_own_handlers_may_not_wait_for_it() {
    let place = Place::new();
    let client = place.client();
    let own = client.clone();
    client.on("poked", move |n: i64| {
        let own = own.clone();
        async move { own.call::<i64>("double", &n).wait().map_err(|error| error.to_string()) }
    });
    let said: Value = client.call("poke", &()).wait().unwrap_or_else(|error| error.to_string().into());
    is_our_sentence(&said.to_string());
    client.disconnect();
    drop(client);
    place.is_left();
}

#[test]
fn it_can_be_dropped_anywhere() {
    let place = Place::new();
    let client = place.client();
    place.runtime.block_on(place.runtime.spawn(async move { drop(client) })).unwrap();
    place.is_left();
    let client = place.client();
    place.runtime.block_on(async move { drop(client) });
    place.is_left();
    let one_thread = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let client = place.client();
    one_thread.block_on(async move { drop(client) });
    place.is_left();
    let client = place.client();
    place.runtime.block_on(place.runtime.spawn_blocking(move || drop(client))).unwrap();
    place.is_left();
    // Before a call that was never sent.
    let client = place.client();
    let stream = client.stream::<i64>("double", &1);
    drop(client);
    place.runtime.block_on(async move { drop(stream) });
    place.is_left();
    // While its thread unwinds.
    let client = place.client();
    let unwinding = std::thread::spawn(move || {
        let _client = client;
        panic!("as it should");
    });
    assert!(unwinding.join().is_err());
    place.is_left();
}

#[test]
fn the_last_clone_may_go_down_on_its_own_thread() {
    let place = Place::new();
    let client = place.client();
    let (own, gone) = (client.clone(), Arc::new(()));
    let held = Arc::clone(&gone);
    client.on("poked", move |_: i64| {
        let _own = (own.clone(), Arc::clone(&held));
        async {}
    });
    client.call::<Value>("poke", &()).wait().unwrap();
    client.emit("bye", &()).unwrap();
    drop(client);
    // The closure goes when the connection ends, and with it the client.
    eventually("the closure is gone", || Arc::strong_count(&gone) == 1);
    place.is_left();
}

#[test]
fn emitted_events_are_written_before_the_client_ends() {
    let place = Place::new();
    for n in 1..=20 {
        let client = place.client();
        for _ in 0..50 {
            client.emit("note", &()).unwrap();
        }
        drop(client);
        eventually("all have arrived", || place.notes.load(Ordering::SeqCst) == 50 * n);
    }
    place.is_left();
}
