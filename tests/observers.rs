//! Handles of sockets: observers that can be removed, everyone in a namespace, sockets as keys.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jidda::middleware::{Call, Next};
use jidda::prelude::*;

struct Observed;

#[on(app = Observed)]
async fn echo(text: String) -> String {
    text
}

#[on(app = Observed)]
async fn greet_all(socket: &Socket) -> jidda::Result<usize> {
    Ok(socket.everyone().emit("greeting", &()).await?)
}

#[middleware(app = Observed)]
async fn note(call: Call, next: Next) -> Reply {
    let socket = call.socket().expect("it was received on a socket");
    let journal = call.state::<Mutex<Vec<SocketId>>>().expect("the server's");
    journal.lock().unwrap().push(socket.id());
    next.run(call).await
}

async fn server(name: &str) -> (Server, Client) {
    let address = format!("mem:{name}");
    let builder = Server::builder().app::<Observed>().state(Mutex::new(Vec::<SocketId>::new()));
    let server = builder.listen(&address).start().await.unwrap();
    let client = Client::connect(&address).await.unwrap();
    (server, client)
}

#[tokio::test]
async fn observers_are_removed_one_by_one() {
    let (server, client) = server("observers").await;
    let socket = server.sockets().pop().unwrap();
    let seen: Arc<[AtomicUsize; 3]> = Arc::default();
    let count = |place: usize| {
        let seen = Arc::clone(&seen);
        move || {
            seen[place].fetch_add(1, Ordering::Relaxed);
        }
    };
    let (first, second, outgoing) = (count(0), count(1), count(2));
    let first = socket.on_any(move |_, _| first());
    let second = socket.on_any(move |_, _| second());
    let outgoing = socket.on_any_outgoing(move |_, _| outgoing());
    let round = async || {
        echo::call(&client, "one").await.unwrap();
        socket.emit("news", &()).await.unwrap();
        [0, 1, 2].map(|place| seen[place].load(Ordering::Relaxed))
    };
    assert_eq!(round().await, [1, 1, 1]);
    assert!(socket.off_any(first));
    assert!(!socket.off_any(first), "it was there once");
    assert_eq!(round().await, [1, 2, 2]);
    assert!(socket.off_any(outgoing) && socket.off_any(second));
    assert_eq!(round().await, [1, 2, 2]);
}

#[tokio::test]
async fn everyone_is_this_socket_too() {
    let (server, client) = server("everyone").await;
    let other = Client::connect("mem:everyone").await.unwrap();
    assert_eq!(greet_all::call(&client).await.unwrap(), 2);
    #[allow(clippy::mutable_key_type)] // A socket is hashed by its identity, which does not change.
    let sockets: HashSet<_> = server.sockets().into_iter().chain(server.sockets()).collect();
    assert_eq!(sockets.len(), 2, "a socket is one key, however many handles it has");
    let journal = server.state::<Mutex<Vec<SocketId>>>().unwrap();
    assert!(journal.lock().unwrap().contains(&client.root().id()), "middleware has the caller's socket");
    drop(other);
}
