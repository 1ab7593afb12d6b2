//! The attribute macros of jidda. Programs use them through the `jidda` crate, which re-exports them.

mod attribute;
mod cfg_variants;
mod check;
mod configure_socket;
mod contract;
mod contract_impl;
mod derive;
mod entry;
mod expansion;
mod function;
mod glue;
mod middleware;
mod model;
mod module;
mod namespace;
mod on;
mod pattern;
mod runtime;
mod service;
mod signature;
mod stream;
mod stub;
mod type_text;
mod types;
mod waiting;

use proc_macro::TokenStream;

/// Makes a function the handler of an event.
///
/// What it borrows comes from the connection, what it owns comes from the message, in order:
///
/// ```
/// use jidda::prelude::*;
///
/// /// Doubles a number.
/// #[on]
/// async fn double(n: i64) -> i64 {
///     n * 2
/// }
///
/// #[on("greet", allow = "guest", timeout = "5s")]
/// async fn greet(socket: &Socket, name: String, #[serde(default)] loud: bool) -> jidda::Result<()> {
///     let text = if loud { name.to_uppercase() } else { name };
///     socket.emit("greeting", &text).await?;
///     Ok(())
/// }
///
/// assert_eq!(double::handler().docs(), "Doubles a number.");
/// ```
///
/// Without a name the event is called like the function. `"connect"` and `"disconnect"` are the ends of a
/// socket's life, `"*"` is every event without a handler of its own.
///
/// The returned value is the reply; for a `Result`, also under an alias, it is the value in `Ok`. The error is your own
/// type that is `Serialize`, which typed callers get unchanged, or `jidda::Error`, `Box<dyn Error + Send + Sync>` or,
/// with the feature `anyhow`, `anyhow::Error`.
///
/// `impl Stream<Item = T>`, or a `Result` of one, is a reply of many items: they are sent one by one, as far as the
/// caller asks for them, and an `Err` among them is the last one. The stream may borrow what the handler borrows.
/// `BoxStream<'_, T>` is one, too; of another type, `stream = T` says what its items are. The stub's `call` then gives
/// a stream of `Result`s, and there is no `emit`.
///
/// # What it costs
///
/// A handler that cannot wait (a `fn`, or an `async fn` without an `.await`) runs as soon as its event is read, if the
/// values that it borrows are available, and costs no allocation; other handlers cost one. An `async` block in its body
/// that it only passes to something else does not count as waiting. A macro in its body, or an attribute that is not
/// built in, may hide an `.await`, so a handler with one counts as waiting.
///
/// # The stub
///
/// Beside the function there is a type of its name, for callers: `double::call(&client, 21).await?`,
/// `double::emit(&client, 21).await?`, and `double::handler()`, the entry itself.
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `namespace = "/chat"` | the namespace, or a family such as `"/orders/{id}"`; `"/"` without it |
/// | `allow = "admin"` | callers need this permission: `socket.grant("admin")`; of `allow = ["admin", "root"]` one |
/// | `sequential` | calls of one socket's sequential handlers run one after the other |
/// | `blocking` | a `fn` that runs on the blocking pool |
/// | `stream = u32` | the type returned is a stream, and these are its items |
/// | `timeout = "5s"` | how long it may run: a number and `ms`, `s`, `m` or `h` |
/// | `side = client` | it runs on clients, and servers call it |
/// | `app = Admin` | it belongs to another app of the same process |
///
/// An event may have several handlers that differ in `allow`. They are tried in the order of file and line, the one
/// without `allow` last, and the first one for which the caller has a permission runs. If there is none, the call is
/// refused with `denied`. For `"connect"` that is a refusal to join.
///
/// `#[serde(default)]` on an argument takes its type's default if the caller omits the argument or sends null; an
/// `Option` is `None` then in any case. `#[cfg(..)]` on the handler or an argument holds for its stub as well.
///
/// # One program, one table
///
/// Every handler linked into a program is in its table. The tests of one file are one program: give them an `app`
/// each, or `Server::builder().handlers([double::handler()])`, if they are not to share handlers. So are the
/// examples in a crate's documentation: fence one that starts a server with `standalone_crate`.
#[proc_macro_attribute]
pub fn on(attribute: TokenStream, item: TokenStream) -> TokenStream {
    on::expand(attribute.into(), item.into()).into()
}

