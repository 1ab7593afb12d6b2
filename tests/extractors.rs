//! What a handler can borrow.
#![allow(missing_docs)]

use jidda::handler::{Context, EventName, RawArguments};
use jidda::peer::Handshake;
use jidda::prelude::*;
use jidda::socket::SocketId;
use jidda::{Error, Path, State, testing};
use serde::{Deserialize, Serialize};

struct Prices {
    apple: u32,
}

#[on]
async fn price(prices: &State<Prices>, count: u32) -> u32 {
    prices.apple * count
}

#[on]
async fn population(server: &Server) -> usize {
    server.count()
}

#[on]
async fn who(socket: &Socket) -> String {
    socket.id().to_string()
}

#[on("*")]
async fn other(event: &EventName, args: RawArguments) -> (String, usize) {
    (event.to_string(), args.0.len())
}

#[on("connect", namespace = "/greeting")]
async fn greet(socket: &Socket, handshake: &Handshake, auth: Option<String>) {
    assert_eq!(handshake.auth.as_str(), auth.as_deref());
    assert_eq!(handshake.transport, jidda::peer::Transport::Memory);
    socket.insert(Greeting(auth.unwrap_or_else(|| "stranger".to_owned())));
}

#[derive(Clone, FromConnection)]
struct Greeting(String);

#[on(namespace = "/greeting")]
async fn greeting(greeting: &Greeting) -> String {
    greeting.0.clone()
}

#[on("forget", namespace = "/greeting")]
async fn forget(socket: &Socket) {
    socket.remove::<Greeting>();
}

/// A user's own: looked up anew for each event, and able to refuse.
struct Even(SocketId);

impl FromConnection for Even {
    async fn from_connection(context: &Context) -> jidda::Result<Self> {
        let socket = context.socket().expect("there is a socket");
        tokio::task::yield_now().await;
        if socket.allows("even") { Ok(Self(socket.id())) } else { Err(Error::new("odd", "not even")) }
    }
}

#[on]
async fn even(even: &Even) -> String {
    even.0.to_string()
}

#[on]
async fn become_even(socket: &Socket) {
    socket.grant("even");
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone, Copy)]
struct OrderId(u64);

#[derive(Default)]
struct Orders;

#[namespace("/orders/{id}")]
impl Orders {
    #[on]
    async fn describe(&self, id: &Path<OrderId>, prefix: String) -> String {
        format!("{prefix}{}", id.0.0)
    }
}

#[derive(Deserialize)]
struct Place {
    city: String,
    street: u8,
}

#[on("where", namespace = "/cities/{city}/{street}")]
async fn place(place: &Path<Place>) -> (String, u8) {
    (place.city.clone(), place.street)
}

async fn pair() -> (Client, Server) {
    let builder = Server::builder().state(Prices { apple: 3 });
    testing::pair_with(builder, |client| client).await.unwrap()
}

#[tokio::test]
async fn state_server_and_socket() {
    let (client, server) = pair().await;
    assert_eq!(price::call(&client, 4).await.unwrap(), 12);
    assert_eq!(population::call(&client).await.unwrap(), 1);
    assert_eq!(who::call(&client).await.unwrap(), server.sockets()[0].id().to_string());
    assert_eq!(who::call(&client).await.unwrap(), client.root().id().to_string());
}

#[tokio::test]
async fn a_catch_all_gets_the_name_and_the_arguments() {
    let (client, _server) = pair().await;
    let reply = client.call::<(String, usize)>("anything", &(1, "two", [3])).await.unwrap();
    assert_eq!(reply, ("anything".to_owned(), 3));
}

#[tokio::test]
async fn the_handshake_and_values_kept_with_the_socket() {
    let (client, server) = pair().await;
    let socket = client.join("/greeting", &"ada").await.unwrap();
    assert_eq!(greeting::call(&socket).await.unwrap(), "ada");
    forget::call(&socket).await.unwrap();
    let error = greeting::call(&socket).await.unwrap_err();
    assert_eq!(error.code(), Some("denied"));
    let nobody = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
    let socket = nobody.join("/greeting", &()).await.unwrap();
    assert_eq!(greeting::call(&socket).await.unwrap(), "stranger");
}

#[tokio::test]
async fn a_users_own_extractor_can_wait_and_refuse() {
    let (client, _server) = pair().await;
    assert_eq!(even::call(&client).await.unwrap_err().code(), Some("odd"));
    become_even::call(&client).await.unwrap();
    assert_eq!(even::call(&client).await.unwrap(), client.root().id().to_string());
}

#[tokio::test]
async fn a_family_of_namespaces_gives_its_parameters() {
    let (client, server) = pair().await;
    let seven = OrdersClient::connect(&client, 7).await.unwrap();
    let eight = OrdersClient::connect(&client, 8).await.unwrap();
    assert_eq!(seven.describe("#").await.unwrap(), "#7");
    assert_eq!(eight.describe("no. ").await.unwrap(), "no. 8");
    assert_eq!(server.of("/orders/7").count(), 1);
    let street = client.join("/cities/ghent/9", &()).await.unwrap();
    assert_eq!(place::call(&street).await.unwrap(), ("ghent".to_owned(), 9));
    let odd = OrdersClient::connect(&client, "x").await.unwrap();
    assert_eq!(odd.describe("#").await.unwrap_err().code(), Some("bad_path"));
}
