//! A gateway in front of two services: what it has no handler for, they may have one for.
#![allow(missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use jidda::State;
use jidda::auth::{Identity, Password};
use jidda::call::Deadline;
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::server::{Proxy, ServerBuilder};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

const LIMIT: Duration = Duration::from_secs(20);

struct Gateway;
struct Orders;
struct Legacy;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum OrderError {
    SoldOut { left: u32 },
}

#[derive(Default)]
struct Seen {
    begun: Notify,
    dropped: Notify,
    noted: Notify,
}

struct Dropped(Arc<Seen>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

#[on("who", app = Gateway)]
async fn who_gateway() -> String {
    "gateway".into()
}

#[on("who", app = Legacy)]
async fn who_legacy() -> String {
    "legacy".into()
}

#[on("old", app = Legacy)]
async fn old(n: i64, text: Option<String>) -> String {
    format!("{n} {text:?}")
}

#[on("invoice.total", app = Legacy)]
async fn legacy_total() -> u32 {
    1
}

#[on("invoice.total", app = Orders)]
async fn orders_total() -> u32 {
    2
}

#[on("connect", namespace = "/orders", app = Orders)]
async fn enter(key: String) -> Result<(), OrderError> {
    if key == "of the gateway" { Ok(()) } else { Err(OrderError::SoldOut { left: 0 }) }
}

#[on("place", namespace = "/orders", app = Orders)]
async fn place(amount: u32) -> Result<u32, OrderError> {
    if amount > 3 { Err(OrderError::SoldOut { left: 3 }) } else { Ok(amount * 10) }
}

#[on("refuse", namespace = "/orders", app = Orders)]
async fn refuse() -> jidda::Result<()> {
    Err(jidda::Error::new("quota", "too many").with_data(7))
}

#[on("fail", namespace = "/orders", app = Orders)]
async fn fail() -> jidda::Result<()> {
    Err(std::io::Error::other("a secret path"))?
}

#[on("patience", namespace = "/orders", app = Orders)]
async fn patience(deadline: &Deadline) -> Option<u64> {
    deadline.left().map(|left| left.as_secs())
}

#[on("never", namespace = "/orders", app = Orders)]
async fn never(seen: &State<Arc<Seen>>) {
    let _dropped = Dropped(Arc::clone(seen));
    seen.begun.notify_one();
    std::future::pending::<()>().await;
}

#[on("note", namespace = "/orders", app = Orders)]
async fn note(seen: &State<Arc<Seen>>, text: String) -> jidda::Result<()> {
    if text.is_empty() {
        return Err(jidda::Error::new("empty", "say something"));
    }
    seen.noted.notify_one();
    Ok(())
}

#[on("here", namespace = "/family/{id}", app = Gateway)]
async fn family_here(id: &jidda::Path<u32>) -> u32 {
    **id
}

#[on("place", namespace = "/local", app = Gateway)]
async fn local_place() -> String {
    "here".into()
}

#[on("whoami", namespace = "/orders", app = Orders)]
async fn whoami(identity: &Identity) -> (String, Value) {
    (identity.name().to_owned(), identity.claims().clone())
}

#[on("close_shop", namespace = "/orders", app = Orders, allow = "owner")]
async fn close_shop(identity: &Identity) -> String {
    format!("closed by {identity}")
}

fn address(server: &Server) -> String {
    server.addresses()[0].to_string()
}

async fn start(builder: ServerBuilder) -> Server {
    builder.listen("127.0.0.1:0").start().await.unwrap()
}

async fn connect(server: &Server) -> Client {
    Client::connect(&address(server)).await.unwrap()
}

struct Chain {
    client: Client,
    gateway: Server,
    orders: Server,
    seen: Arc<Seen>,
}

async fn chain() -> Chain {
    let seen = Arc::new(Seen::default());
    let orders = start(Server::builder().app::<Orders>().state(Arc::clone(&seen))).await;
    let legacy = start(Server::builder().app::<Legacy>()).await;
    let (to_orders, to_legacy) = (connect(&orders).await, connect(&legacy).await);
    let gateway = Server::builder()
        .app::<Gateway>()
        .proxy(Proxy::to(&to_legacy))
        .proxy(Proxy::to(&to_orders).prefix("invoice."))
        .proxy(Proxy::to(&to_orders).namespace("/orders").auth(&"of the gateway"));
    let gateway = start(gateway).await;
    Chain { client: connect(&gateway).await, gateway, orders, seen }
}

#[tokio::test]
async fn local_handlers_win_and_then_the_most_specific_proxy() {
    let Chain { client, .. } = chain().await;
    assert_eq!(client.call("who", &()).await, Ok("gateway".to_owned()));
    assert_eq!(client.call("old", &(7, "x")).await, Ok("7 Some(\"x\")".to_owned()));
    assert_eq!(client.call("invoice.total", &()).await, Ok(2));
    let local = client.join("/local", &()).await.unwrap();
    assert_eq!(local.call("place", &()).await, Ok("here".to_owned()));
    // Legacy has no such namespace, and says so.
    let refused = local.call::<()>("else", &()).await.unwrap_err();
    assert_eq!(refused.code(), Some("not_found"), "{refused}");
    let orders = client.join("/orders", &()).await.unwrap();
    assert_eq!(orders.call("place", &2).await, Ok(20));
    assert!(client.join("/nowhere", &()).await.is_err());
}

#[tokio::test]
async fn errors_arrive_as_they_are() {
    let Chain { client, .. } = chain().await;
    let orders = client.join("/orders", &()).await.unwrap();
    let error = place::call(&orders, 4).await.unwrap_err();
    assert_eq!(error, CallError::App(OrderError::SoldOut { left: 3 }));
    let error = orders.call::<()>("refuse", &()).await.unwrap_err();
    let CallError::Refused { code, message, data, .. } = error else { panic!("{error}") };
    assert_eq!((&*code, &*message, data), ("quota", "too many", Some(7.into())));
    let error = orders.call::<()>("fail", &()).await.unwrap_err();
    assert!(matches!(&error, CallError::Internal { id } if !id.is_empty()), "{error}");
    let error = orders.call::<()>("place", &"many").await.unwrap_err();
    assert_eq!(error.code(), Some("bad_arguments"));
    let error = orders.call::<()>("nothing", &()).await.unwrap_err();
    assert_eq!(error.code(), Some("not_found"));
}

#[tokio::test]
async fn an_event_is_forwarded_and_its_refusal_is_returned() {
    let Chain { client, seen, .. } = chain().await;
    let orders = client.join("/orders", &()).await.unwrap();
    let refused = Arc::new(Notify::new());
    let told = Arc::clone(&refused);
    orders.on_refused(move |event, error| {
        assert_eq!((event, error.code()), ("note", "empty"));
        told.notify_one();
    });
    orders.emit("note", &"milk").await.unwrap();
    tokio::time::timeout(LIMIT, seen.noted.notified()).await.expect("it arrives");
    orders.emit("note", &"").await.unwrap();
    tokio::time::timeout(LIMIT, refused.notified()).await.expect("its refusal arrives");
}

#[tokio::test]
async fn deadlines_and_cancellation_pass_through() {
    let Chain { client, seen, .. } = chain().await;
    let orders = client.join("/orders", &()).await.unwrap();
    assert_eq!(orders.call::<Option<u64>>("patience", &()).await, Ok(None));
    let left = orders.call::<Option<u64>>("patience", &()).timeout(Duration::from_secs(60)).await;
    assert!(left.unwrap().is_some_and(|left| left < 60));
    let call = tokio::spawn(async move { orders.call::<()>("never", &()).await });
    tokio::time::timeout(LIMIT, seen.begun.notified()).await.expect("the handler behind begins");
    call.abort();
    tokio::time::timeout(LIMIT, seen.dropped.notified()).await.expect("the handler behind is dropped");
}

#[tokio::test]
async fn a_lost_backend_is_reported_and_reconnects() {
    let Chain { client, orders: server, seen, .. } = chain().await;
    let orders = client.join("/orders", &()).await.unwrap();
    let waiting = tokio::spawn({
        let orders = orders.clone();
        async move { orders.call::<()>("never", &()).await }
    });
    tokio::time::timeout(LIMIT, seen.begun.notified()).await.expect("the handler behind begins");
    let address = address(&server);
    server.shutdown(Duration::ZERO).await;
    let error = waiting.await.unwrap().unwrap_err();
    let code = error.code().map(str::to_owned);
    assert!(matches!(code.as_deref(), Some("unavailable" | "closing")), "{error}");
    // The others are not disturbed, and it is found again when it is back.
    assert_eq!(client.call("who", &()).await, Ok("gateway".to_owned()));
    let error = orders.call::<u32>("place", &1).await.unwrap_err();
    assert_eq!(error.code(), Some("unavailable"), "{error}");
    drop(server);
    let again = Server::builder().app::<Orders>().state(seen).listen(address).start().await.unwrap();
    let end = tokio::time::Instant::now() + LIMIT;
    loop {
        match orders.call::<u32>("place", &1).await {
            Ok(answer) => break assert_eq!(answer, 10),
            Err(error) => assert_eq!(error.code(), Some("unavailable"), "{error}"),
        }
        assert!(tokio::time::Instant::now() < end, "it does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(again);
}

#[tokio::test]
async fn what_goes_round_is_refused() {
    struct Empty;
    let address = "mem:goes-round";
    let server = || Server::builder().app::<Empty>().listen(address);
    // The client of a server that has to be there before it: of one that was there first.
    let first = server().start().await.unwrap();
    let to_itself = Client::connect(address).await.unwrap();
    let mut events = to_itself.events();
    first.shutdown(Duration::ZERO).await;
    drop(first);
    let second = server().proxy(Proxy::to(&to_itself)).start().await.unwrap();
    while events.next().await.expect("it reconnects") != jidda::client::ClientEvent::Reconnected {}
    let client = Client::connect(address).await.unwrap();
    let error = client.call::<()>("round", &()).timeout(LIMIT).await.unwrap_err();
    assert_eq!(error.code(), Some("proxy_loop"), "{error}");
    drop(second);
}

#[tokio::test]
async fn a_family_of_namespaces_is_not_passed_on() {
    let orders = start(Server::builder().app::<Orders>().state(Arc::new(Seen::default()))).await;
    let client = connect(&orders).await;
    let builder = Server::builder().app::<Gateway>().proxy(Proxy::to(&client).namespace("/orders/{id}"));
    let error = builder.start().await.unwrap_err();
    assert!(error.to_string().contains("a proxy cannot take the family `/orders/{id}`"), "{error}");
    // Not by the one that takes all the rest, either: a peer could make up as many as it likes.
    let gateway = start(Server::builder().app::<Gateway>().proxy(Proxy::to(&client))).await;
    let client = connect(&gateway).await;
    let family = client.join("/family/7", &()).await.unwrap();
    assert_eq!(family.call("here", &()).await, Ok(7));
    let error = family.call::<()>("place", &1).await.unwrap_err();
    assert_eq!(error.code(), Some("not_found"), "{error}");
}

#[tokio::test]
async fn arguments_too_deep_for_the_backend_affect_no_other_caller() {
    let Chain { client, gateway, .. } = chain().await;
    let orders = client.join("/orders", &()).await.unwrap();
    let nested = |levels: usize| (1..levels).fold(Value::Nil, |inner, _| Value::Array(vec![inner]));
    for levels in 55..70 {
        // What is too deep already at the gateway ends the connection it came by, as ever.
        let other = connect(&gateway).await;
        let deep = other.call::<Value>("old", &(1, nested(levels))).await;
        assert!(deep.is_err());
        assert_eq!(orders.call("place", &1).await, Ok(10), "{levels}");
    }
}

#[tokio::test]
async fn a_join_that_is_refused_is_an_answer_and_can_be_tried_again() {
    let orders = start(Server::builder().app::<Orders>().state(Arc::new(Seen::default()))).await;
    let to_orders = connect(&orders).await;
    let gateway =
        start(Server::builder().app::<Gateway>().proxy(Proxy::to(&to_orders).namespace("/orders"))).await;
    let client = connect(&gateway).await;
    let socket = client.join("/orders", &"a key of the caller's").await.unwrap();
    for _ in 0..3 {
        let error = socket.call::<()>("place", &1).await.unwrap_err();
        assert_eq!(error.code(), Some("bad_arguments"), "{error}");
    }
}

/// Everyone's password is the own name.
fn people(names: &'static [&'static str]) -> impl jidda::auth::Authenticator {
    Password::new(move |user: String, password: String| async move {
        let owner = if user == "ada" { &["owner"][..] } else { &[] };
        let gateway = if user == "gateway" { &["speaks for others"][..] } else { &[] };
        let identity = Identity::new(&*user).with_permissions(owner.iter().chain(gateway).copied());
        let is_right = user == password && names.contains(&&*user);
        Ok(is_right.then(|| identity.with_claims(&("claims of", user.as_str()))))
    })
}

fn as_user(address: String, name: &str) -> jidda::client::ClientBuilder {
    let credentials = Value::Map(vec![("user".into(), name.into()), ("password".into(), name.into())]);
    Client::builder(address).credentials(&credentials)
}

/// A gateway that passes identities on, and the service's address; `name` is who the gateway is.
async fn gateway_of(name: &str) -> (Server, Server) {
    let orders = Server::builder()
        .app::<Orders>()
        .state(Arc::new(Seen::default()))
        .authenticator(people(&["gateway", "eve"]))
        .trust_identities_from(|peer| peer.allows("speaks for others"));
    let orders = start(orders).await;
    let to_orders = as_user(address(&orders), name).connect().await.unwrap();
    let proxy = Proxy::to(&to_orders).namespace("/orders").auth(&"of the gateway").pass_identity();
    let gateway = Server::builder().app::<Gateway>().authenticator(people(&["ada", "bob"])).allow_anonymous();
    (start(gateway.proxy(proxy)).await, orders)
}

#[tokio::test]
async fn the_identity_is_forwarded_to_a_server_that_trusts_the_gateway() {
    let (gateway, _orders) = gateway_of("gateway").await;
    let mut answers = Vec::new();
    for name in ["ada", "bob"] {
        let client = as_user(address(&gateway), name).connect().await.unwrap();
        let orders = client.join("/orders", &()).await.unwrap();
        let (who, claims) = orders.call::<(String, Value)>("whoami", &()).await.unwrap();
        assert_eq!((&*who, &claims[1]), (name, &name.into()));
        answers.push(orders.call::<String>("close_shop", &()).await);
    }
    assert_eq!(answers[0], Ok("closed by ada".to_owned()));
    assert_eq!(answers[1].as_ref().unwrap_err().code(), Some("denied"));
    // Nobody is nobody there, too, and not the gateway.
    let client = connect(&gateway).await;
    let orders = client.join("/orders", &()).await.unwrap();
    let error = orders.call::<(String, Value)>("whoami", &()).await.unwrap_err();
    assert_eq!(error.code(), Some("denied"), "{error}");
    let error = orders.call::<String>("close_shop", &()).await.unwrap_err();
    assert_eq!(error.code(), Some("denied"), "{error}");
    assert_eq!(orders.call("place", &1).await, Ok(10));
}

#[tokio::test]
async fn only_a_trusted_gateway_can_call_on_behalf_of_others() {
    let (gateway, orders) = gateway_of("eve").await;
    let client = as_user(address(&gateway), "ada").connect().await.unwrap();
    let socket = client.join("/orders", &()).await.unwrap();
    for event in ["whoami", "close_shop", "place"] {
        let error = socket.call::<Value>(event, &1).await.unwrap_err();
        assert_eq!(error.code(), Some("denied"), "{event}: {error}");
    }
    // The connection to it is as good as before.
    let direct = as_user(address(&orders), "eve").connect().await.unwrap();
    let direct = direct.join("/orders", &"of the gateway").await.unwrap();
    assert_eq!(direct.call::<(String, Value)>("whoami", &()).await.unwrap().0, "eve");
}
