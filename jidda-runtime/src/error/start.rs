//! Why a server or a client cannot start.

use std::fmt;
use std::io;

use crate::location::Location;

/// Why a server or a client cannot start: everything that is wrong, found before anything is started.
///
/// The text is a sentence for each problem; [`problems`](Self::problems) has them as data. `Debug` prints the same text, so
/// that `fn main() -> Result<(), StartError>` prints it for people.
///
/// ```
/// use jidda::error::StartProblem;
/// use jidda::{Server, StartError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error: StartError = Server::builder().max_message(0).listen("nowhere").build().unwrap_err();
/// assert!(matches!(
///     error.problems(),
///     [StartProblem::InvalidSetting { name: "max_message", .. }, StartProblem::InvalidAddress { .. }]
/// ));
/// # }
/// ```
pub struct StartError {
    /// `server` or `client`.
    of: &'static str,
    problems: Vec<StartProblem>,
}

/// One thing that keeps a server or a client from starting. It prints as one sentence that says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartProblem {
    /// An event has a handler that could never run, since another one is always chosen before it.
    #[non_exhaustive]
    DuplicateHandler {
        /// The event.
        event: &'static str,
        /// Its namespace.
        namespace: &'static str,
        /// The permissions that the first handler needs; empty when it is open to all callers.
        permissions: &'static [&'static str],
        /// Where the first handler is.
        location: Location,
        /// Where the others are.
        duplicates: Vec<Location>,
    },
    /// A handler is a method of a service that was not given and has no `Default`.
    #[non_exhaustive]
    MissingService {
        /// The service's type.
        service: &'static str,
        /// A handler that needs it.
        location: Location,
    },
    /// A handler borrows state that was not given.
    #[non_exhaustive]
    MissingState {
        /// The state's type.
        state: &'static str,
        /// A handler that borrows it.
        location: Location,
        /// The types of what was given instead and looks like it, such as an `Arc` of it.
        similar: Vec<&'static str>,
    },
    /// A handler borrows the parameters of its path, and neither its namespace nor a resource has any.
    #[non_exhaustive]
    MissingParameters {
        /// The event.
        event: &'static str,
        /// Its namespace.
        namespace: &'static str,
        /// Where the handler is.
        location: Location,
    },
    /// The pattern of a namespace cannot be read, or means the same as another one.
    #[non_exhaustive]
    InvalidNamespace {
        /// The pattern.
        namespace: &'static str,
        /// A handler in it, if there is one.
        location: Option<Location>,
        /// What is wrong with it.
        message: String,
    },
    /// A crate that is listed in `link` has no handler in the program.
    #[non_exhaustive]
    MissingCrate {
        /// The crate.
        crate_name: &'static str,
    },
    /// A limit or a duration has a value that nothing could keep.
    #[non_exhaustive]
    InvalidSetting {
        /// The method that sets it.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        rule: String,
    },
    /// An address cannot be read.
    #[non_exhaustive]
    InvalidAddress {
        /// The address as it was given.
        address: String,
        /// What is wrong with it.
        message: String,
    },
    /// An encrypted address lacks its certificate or keys, or a certificate or keys lack their address.
    #[non_exhaustive]
    Encryption {
        /// What is missing.
        message: String,
    },
    /// The system refused to listen at an address.
    #[non_exhaustive]
    Listen {
        /// The address.
        address: String,
        /// The operating system's reason.
        error: io::Error,
    },
    /// A server cannot dial an address.
    #[non_exhaustive]
    Dial {
        /// The address.
        address: String,
        /// What is wrong with it.
        message: String,
    },
    /// A proxy is wrong.
    #[non_exhaustive]
    Proxy {
        /// What is wrong with it.
        message: String,
    },
    /// A resource is wrong.
    #[non_exhaustive]
    Resource {
        /// Its path.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// The health endpoints are wrong.
    #[non_exhaustive]
    Health {
        /// What is wrong with them.
        message: String,
    },
    /// There is neither an address to listen at nor one to dial.
    NoAddress,
    /// There is no handler in the program.
    NoHandlers,
    /// A function that makes a tokio runtime of its own was called inside one.
    InsideRuntime,
    /// A function that needs a tokio runtime was called outside of one.
    OutsideRuntime,
    /// The system refused a runtime's threads, or to watch for signals.
    #[non_exhaustive]
    System {
        /// The operating system's reason.
        error: io::Error,
    },
}

impl StartError {
    pub(crate) fn new(of: &'static str, problems: Vec<StartProblem>) -> Self {
        Self { of, problems }
    }

    /// Gives an error if there are problems.
    pub(crate) fn check(of: &'static str, problems: Vec<StartProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::new(of, problems)) }
    }

    /// Everything that is wrong; at least one problem.
    pub fn problems(&self) -> &[StartProblem] {
        &self.problems
    }

    pub(crate) fn into_problems(self) -> Vec<StartProblem> {
        self.problems
    }
}

