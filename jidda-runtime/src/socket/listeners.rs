//! Handlers added at run time.

use std::sync::Arc;

use serde::Serialize;

use crate::error::Error;
use crate::handler::{Argument, Arguments, Callback, Dispatch, EventName, RawArguments, ReplyValue};
use crate::objects::listeners::{Listeners, Observer, ObserverId};
use crate::objects::{Socket, SocketInner};
use crate::observe::report::{FailureOrigin, Place};
use crate::payload::{CodecError, Encoding};
use crate::socket::encoded::Encoded;
use crate::sync::atomic::Ordering;

/// A closure that can be an event's handler: it takes the event's arguments by value and gives a future of the
/// reply. Implemented for up to eight arguments.
#[diagnostic::on_unimplemented(
    message = "this closure cannot handle an event",
    note = "write `move |text: String, n: u32| async move {{ .. }}`: its arguments are decoded from the message, \
            its future is `Send`, and what it returns can be serialized"
)]
pub trait Listener<Arguments>: Send + Sync + 'static {
    #[doc(hidden)]
    fn run(&self, arguments: self::Arguments<'_>, encoding: Encoding) -> Dispatch;
}

const NAMES: &[&str] =
    &["argument", "argument", "argument", "argument", "argument", "argument", "argument", "argument"];

macro_rules! listener {
    ($($argument:ident)*) => {
        impl<Function, Output, $($argument,)*> Listener<($($argument,)*)> for Function
        where
            Function: Fn($($argument),*) -> Output + Send + Sync + 'static,
            Output: Future + Send + 'static,
            Output::Output: ReplyValue,
            $($argument: Argument,)*
        {
            #[allow(non_snake_case, unused_mut, unused_variables)]
            fn run(&self, arguments: Arguments<'_>, encoding: Encoding) -> Dispatch {
                let mut reader = match arguments.reader(NAMES) {
                    Ok(reader) => reader,
                    Err(error) => return Dispatch::refused(error),
                };
                $(let $argument = match reader.take::<$argument>() {
                    Ok(value) => value,
                    Err(error) => return Dispatch::refused(error),
                };)*
                let future = self($($argument),*);
                Dispatch::future(async move { future.await.into_reply(encoding) })
            }
        }
    };
}

listener!();
listener!(A1);
listener!(A1 A2);
listener!(A1 A2 A3);
listener!(A1 A2 A3 A4);
listener!(A1 A2 A3 A4 A5);
listener!(A1 A2 A3 A4 A5 A6);
listener!(A1 A2 A3 A4 A5 A6 A7);
listener!(A1 A2 A3 A4 A5 A6 A7 A8);

/// A closure as an event's handler.
fn callback<A, L: Listener<A>>(listener: L) -> Callback {
    Arc::new(move |arguments, encoding| listener.run(arguments, encoding))
}

/// Shows an event to the observers. One that panics is reported: neither the event nor the others are its own.
pub(crate) fn show(
    socket: &Arc<SocketInner>,
    observers: Vec<Observer>,
    event: &str,
    arguments: &RawArguments,
) {
    let hub = &socket.connection.hub;
    let place = Place::closure(FailureOrigin::Listener, socket, event);
    let name = EventName::new(event.to_owned());
    for observer in observers {
        hub.run(place, || observer(&name, arguments));
        // It may be the last one there is of it: the socket may have ended meanwhile.
        hub.discard(place, observer);
    }
}

impl SocketInner {
    /// Adds a closure, unless the socket is over: the closure may hold it, and nothing would free either.
    /// Gives what was replaced, to be dropped by the caller, after the lock: its destructor may use the socket. So may that of
    /// what is not added, since the socket has ended.
    pub(crate) fn add_listener<R>(&self, add: impl FnOnce(&mut Listeners) -> R) -> Option<R> {
        let (added, _unused) = self.extra(|extra| {
            if extra.is_released {
                return (None, Some(add));
            }
            self.has_listeners.store(true, Ordering::Release);
            (Some(add(&mut extra.listeners)), None)
        });
        added
    }

    pub(crate) fn with_listeners<R>(&self, change: impl FnOnce(&mut Listeners) -> R) -> R {
        let result = self.extra(|extra| change(&mut extra.listeners));
        self.has_listeners.store(true, Ordering::Release);
        result
    }

    /// Whether the program watches what is sent.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Acquire)
    }

    /// Shows an event that was sent to the observers; `list` is called only if there are some.
    #[inline]
    pub(crate) fn show_outgoing<A: Serialize + ?Sized>(self: &Arc<Self>, event: &str, arguments: &A) {
        if self.is_watched() {
            self.show_encoded(event, &Encoded::one(arguments, Encoding::MessagePack));
        }
    }

    /// The same for arguments that are encoded already.
    #[inline]
    pub(crate) fn show_outgoing_encoded(self: &Arc<Self>, event: &str, arguments: &Encoded) {
        if self.is_watched() {
            self.show_encoded(event, &Ok(arguments.clone()));
        }
    }

    #[cold]
    fn show_encoded(self: &Arc<Self>, event: &str, arguments: &Result<Encoded, CodecError>) {
        let observers = self.extra(|extra| extra.listeners.outgoing());
        let first = arguments.as_ref().ok().and_then(Encoded::any);
        let arguments = first.and_then(|(encoding, list)| observed(Arguments::new(list, encoding)).ok());
        show(self, observers, event, &arguments.unwrap_or_default());
    }
}

