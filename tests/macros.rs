//! What the macros write: entries, glue and stubs, without any socket.

use std::any::{Any, TypeId};
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jidda::State;
use jidda::handler::{CallTarget, Context, EventName, HandlerEntry, JoinTarget, RawArguments, Table};
use jidda::payload::Payload;
use jidda::peer::{Handshake, PeerAddress};
use jidda::prelude::*;
use jidda_runtime::Encoding;
use jidda_runtime::handler::{
    AppKey, Arguments, CallerError, Dispatch, HandlerList, Origin, RouteId, Side, TableBuilder,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Where the function below is written.
const LINE_OF_DOUBLE: u32 = line!() + 6;

/// Doubles a number.
///
/// Twice.
#[on]
async fn double(n: i64) -> i64 {
    n * 2
}

#[on("at.once")]
fn at_once(#[serde(default)] page: u32, name: Option<String>) -> (u32, Option<String>) {
    (page, name)
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct TooBig {
    limit: u32,
}

struct Admin;

/// Its payload is only ever read.
#[derive(Debug, Deserialize)]
struct ReadOnly(u8);

#[on("resize", namespace = "/images", app = Admin, allow = "artist", blocking, sequential, timeout = "2m")]
fn resize(limit: &State<u32>, size: u32, ReadOnly(_quality): ReadOnly) -> Result<Vec<u8>, TooBig> {
    if size > **limit { Err(TooBig { limit: **limit }) } else { Ok(vec![0; size as usize]) }
}

#[on("panics", app = Admin, blocking)]
fn panics() {
    panic!("boom");
}

#[derive(Clone, Debug, FromConnection)]
struct User(String);

#[on("name.of", app = Quiet)]
async fn name_of(user: &User) -> String {
    user.0.clone()
}

struct Quiet;

#[derive(Debug, Serialize, Deserialize)]
struct Login {
    name: String,
}

#[derive(Debug)]
struct Chat {
    lines: Mutex<Vec<String>>,
}

#[namespace("/chat", app = Admin)]
impl Chat {
    #[on("connect")]
    async fn enter(&self, login: Login) -> Result<(), TooBig> {
        if login.name.len() > 3 { Err(TooBig { limit: 3 }) } else { Ok(()) }
    }

    /// Posts a line.
    #[on]
    async fn post(&self, user: &User, text: String) -> u64 {
        tokio::task::yield_now().await;
        let mut lines = self.lines.lock().unwrap();
        lines.push(format!("{}: {text}", user.0));
        lines.len() as u64
    }

    #[on]
    fn clear(&self) {
        self.lines.lock().unwrap().clear();
    }

    #[on("*")]
    async fn unknown(&self, event: &EventName, arguments: RawArguments) -> (String, usize) {
        (event.to_string(), arguments.0.len())
    }
}

#[derive(Debug, Default)]
struct Counter;

#[namespace("/counter", app = Admin)]
impl Counter {
    #[on]
    fn one(&self) -> u8 {
        1
    }
}

/// What a client may be asked.
#[namespace("/events", side = client, app = Admin)]
trait Events {
    /// A line was posted.
    #[on("line", allow = "reader", timeout = "1s", sequential)]
    async fn posted(&self, from: String, text: String);
    #[on]
    async fn count(&self) -> Result<u64, TooBig>;
}

#[derive(Debug)]
struct Screen;

#[namespace]
impl Events for Screen {
    async fn posted(&self, from: String, text: String) {
        println!("{from}: {text}");
    }

    async fn count(&self) -> Result<u64, TooBig> {
        Err(TooBig { limit: 7 })
    }
}

/// No arguments.
const NONE: [u8; 0] = [];

/// The socket that a call comes from.
struct Here {
    table: Table,
    limit: State<u32>,
    user: Option<User>,
}

impl Origin for Here {
    fn event(&self, route: RouteId) -> &str {
        self.table.route(route).event()
    }

    fn service(&self, route: RouteId) -> Option<&(dyn Any + Send + Sync)> {
        self.table.route(route).service()
    }

    fn state(&self, key: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        (key == TypeId::of::<State<u32>>() || key == TypeId::of::<u32>()).then_some(&self.limit)
    }

    fn value(&self, key: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        let user = self.user.clone().filter(|_| key == TypeId::of::<User>())?;
        Some(Arc::new(user))
    }

    fn namespace(&self) -> &str {
        self.table.handlers().next().map_or("/", HandlerEntry::namespace)
    }

    fn parameters(&self) -> &[(Box<str>, Box<str>)] {
        &[]
    }

    fn allows(&self, _: &str) -> bool {
        true
    }

    fn handshake(&self) -> Handshake {
        unreachable!("no handler here asks for it")
    }

    fn peer(&self) -> PeerAddress {
        PeerAddress::Unix
    }

    fn encoding(&self) -> Encoding {
        Encoding::MessagePack
    }
}

fn table(side: Side, app: AppKey, handlers: Vec<&'static HandlerEntry>) -> Table {
    let chat = Chat { lines: Mutex::default() };
    let builder = TableBuilder::new(side).app(app).state::<u32>().service(chat).service(Screen);
    builder.handlers(HandlerList::Explicit(handlers)).build().unwrap()
}

/// Runs one handler's glue.
fn dispatch(entry: &'static HandlerEntry, user: Option<&str>, arguments: &impl Serialize) -> Dispatch {
    let table = table(entry.side(), entry.app(), vec![entry]);
    let (namespace, _) = table.find(entry.namespace()).unwrap();
    let routes = table.namespace(namespace);
    let route = match entry.event() {
        "connect" => routes.connect(),
        "*" => routes.fallback(),
        event => routes.event(event).unwrap(),
    };
    let glue = table.route(route).glue();
    let user = user.map(|name| User(name.to_owned()));
    let origin = Arc::new(Here { table, limit: State::new(4), user });
    let event = (entry.event() == "*").then(|| EventName::new("surprise"));
    let bytes = rmp_encoded(arguments);
    glue(&Context::new(origin, route, event), Arguments::new(&bytes, Encoding::MessagePack))
}

fn rmp_encoded(value: &impl Serialize) -> Vec<u8> {
    let value = rmpv::ext::to_value(value).unwrap();
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &value).unwrap();
    bytes
}

async fn reply(entry: &'static HandlerEntry, user: Option<&str>, arguments: &impl Serialize) -> Reply {
    dispatch(entry, user, arguments).reply().await
}

fn value<T: DeserializeOwned>(reply: &Reply) -> T {
    reply.payload().map(Payload::decode).unwrap().unwrap()
}

fn find(handlers: &[&'static HandlerEntry], event: &str) -> &'static HandlerEntry {
    handlers.iter().find(|entry| entry.event() == event).unwrap()
}

#[test]
fn an_entry_says_all_there_is_to_say() {
    let entry = double::handler();
    assert_eq!(entry.event(), "double");
    assert_eq!(entry.namespace(), "/");
    assert_eq!(entry.side(), Side::Server);
    assert_eq!(entry.app().id(), TypeId::of::<()>());
    assert_eq!(entry.docs(), "Doubles a number.\n\nTwice.");
    assert_eq!((entry.reply(), entry.error()), ("i64", None));
    assert_eq!(entry.location().file, file!());
    assert_eq!(entry.location().line, LINE_OF_DOUBLE);
    assert_eq!(entry.location().module, module_path!());
    assert_eq!(entry.location().package, "jidda");
    assert!(!entry.is_sequential() && !entry.is_blocking() && !entry.is_deprecated());

    let entry = resize::handler();
    assert_eq!(entry.namespace(), "/images");
    assert_eq!(entry.app().id(), TypeId::of::<Admin>());
    assert_eq!(entry.allow(), ["artist"]);
    assert_eq!(entry.timeout(), Some(Duration::from_secs(120)));
    assert!(entry.is_sequential() && entry.is_blocking());
    assert_eq!((entry.reply(), entry.error()), ("Vec<u8>", Some("TooBig")));
    let arguments: Vec<_> = entry.arguments().iter().map(|taken| (taken.name, taken.type_name)).collect();
    assert_eq!(arguments, [("size", "u32"), ("argument_3", "ReadOnly")]);
}

#[test]
fn every_entry_is_linked_into_the_program() {
    let table = TableBuilder::new(Side::Server).build().unwrap();
    let events: Vec<_> = table.handlers().map(HandlerEntry::event).collect();
    assert_eq!(events, ["at.once", "double"]);

    let error = TableBuilder::new(Side::Server).app(AppKey::of::<Admin>()).build().unwrap_err().to_string();
    assert!(error.contains("the service `macros::Chat` is missing"), "{error}");
    assert!(error.contains("the state `u32` is missing"), "{error}");
    assert!(!error.contains("Counter"), "it has a default: {error}");
}

#[tokio::test]
async fn owned_arguments_come_from_the_message() {
    assert_eq!(value::<i64>(&reply(double::handler(), None, &(21,)).await), 42);
    let refused = reply(double::handler(), None, &NONE).await;
    assert_eq!(refused.code(), Some("bad_arguments"));
    assert_eq!(refused.message(), Some("argument 1 `n` is missing"));
    let nothing = reply(at_once::handler(), None, &NONE).await;
    assert_eq!(value::<(u32, Option<String>)>(&nothing), (0, None));
}

#[tokio::test]
async fn what_has_nothing_to_wait_for_runs_at_once() {
    let is_ready =
        |entry, user, arguments: (u8, &str)| matches!(dispatch(entry, user, &arguments), Dispatch::Ready(_));
    assert!(is_ready(at_once::handler(), None, (1, "a")));
    assert!(is_ready(double::handler(), None, (1, "")), "no `.await`");
    assert!(is_ready(find(CounterClient::handlers(), "one"), None, (0, "")));
    assert!(is_ready(find(ChatClient::handlers(), "*"), None, (0, "")), "what it borrows is at hand");
    assert!(!is_ready(name_of::handler(), Some("ada"), (0, "")), "what it borrows has to be made");
    assert_eq!(value::<String>(&reply(name_of::handler(), Some("ada"), &NONE).await), "ada");
    assert_eq!(reply(name_of::handler(), None, &NONE).await.code(), Some("denied"));
    let waits = dispatch(find(ChatClient::handlers(), "post"), Some("ada"), &("hello",));
    assert!(matches!(waits, Dispatch::Future(_)));
}

#[tokio::test]
async fn borrowed_arguments_come_from_the_connection() {
    let post = find(ChatClient::handlers(), "post");
    assert_eq!(value::<u64>(&reply(post, Some("ada"), &("hello",)).await), 1);
    let refused = reply(post, None, &("hello",)).await;
    assert_eq!(refused.code(), Some("denied"));
    assert_eq!(refused.message(), Some("this socket has no User yet"));
    let surprise = reply(find(ChatClient::handlers(), "*"), None, &(1, 2, 3)).await;
    assert_eq!(value::<(String, usize)>(&surprise), ("surprise".to_owned(), 3));
}

#[tokio::test]
async fn an_error_travels_as_it_is() {
    let connect = find(ChatClient::handlers(), "connect");
    assert!(reply(connect, None, &(Login { name: "ada".into() },)).await.is_ok());
    let refused = reply(connect, None, &(Login { name: "long".into() },)).await;
    assert!(!refused.is_ok());
}

#[tokio::test]
async fn blocking_handlers_run_on_other_threads_and_their_panics_are_returned() {
    assert_eq!(value::<Vec<u8>>(&reply(resize::handler(), None, &(2, 0)).await), [0, 0]);
    assert!(!reply(resize::handler(), None, &(5, 0)).await.is_ok());
    let panic = tokio::spawn(reply(panics::handler(), None, &NONE)).await.unwrap_err();
    assert!(panic.is_panic());
}

#[tokio::test]
async fn a_contract_gives_its_names_and_options_to_its_implementation() {
    let handlers = EventsClient::handlers::<Screen>();
    let posted = find(handlers, "line");
    assert_eq!(posted.namespace(), "/events");
    assert_eq!(posted.side(), Side::Client);
    assert_eq!(posted.app().id(), TypeId::of::<Admin>());
    assert_eq!(posted.docs(), "A line was posted.");
    assert_eq!(posted.allow(), ["reader"]);
    assert_eq!(posted.timeout(), Some(Duration::from_secs(1)));
    assert!(posted.is_sequential());
    assert!(reply(posted, None, &("ada", "hello")).await.is_ok());
    assert!(!reply(find(handlers, "count"), None, &NONE).await.is_ok());
}

/// Writes down what stubs call.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn write(&self, kind: &str, namespace: &str, event: &str, arguments: &impl Serialize) -> Ready<()> {
        let arguments = rmpv::ext::to_value(arguments).unwrap();
        self.0.lock().unwrap().push(format!("{kind} {namespace} {event} {arguments}"));
        ready(())
    }
}

impl CallTarget for Recorder {
    type Call<R, E> = Ready<()>;
    type Notify<E> = Ready<()>;
    type Emit = Ready<()>;

    fn call<A: Serialize, R: DeserializeOwned, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Ready<()> {
        self.write("call", namespace, event, arguments)
    }

    fn notify<A: Serialize, E: CallerError>(
        &self,
        namespace: &'static str,
        event: &'static str,
        arguments: &A,
    ) -> Ready<()> {
        self.write("notify", namespace, event, arguments)
    }

    fn emit<A: Serialize>(&self, namespace: &'static str, event: &'static str, arguments: &A) -> Ready<()> {
        self.write("emit", namespace, event, arguments)
    }
}

impl JoinTarget for Recorder {
    type CallTarget = Self;

    async fn join<A: Serialize + Sync, E: CallerError + Send>(
        &self,
        namespace: &str,
        auth: &A,
    ) -> Result<Self, CallError<E>> {
        self.write("join", namespace, "connect", auth).await;
        Ok(self.clone())
    }
}

#[tokio::test]
async fn stubs_send_what_the_handlers_take() {
    let recorder = Recorder::default();
    double::call(&recorder, 21).await;
    double::emit(&recorder, 21).await;
    at_once::call(&&recorder, 1, None).await;
    let chat: ChatClient<Recorder> =
        ChatClient::connect(&recorder, Login { name: "ada".into() }).await.unwrap();
    chat.post("hello").await;
    chat.clear().await;
    assert!(!chat.call_target().0.lock().unwrap().is_empty());
    CounterClient::connect(&recorder).await.unwrap().one().await;
    let events = EventsClient::new(&recorder);
    events.posted("ada", "hello").await;
    events.clone().count().await;
    assert_eq!(
        *recorder.0.lock().unwrap(),
        [
            "call / double [21]",
            "emit / double [21]",
            "call / at.once [1, nil]",
            "join /chat connect [\"ada\"]",
            "call /chat post [\"hello\"]",
            "notify /chat clear nil",
            "join /counter connect nil",
            "call /counter one nil",
            "notify /events line [\"ada\", \"hello\"]",
            "call /events count nil",
        ]
    );
}