impl StartProblem {
    pub(crate) fn setting(name: &'static str, value: impl fmt::Debug, rule: impl Into<String>) -> Self {
        Self::InvalidSetting { name, value: format!("{value:?}"), rule: rule.into() }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} cannot start:", self.of)?;
        if let [problem] = &self.problems[..] {
            return write!(f, " {problem}");
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// It has no source, since it is a list: the errors of the operating system are in the problems, and in the text.
impl std::error::Error for StartError {}

impl fmt::Display for StartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateHandler { event, namespace, permissions, location, duplicates } => {
                write!(f, "{location}: `{event}` in namespace `{namespace}` is handled ")?;
                if !permissions.is_empty() {
                    write!(f, "for `{}`, and ", permissions.join("` or `"))?;
                }
                let duplicates: Vec<_> = duplicates.iter().map(Location::to_string).collect();
                write!(f, "again at {}", duplicates.join(" and "))
            }
            Self::MissingService { service, location } => write!(
                f,
                "{location}: the service `{service}` is missing: give it with `.service({} {{ .. }})`, or implement \
                 `Default` for it",
                last_segment(service)
            ),
            Self::MissingState { state, location, similar } => {
                write!(f, "{location}: the state `{state}` is missing: give it with `.state(..)`")?;
                if similar.is_empty() {
                    return Ok(());
                }
                write!(f, "; given was `{}`, which is another type", similar.join("` and `"))?;
                if similar.iter().any(|given| arc_of(given) == Some(state)) {
                    write!(f, " (`State` is shared already: give the value without its `Arc`)")?;
                }
                Ok(())
            }
            Self::MissingParameters { event, namespace, location } => write!(
                f,
                "{location}: `{event}` borrows `&Path<..>`, but neither its namespace `{namespace}` nor a resource has \
                 parameters: write one as `/board/{{id}}`"
            ),
            Self::InvalidNamespace { namespace, location, message } => {
                if let Some(location) = location {
                    write!(f, "{location}: ")?;
                }
                write!(f, "the namespace `{namespace}`: {message}")
            }
            Self::MissingCrate { crate_name } => {
                write!(f, "the crate `{crate_name}` is listed in `link` but no handler of it is in the program")
            }
            Self::InvalidSetting { name, value, rule } => write!(f, "`{name}` is {value}: {rule}"),
            Self::InvalidAddress { message, .. }
            | Self::Encryption { message }
            | Self::Proxy { message }
            | Self::Health { message } => f.write_str(message),
            Self::Listen { address, error } => {
                write!(f, "cannot listen on {address}: ")?;
                match error.kind() {
                    io::ErrorKind::AddrInUse => f.write_str("another program listens there already"),
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("this user may not (ports below 1024 need more rights)")
                    }
                    _ => error.fmt(f),
                }
            }
            Self::Dial { address, message } => write!(f, "cannot dial {address}: {message}"),
            Self::Resource { path, message } => write!(f, "the resource `{path}`: {message}"),
            Self::NoAddress => f.write_str("there is no address to listen at: add `.listen(\"host:port\")`"),
            Self::NoHandlers => f.write_str(
                "there are no handlers: annotate a function with `#[on]`; if it is in another crate, which may be the \
                 `lib.rs` beside this `main.rs`, name that crate in `link = [..]` or give its service with `.service(..)`",
            ),
            Self::InsideRuntime => f.write_str(
                "`run` makes a tokio runtime of its own, and there is one here: in an async function write \
                 `builder.build()?.serve().await?` instead of `builder.run()?`",
            ),
            Self::OutsideRuntime => f.write_str(
                "there is no tokio runtime here: call it in an async function, or use `run`, which makes one",
            ),
            Self::System { error } => write!(f, "the system refused it: {error}"),
        }
    }
}

fn last_segment(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// What a type's name is an `Arc` of.
fn arc_of(name: &str) -> Option<&str> {
    name.strip_prefix("alloc::sync::Arc<")?.strip_suffix('>')
}

/// Those of the given types that a program may have meant: the same type behind a pointer or a lock, or one of the same
/// name in another module.
pub(crate) fn similar(wanted: &str, given: &[&'static str]) -> Vec<&'static str> {
    let wanted = core_of(wanted);
    given.iter().copied().filter(|given| core_of(given) == wanted).collect()
}

/// The names in a type, without their modules, and without what merely shares or guards a value.
fn core_of(name: &str) -> Vec<&str> {
    const WRAPPERS: [&str; 11] =
        ["Arc", "Rc", "Box", "Mutex", "RwLock", "RefCell", "Cell", "OnceLock", "OnceCell", "Option", "State"];
    let paths = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let names = paths.map(last_segment).filter(|name| !name.is_empty());
    names.filter(|name| !WRAPPERS.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    struct Db;

    #[test]
    fn a_near_miss_is_found_by_its_type() {
        let name = std::any::type_name::<Mutex<Db>>;
        let given = [std::any::type_name::<Arc<Mutex<Db>>>(), "u8", "other::Db", "other::Db<u8>"];
        assert_eq!(similar(name(), &given), [given[0], given[2]]);
        let location = Location { file: "a.rs", line: 1, module: "a", package: "a" };
        let problem = StartProblem::MissingState { state: name(), location, similar: vec![given[0]] };
        let text = problem.to_string();
        assert!(text.contains("given was `alloc::sync::Arc<"), "{text}");
        assert!(text.ends_with("give the value without its `Arc`)"), "{text}");
    }

    #[test]
    fn one_problem_is_one_line_and_several_are_a_list() {
        let one = StartError::new("server", vec![StartProblem::NoAddress]);
        assert!(one.to_string().starts_with("the server cannot start: there is no address"), "{one}");
        assert_eq!(format!("{one:?}"), one.to_string());
        let two = vec![StartProblem::NoAddress, StartProblem::setting("max_depth", 0, "it is at least 1")];
        let two = StartError::new("client", two).to_string();
        let lines: Vec<_> = two.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "the client cannot start:"));
        assert_eq!(lines[2], "  `max_depth` is 0: it is at least 1");
    }

    /// What `?` needs under `anyhow`, `eyre` and `Box<dyn Error>`.
    #[test]
    fn it_is_a_standard_error() {
        fn is_standard<E: std::error::Error + Send + Sync + 'static>() {}
        is_standard::<StartError>();
        assert!(
            std::error::Error::source(&StartError::new("server", vec![StartProblem::NoHandlers])).is_none()
        );
    }
}
