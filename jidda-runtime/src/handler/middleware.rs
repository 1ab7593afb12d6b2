//! What stands around handlers.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use super::{Argument, ArgumentReader, Arguments, Context, Dispatch, Reply, State};
use crate::error::Error;
use crate::payload::Encoding;
use crate::peer::{PeerAddress, Time};

/// A handler that stands in no table: one added at run time, or the inbox of bare messages.
pub(crate) type Callback = Arc<dyn Fn(Arguments<'_>, Encoding) -> Dispatch + Send + Sync>;

/// The function a macro writes for a handler: decodes the arguments, then runs the handler if it has nothing to wait for,
/// or returns its future.
pub type Glue = fn(&Context, Arguments<'_>) -> Dispatch;

/// The function a macro writes for a middleware.
pub type MiddlewareFunction = fn(Call, Next) -> BoxFuture<'static, Reply>;

/// The middlewares around a handler, the outermost first.
pub(crate) type Chain = Arc<[MiddlewareFunction]>;

/// One event on its way to its handler, as a middleware sees it. `connect` is one of them.
pub struct Call {
    context: Context,
    arguments: Bytes,
    time: Time,
    /// What is at the end of the chain, if it is not the route's own function.
    callback: Option<Callback>,
}

impl Call {
    /// Packs an event up for the way through the middlewares; its arguments are copied.
    pub fn new(context: Context, arguments: Arguments<'_>) -> Self {
        Self { arguments: arguments.to_bytes(), context, time: Time(SystemTime::now()), callback: None }
    }

    pub(crate) fn to(mut self, callback: Callback) -> Self {
        self.callback = Some(callback);
        self
    }

    /// The event's name.
    pub fn event(&self) -> &str {
        self.context.event()
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.context.origin().namespace()
    }

    /// The address of its sender.
    pub fn peer(&self) -> PeerAddress {
        self.context.origin().peer()
    }

    /// When it was read.
    pub fn time(&self) -> Time {
        self.time
    }

    /// The state of type `T` that the server was built with.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<&State<T>> {
        self.context.state()
    }

    /// A clone of the value of type `T` kept with the socket.
    pub fn value<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.context.value()
    }

    /// Reads the first argument, for a middleware that looks into the message.
    ///
    /// # Errors
    ///
    /// `bad_arguments` when it is missing or not a `T`.
    pub fn argument<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::take(&mut self.reader()?, "argument")
    }

    fn reader(&self) -> Result<ArgumentReader<'_>, Error> {
        self.arguments().reader(&["argument"])
    }

    pub(crate) fn arguments(&self) -> Arguments<'_> {
        Arguments::new(&self.arguments, self.context.origin().encoding())
    }

    /// Origin and route of the event.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("context", &self.context).finish_non_exhaustive()
    }
}

/// What a middleware that looks at a call returns: a `Result`, whose error refuses the call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether the call goes on",
    label = "not a `Result`",
    note = "a middleware is `async fn (call: Call, next: Next) -> Reply`, around the call, or \
            `fn (call: &Call) -> Result<()>`, async or not, before it"
)]
pub trait Verdict {
    #[doc(hidden)]
    fn refusal(self) -> Option<Reply>;
}

impl<T, E: Into<Error>> Verdict for Result<T, E> {
    fn refusal(self) -> Option<Reply> {
        self.err().map(Reply::error)
    }
}

/// The reply that refuses a call, if it is refused.
pub fn refusal(verdict: impl Verdict) -> Option<Reply> {
    verdict.refusal()
}

/// What follows a middleware: the next one, or the handler.
pub struct Next {
    chain: Chain,
    position: usize,
    glue: Glue,
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Next {
    /// The first of a chain, at whose end is `glue`.
    pub(crate) fn first(chain: &Chain, glue: Glue) -> Self {
        Self { chain: Arc::clone(chain), position: 0, glue }
    }

    /// Runs the rest of the chain and returns its reply.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handler where it stands.
    pub fn run(mut self, call: Call) -> BoxFuture<'static, Reply> {
        if let Some(&middleware) = self.chain.get(self.position) {
            self.position += 1;
            return middleware(call, self);
        }
        let Call { context, arguments, callback, .. } = call;
        let encoding = context.origin().encoding();
        let arguments = Arguments::new(&arguments, encoding);
        Box::pin(match callback {
            Some(callback) => callback(arguments, encoding).reply(),
            None => (self.glue)(&context, arguments).reply(),
        })
    }
}
