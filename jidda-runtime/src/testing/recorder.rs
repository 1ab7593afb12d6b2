//! A record of the events that a server sends.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::hub::Selection;
use crate::id::SocketId;
use crate::objects::{ObserverId, Socket};
use crate::payload::{self, CodecError, Encoding, Value};

/// An event that was sent to a socket.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedEvent {
    recipient: SocketId,
    event: String,
    arguments: Vec<Value>,
}

impl RecordedEvent {
    /// The socket that it was sent to.
    pub fn recipient(&self) -> SocketId {
        self.recipient
    }

    /// The event's name.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The arguments, undecoded.
    pub fn arguments(&self) -> &[Value] {
        &self.arguments
    }

    /// Decodes the arguments: a tuple is several, any other type is one, `()` is none.
    ///
    /// # Errors
    ///
    /// The arguments are not of this type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CodecError> {
        match &*self.arguments {
            [] => payload::from_value(Value::Nil),
            [one] => payload::from_value(one.clone())
                .or_else(|error| payload::from_value(Value::Array(vec![one.clone()])).map_err(|_| error)),
            several => payload::from_value(Value::Array(several.to_vec())),
        }
    }
}

impl fmt::Display for RecordedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Written(&self.event, &self.arguments).fmt(f)
    }
}

/// An event as messages show it.
struct Written<'a>(&'a str, &'a [Value]);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.0)?;
        for (index, argument) in self.1.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{argument}")?;
        }
        f.write_str(")")
    }
}

#[derive(Debug, Default)]
struct Record {
    events: Mutex<Vec<RecordedEvent>>,
    added: Notify,
}

/// Records the events that are sent to one socket or to several, broadcasts included, from its creation until it is dropped.
///
/// An event is in the record once its `emit` has been awaited, whether or not the peer has read it.
///
/// ```
/// use jidda::testing::{Recorder, TestServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jidda::Result<()> {
/// let server = TestServer::builder().start().await?;
/// let (ada, bob) = (server.connect().await?, server.connect().await?);
/// server.socket(&ada).join("lobby").await?;
/// let lobby = Recorder::of_selection(&server.to("lobby"));
/// let others = Recorder::of(&server.socket(&bob));
///
/// server.to("lobby").emit("posted", &("ada", "hello")).await?;
/// lobby.assert_emitted("posted", &("ada", "hello"));
/// others.assert_not_emitted("posted");
/// let posted: Vec<(String, String)> = lobby.take("posted");
/// assert_eq!(posted[0].1, "hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder {
    record: Arc<Record>,
    observed: Vec<(Socket, ObserverId)>,
}

impl Recorder {
    /// Records what is sent to this socket of a server.
    pub fn of(socket: &Socket) -> Self {
        Self::of_sockets([socket.clone()])
    }

    /// Records what is sent to the sockets that are in this selection now, such as those in a room.
    pub fn of_selection(selection: &Selection) -> Self {
        Self::of_sockets(selection.sockets())
    }

    fn of_sockets(sockets: impl IntoIterator<Item = Socket>) -> Self {
        let record: Arc<Record> = Arc::default();
        let observe = |socket: Socket| {
            let (record, recipient) = (Arc::clone(&record), socket.id());
            let observer = socket.on_any_outgoing(move |event, arguments| {
                let (event, arguments) = (event.to_string(), arguments.0.clone());
                record.events.lock().push(RecordedEvent { recipient, event, arguments });
                record.added.notify_waiters();
            });
            (socket, observer)
        };
        Self { observed: sockets.into_iter().map(observe).collect(), record }
    }

    /// Returns all events of the record, in the order in which they were sent.
    pub fn events(&self) -> Vec<RecordedEvent> {
        self.record.events.lock().clone()
    }

    /// Removes the events of this name from the record, and returns their arguments: a tuple is several, any other type one.
    ///
    /// # Panics
    ///
    /// When an event's arguments are not of this type.
    #[track_caller]
    pub fn take<T: DeserializeOwned>(&self, event: &str) -> Vec<T> {
        let taken: Vec<_> =
            self.record.events.lock().extract_if(.., |recorded| recorded.event == event).collect();
        let decode = |recorded: &RecordedEvent| {
            recorded.decode().unwrap_or_else(|error| panic!("{recorded} is not of this type: {error}"))
        };
        taken.iter().map(decode).collect()
    }

    /// Waits until an event of this name is in the record, and returns the first one.
    ///
    /// There is no limit: use `tokio::time::timeout` around it.
    ///
    /// # Cancel safety
    ///
    /// Nothing is removed from the record, so that nothing is lost by dropping the future.
    pub async fn wait_for(&self, event: &str) -> RecordedEvent {
        loop {
            let mut added = std::pin::pin!(self.record.added.notified());
            // Before the look: an event between the two wakes it.
            added.as_mut().enable();
            let found = self.record.events.lock().iter().find(|recorded| recorded.event == event).cloned();
            match found {
                Some(found) => return found,
                None => added.await,
            }
        }
    }

    /// Empties the record.
    pub fn clear(&self) {
        self.record.events.lock().clear();
    }

    /// Asserts that an event was sent with these arguments: a tuple is several, any other type one.
    ///
    /// # Panics
    ///
    /// When it was not; the message lists what was.
    #[track_caller]
    pub fn assert_emitted<A: Serialize + ?Sized>(&self, event: &str, arguments: &A) {
        let mut bytes = Vec::new();
        payload::encode_arguments_into(&mut bytes, arguments, Encoding::MessagePack)
            .expect("the arguments can be serialized");
        let arguments: Vec<Value> =
            payload::decode(&bytes, Encoding::MessagePack).expect("they were just encoded");
        let events = self.events();
        let is_emitted =
            events.iter().any(|recorded| recorded.event == event && recorded.arguments == arguments);
        assert!(is_emitted, "{} was not emitted; {}", Written(event, &arguments), Listed(&events));
    }

    /// Asserts that no event of this name was sent.
    ///
    /// # Panics
    ///
    /// When one was.
    #[track_caller]
    pub fn assert_not_emitted(&self, event: &str) {
        let events = self.events();
        let unwanted = events.iter().any(|recorded| recorded.event == event);
        assert!(!unwanted, "`{event}` was emitted; {}", Listed(&events));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        for (socket, observer) in &self.observed {
            socket.off_any(*observer);
        }
    }
}

/// What was emitted, for a message.
struct Listed<'a>(&'a [RecordedEvent]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing was");
        }
        f.write_str("these were:")?;
        self.0.iter().try_for_each(|recorded| write!(f, "\n    {recorded} to {}", recorded.recipient))
    }
}
