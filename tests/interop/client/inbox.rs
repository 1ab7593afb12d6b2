//! What a socket received, in order.

use jidda::Socket;
use jidda::handler::RawArguments;
use jidda::payload::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The arguments of each event of one name.
#[derive(Debug)]
pub(crate) struct Inbox(UnboundedReceiver<Vec<Value>>);

impl Inbox {
    pub(crate) fn new(socket: &Socket, event: &str) -> Self {
        let (sender, receiver) = unbounded_channel();
        socket.on(event, move |arguments: RawArguments| {
            sender.send(arguments.0).ok();
            async {}
        });
        Self(receiver)
    }

    /// The next one, when it is there.
    pub(crate) async fn next(&mut self) -> Vec<Value> {
        self.0.recv().await.expect("the socket has the sender")
    }

    /// The first argument of the next one.
    pub(crate) async fn first(&mut self) -> Value {
        self.next().await.into_iter().next().unwrap_or(Value::Nil)
    }

    /// The first arguments of all that are there.
    pub(crate) fn firsts(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Ok(arguments) = self.0.try_recv() {
            all.extend(arguments.into_iter().next());
        }
        all
    }
}
