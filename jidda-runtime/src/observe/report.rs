//! Reports of failures on this side to the program: the only way from a failure to what its peer may know of it.

use std::fmt;
use std::sync::Arc;

use crate::failure::{Cause, Failure};
use crate::foreign::{in_one_line, printable, shown};
use crate::guard::{discard, guarded};
use crate::handler::{HandlerEntry, Origin};
use crate::id::{ConnectionId, SocketId};
use crate::payload::Value;

/// The hook for all failures: see [`ServerBuilder::on_error`](crate::ServerBuilder::on_error).
#[derive(Clone)]
pub(crate) struct ErrorHook(Arc<dyn Fn(&ErrorReport) + Send + Sync>);

impl ErrorHook {
    pub(crate) fn new(hook: impl Fn(&ErrorReport) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for ErrorHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorHook")
    }
}

/// How something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// An error that a handler returned by `?`: the peer received an id.
    Internal,
    /// A panic: the peer received an id.
    Panic,
    /// The handler's own error type: the peer received all of it.
    App,
    /// A [`jidda::Error`](crate::Error) with a code, or arguments that do not fit: the peer received all of it.
    Refused,
    /// The time-out of the handler or of its caller was exceeded.
    Timeout,
}

impl FailureKind {
    /// Its name in lower case, for logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Panic => "panic",
            Self::App => "app",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
        }
    }
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureOrigin {
    /// A handler of the table, `connect` and `disconnect` included, or a middleware around it.
    Handler,
    /// A closure that was added at run time: `socket.on`, `socket.on_any`, `server.on`.
    Listener,
    /// A job of `socket.spawn`, `socket.after` or `socket.every`.
    Job,
    /// The server's authenticator failed itself: refused credentials are not reported.
    Authenticator,
    /// A hook of the program's, such as that of `socket.on_refused` or a readiness check.
    Hook,
    /// The destructor of a value of the program: one that is stored in a socket, a connection, a session or the
    /// server, or that a closure holds.
    Destructor,
}

impl FailureOrigin {
    /// Its name in lower case, for logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Listener => "listener",
            Self::Job => "job",
            Self::Authenticator => "authenticator",
            Self::Hook => "hook",
            Self::Destructor => "destructor",
        }
    }
}

/// A failure of the program's own code, as the `on_error` hook receives it. It prints as one line.
///
/// A clone can be sent to another task; it keeps the memory of the socket alive.
#[derive(Clone)]
pub struct ErrorReport {
    kind: FailureKind,
    origin: FailureOrigin,
    namespace: Box<str>,
    event: Option<Box<str>>,
    entry: Option<&'static HandlerEntry>,
    location: Option<(&'static str, u32)>,
    origin_socket: Option<(Arc<dyn Origin>, SocketId, ConnectionId)>,
    id: Option<SocketId>,
    failure: Failure,
}

impl ErrorReport {
    /// How it failed.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// What failed.
    pub fn origin(&self) -> FailureOrigin {
        self.origin
    }

    /// The namespace; empty if there is none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The event's name, `connect` and `disconnect` included; `None` for jobs.
    pub fn event(&self) -> Option<&str> {
        self.event.as_deref()
    }

    /// The handler's entry, where it is a handler of the table.
    pub fn entry(&self) -> Option<&'static HandlerEntry> {
        self.entry
    }

    /// File and line, where they are known: the handler's, or where the job was started.
    pub fn location(&self) -> Option<(&'static str, u32)> {
        self.location
    }

    /// The socket, if there is one.
    pub(crate) fn origin_socket(&self) -> Option<&Arc<dyn Origin>> {
        self.origin_socket.as_ref().map(|(origin, ..)| origin)
    }

    /// The id of an internal error or a panic: it is all that the peer received.
    pub fn id(&self) -> Option<&str> {
        self.id.as_ref().map(SocketId::as_str)
    }

    /// The code: `internal`, `timeout`, the name of the error's variant, or the program's own.
    pub fn code(&self) -> &str {
        &self.failure.code
    }

    /// The text of the error; for an internal error, followed by the texts of its sources.
    pub fn message(&self) -> &str {
        &self.failure.message
    }

    /// The data of the error: for the handler's own error type, the error itself.
    pub fn data(&self) -> Option<Value> {
        self.failure.data.as_ref().and_then(|data| data.to_value().ok())
    }