/// Collects the handlers of an `impl` block, a module or a contract in one namespace, and writes their stub.
///
/// # On an `impl` block
///
/// Each method with [`macro@on`] is a handler of the service; the stub of `Chat` is `ChatClient`.
///
/// ```
/// use jidda::prelude::*;
///
/// #[derive(Default)]
/// pub struct Chat;
///
/// #[namespace("/chat")]
/// impl Chat {
///     #[on("connect")]
///     async fn enter(&self, socket: &Socket, name: String) -> jidda::Result<()> {
///         Ok(socket.join("lobby").await?)
///     }
///
///     #[on]
///     async fn post(&self, text: String) -> jidda::Result<u64> {
///         Ok(text.len() as u64)
///     }
/// }
///
/// async fn caller(client: &Client) -> jidda::Result<()> {
///     let chat = ChatClient::connect(client, "ada").await?;
///     assert_eq!(chat.post("hello").await?, 5);
///     Ok(())
/// }
/// ```
///
/// `ChatClient::new` wraps anything that carries a call: a client, a socket, a broadcast selection.
/// `ChatClient::handlers()` lists the entries. A service that implements `Default` is made at start, any other
/// is given with `.service(..)`.
///
/// # On a trait
///
/// A contract: what one side promises, in a crate that both share. An `impl` of it under `#[namespace]` alone
/// holds the handlers, under the contract's names.
///
/// ```
/// use jidda::prelude::*;
///
/// #[namespace("/chat", side = client)]
/// pub trait ChatEvents {
///     #[on]
///     async fn posted(&self, from: String, text: String);
/// }
///
/// pub struct Screen;
///
/// #[namespace]
/// impl ChatEvents for Screen {
///     async fn posted(&self, from: String, text: String) {
///         println!("{from}: {text}");
///     }
/// }
///
/// async fn tell_all(socket: &Socket) -> jidda::Result<()> {
///     ChatEventsClient::new(socket.to("lobby")).posted("ada", "hello").await?;
///     Ok(())
/// }
/// ```
///
/// # On a module
///
/// The free handlers inside belong to the namespace, and so do its middlewares; their stub is `Client` in it.
///
/// ```
/// #[jidda::namespace("/math")]
/// pub mod math {
///     use jidda::prelude::*;
///
///     #[on]
///     async fn add(a: i64, b: i64) -> i64 {
///         a + b
///     }
/// }
///
/// assert_eq!(math::Client::handlers().len(), 1);
/// ```
///
/// The options are `side` and `app`, as in [`macro@on`].
#[proc_macro_attribute]
pub fn namespace(attribute: TokenStream, item: TokenStream) -> TokenStream {
    namespace::expand(attribute.into(), item.into()).into()
}

/// Puts a function around every call, or before it.
///
/// ```
/// use jidda::middleware::{Call, Next};
/// use jidda::prelude::*;
///
/// #[middleware]
/// async fn logger(call: Call, next: Next) -> Reply {
///     println!("[{}] {} {}", call.time(), call.peer(), call.event());
///     next.run(call).await
/// }
///
/// /// An error refuses the call.
/// #[middleware(namespace = "/admin", order = -1)]
/// fn only_local(call: &Call) -> jidda::Result<()> {
///     match call.peer() {
///         jidda::peer::PeerAddress::Unix => Ok(()),
///         _ => Err(jidda::Error::new("denied", "not from here")),
///     }
/// }
/// ```
///
/// The options are `namespace`, `app` and `side`, as in [`macro@on`], and `order`: lower runs first, and is
/// outermost; equal ones in the order of file and line.
#[proc_macro_attribute]
pub fn middleware(attribute: TokenStream, item: TokenStream) -> TokenStream {
    middleware::expand(attribute.into(), item.into()).into()
}

/// Shows a function each TCP socket, to set its options.
///
/// ```
/// use jidda::prelude::*;
/// use jidda::server::SockRef;
///
/// #[configure_socket]
/// fn config(socket: &SockRef<'_>) -> std::io::Result<()> {
///     socket.set_keepalive(true)
/// }
/// ```
///
/// The option is `app`, as in [`macro@on`].
#[proc_macro_attribute]
pub fn configure_socket(attribute: TokenStream, item: TokenStream) -> TokenStream {
    configure_socket::expand(attribute.into(), item.into()).into()
}

/// Makes a type a value that is kept with a socket: `socket.insert(User(..))`, then `user: &User` in a handler.
///
/// A handler that borrows it is refused with `denied` while the socket has none.
///
/// ```
/// use jidda::prelude::*;
///
/// #[derive(Clone, FromConnection)]
/// struct User(String);
///
/// #[on]
/// async fn whoami(user: &User) -> String {
///     user.0.clone()
/// }
/// ```
#[proc_macro_derive(FromConnection)]
pub fn derive_from_connection(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}