impl Socket {
    /// Handles `event` with a closure from now on, in place of an annotated handler. Its arguments are the
    /// event's, its value is the reply.
    ///
    /// The closure is dropped with the socket; it may hold a clone of it.
    ///
    /// # Panics
    ///
    /// When the event's name is reserved.
    pub fn on<A, L: Listener<A>>(&self, event: &str, listener: L) {
        assert!(!crate::socket::handle::is_reserved(event), "the event name `{event}` is reserved");
        self.inner.add_listener(|listeners| listeners.insert(event, callback(listener), false));
    }

    /// Handles the next `event` with a closure.
    ///
    /// # Panics
    ///
    /// When the event's name is reserved.
    pub fn once<A, L: Listener<A>>(&self, event: &str, listener: L) {
        assert!(!crate::socket::handle::is_reserved(event), "the event name `{event}` is reserved");
        self.inner.add_listener(|listeners| listeners.insert(event, callback(listener), true));
    }

    /// Takes the closure of `event` away. Whether there was one.
    pub fn off(&self, event: &str) -> bool {
        self.inner.with_listeners(|listeners| listeners.remove(event)).is_some()
    }

    /// Calls `observer` with every event before it is handled, until [`off_any`](Self::off_any) or the end of the socket.
    /// A panic of the observer is reported, and the event is handled all the same.
    ///
    /// ```no_run
    /// # fn example(socket: &jidda::Socket) {
    /// let logger = socket.on_any(|event, arguments| println!("{event} {arguments:?}"));
    /// assert!(socket.off_any(logger));
    /// # }
    /// ```
    pub fn on_any(&self, observer: impl Fn(&EventName, &RawArguments) + Send + Sync + 'static) -> ObserverId {
        let observer: Observer = Arc::new(observer);
        self.inner.add_listener(|listeners| listeners.observe(observer)).unwrap_or(ObserverId::NONE)
    }

    /// Calls `observer` with every event that was sent to this peer, broadcasts included, until
    /// [`off_any`](Self::off_any) or the end of the socket. A panic of the observer is reported, and harms neither the
    /// sender nor other peers.
    pub fn on_any_outgoing(
        &self,
        observer: impl Fn(&EventName, &RawArguments) + Send + Sync + 'static,
    ) -> ObserverId {
        let observer: Observer = Arc::new(observer);
        let id = self.inner.add_listener(|listeners| listeners.observe_outgoing(observer));
        self.inner.is_watched.store(true, Ordering::Release);
        id.unwrap_or(ObserverId::NONE)
    }

    /// Removes an observer that [`on_any`](Self::on_any) or [`on_any_outgoing`](Self::on_any_outgoing) added. Returns
    /// whether it was there.
    pub fn off_any(&self, observer: ObserverId) -> bool {
        // Dropped after the lock: its destructor may use the socket.
        let removed = self.inner.with_listeners(|listeners| listeners.remove_observer(observer));
        removed.is_some()
    }
}

/// Decodes all arguments for the observers; what cannot be decoded is shown as nothing.
pub(crate) fn observed(arguments: Arguments<'_>) -> Result<RawArguments, Error> {
    arguments.reader(NAMES)?.take::<RawArguments>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::encode_arguments_into;

    #[test]
    fn once_is_taken_once() {
        let mut listeners = Listeners::default();
        listeners.insert("a", callback(|n: u8| async move { n }), true);
        listeners.insert("b", callback(|| async {}), false);
        assert!(listeners.take("a").is_some());
        assert!(listeners.take("a").is_none());
        assert!(listeners.take("b").is_some());
        assert!(listeners.take("b").is_some());
        assert!(listeners.remove("b").is_some());
        assert!(listeners.take("b").is_none());
    }

    #[tokio::test]
    async fn a_closure_takes_arguments_and_replies() {
        let mut listeners = Listeners::default();
        listeners.insert("add", callback(|a: u8, b: u8| async move { a + b }), false);
        let mut bytes = Vec::new();
        encode_arguments_into(&mut bytes, &(1, 2), Encoding::MessagePack).unwrap();
        let callback = listeners.take("add").unwrap();
        let reply =
            callback(Arguments::new(&bytes, Encoding::MessagePack), Encoding::MessagePack).reply().await;
        assert_eq!(reply.payload().unwrap().decode::<u8>().unwrap(), 3);
    }
}