    /// The error that was returned by `?`, for `downcast_ref`.
    pub fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.failure.cause {
            Some(Cause::Error(error)) => Some(&**error),
            _ => None,
        }
    }

    /// The error and its sources as text, outermost first.
    pub fn chain(&self) -> Vec<String> {
        match self.source() {
            Some(error) => {
                std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
            }
            None => vec![self.message().to_owned()],
        }
    }

    /// Without a hook, the part that the peer did not receive is logged.
    fn log(&self) {
        let is_late_end = self.event() == Some("disconnect") && self.kind == FailureKind::Timeout;
        let is_untold = matches!(self.origin, FailureOrigin::Job | FailureOrigin::Hook) || is_late_end;
        if self.id.is_some() || is_untold {
            let (namespace, event, id) = (self.namespace(), self.event().unwrap_or_default(), self.id());
            let place = self.location.map(|(file, line)| format!("{file}:{line}"));
            let (place, error) = (place.as_deref(), in_one_line(self.message()));
            let origin = self.origin.as_str();
            let (namespace, event) = (&*shown(namespace), &*shown(event));
            tracing::error!(namespace, event, id, place, %error, "a {origin} failed");
        } else {
            tracing::debug!("{self}");
        }
    }
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of a {}", self.kind.as_str(), self.origin.as_str())?;
        match self.event() {
            Some(event) if self.namespace.is_empty() => write!(f, ", `{}`", printable(event))?,
            Some(event) => write!(f, ", `{}` in `{}`", printable(event), printable(self.namespace()))?,
            None if self.namespace.is_empty() => {}
            None => write!(f, ", in `{}`", printable(self.namespace()))?,
        }
        if let Some((file, line)) = self.location {
            write!(f, ", at {file}:{line}")?;
        }
        if let Some((_, socket, connection)) = &self.origin_socket {
            write!(f, ", socket {socket} of connection {connection}")?;
        }
        if let Some(id) = &self.id {
            write!(f, ", id {id}")?;
        }
        write!(f, ": {} ({})", in_one_line(self.message()), printable(self.code()))
    }
}

/// The same line as [`Display`](fmt::Display).
impl fmt::Debug for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The part of a socket that a report contains.
pub(crate) trait ReportedSocket: Send + Sync {
    fn origin(&self) -> Arc<dyn Origin>;
    fn id(&self) -> SocketId;
    fn connection_id(&self) -> ConnectionId;
}

/// Where something failed.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) origin: FailureOrigin,
    pub(crate) namespace: &'a str,
    pub(crate) event: Option<&'a str>,
    pub(crate) entry: Option<&'static HandlerEntry>,
    pub(crate) location: Option<(&'static str, u32)>,
    pub(crate) socket: Option<&'a dyn ReportedSocket>,
}

impl<'a> Place<'a> {
    /// What belongs to no socket: `event` is its name.
    pub(crate) fn apart(origin: FailureOrigin, event: &'a str) -> Self {
        Self { origin, namespace: "", event: Some(event), entry: None, location: None, socket: None }
    }

    /// An authenticator.
    pub(crate) fn authentication(namespace: &'a str) -> Self {
        Self { namespace, ..Self::apart(FailureOrigin::Authenticator, "authentication") }
    }

    /// The destructor of what runs, or is kept, there.
    pub(crate) fn destructor(self) -> Self {
        Self { origin: FailureOrigin::Destructor, ..self }
    }
}

/// Where the failures of one server, or of one client, are reported.
#[derive(Debug, Default)]
pub(crate) struct Reporter {
    /// Sees what fails in the program's own code; without it, it is logged.
    pub(crate) hook: Option<ErrorHook>,
}

impl Reporter {
    /// Reports a failure of the program's own code. Returns the failure for the peer: for an
    /// internal one only an id, under which this side has reported the text.
    ///
    /// Every failure passes through here, so that none is missed and none is reported twice.
    #[cold]
    pub(crate) fn disclose(&self, place: Place<'_>, failure: Failure) -> Failure {
        let kind = match &failure.cause {
            Some(Cause::Error(_)) => FailureKind::Internal,
            Some(Cause::Panic) => FailureKind::Panic,
            Some(Cause::Timeout) => FailureKind::Timeout,
            // It was reported before.
            Some(Cause::Hidden) => return failure,
            // jidda's own refusal of an event without a handler, or the answer of another server.
            None if place.origin == FailureOrigin::Handler && place.entry.is_none() => return failure,
            // Anyone may send bad credentials.
            None if place.origin == FailureOrigin::Authenticator => return failure,
            None if failure.app => FailureKind::App,
            None => FailureKind::Refused,
        };
        let id = failure.is_internal().then(SocketId::random);
        let public = id.map_or_else(|| failure.clone(), |id| Failure::internal(id.as_str()));
        let report = ErrorReport {
            kind,
            origin: place.origin,
            namespace: place.namespace.into(),
            event: place.event.map(Into::into),
            entry: place.entry,
            location: place.location,
            origin_socket: place.socket.map(|socket| (socket.origin(), socket.id(), socket.connection_id())),
            id,
            failure,
        };
        match &self.hook {
            // The program's own code, like a handler: it must not take the connection's task along.
            Some(ErrorHook(hook)) => {
                if let Err(failure) = guarded(|| hook(&report)) {
                    let error = in_one_line(&failure.message);
                    tracing::error!(%error, "the hook for errors panicked at this one: {report}");
                }
            }
            None => report.log(),
        }
        // It holds the program's own error.
        discard("the destructor of an error", report);
        public
    }

    /// Runs code of the program. A panic is reported and has no other effect.
    #[inline]
    pub(crate) fn run<R>(&self, place: Place<'_>, run: impl FnOnce() -> R) -> Option<R> {
        guarded(run).map_err(|failure| self.disclose(place, *failure)).ok()
    }

    /// Drops a value of the program. No lock may be held: its destructor may call anything.
    #[inline]
    pub(crate) fn discard<T>(&self, place: Place<'_>, value: T) {
        self.run(place.destructor(), || drop(value));
    }
}
