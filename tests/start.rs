//! What is checked before a server starts, and how it is told.
#![allow(missing_docs)]

use std::time::Duration;

use jidda::error::StartProblem;
use jidda::prelude::*;
use jidda::{Path, State};

struct Broken;

#[on("twice", app = Broken)]
async fn first() {}

#[on("twice", app = Broken)]
async fn second() {}

struct Db;

#[on(app = Broken)]
async fn load(_db: &State<Db>) {}

struct NeedsValue(#[allow(dead_code)] u8);

#[namespace("/service", app = Broken)]
impl NeedsValue {
    #[on]
    async fn look(&self) {}
}

#[tokio::test]
async fn one_error_lists_everything_with_file_and_line() {
    let builder = Server::builder().app::<Broken>().listen("mem:never").link("absent-crate");
    let error = builder.start().await.unwrap_err();
    assert_eq!(error.problems().len(), 4, "{error}");
    let text = error.to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "the server cannot start:");
    assert_eq!(lines.len(), 5, "{text}");
    let one_says = |words: &[&str]| lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(one_says(&["tests/start.rs:", "`twice` in namespace `/` is handled again at"]), "{text}");
    assert!(one_says(&["tests/start.rs:", "Db` is missing: give it with `.state(..)`"]), "{text}");
    assert!(
        one_says(&["tests/start.rs:", "NeedsValue` is missing", "`.service(NeedsValue { .. })`"]),
        "{text}"
    );
    assert!(one_says(&["the crate `absent-crate` is listed in `link`"]), "{text}");
    // Nothing was started: the name is free.
    assert!(Client::connect("mem:never").await.is_err());
}

#[derive(Default)]
struct Defaulted;

#[namespace("/defaulted")]
impl Defaulted {
    /// Says where it is.
    #[on]
    async fn here(&self) -> &'static str {
        "here"
    }
}

#[on]
async fn plain(n: u8, text: Option<String>) -> Result<u8, String> {
    text.map_or(Ok(n), Err)
}

#[tokio::test]
async fn a_service_with_a_default_needs_no_mention() {
    let (client, _server) = jidda::testing::pair_with(Server::builder(), |client| client).await.unwrap();
    let socket = client.join("/defaulted", &()).await.unwrap();
    assert_eq!(socket.call::<String>("here", &()).await.unwrap(), "here");
    assert_eq!(plain::call(&client, 7, None).await.unwrap(), 7);
    assert_eq!(plain::call(&client, 7, Some("no".into())).await.unwrap_err().into_app().unwrap(), "no");
}

#[tokio::test]
async fn a_pair_serves_one_service_and_nothing_else() {
    let (client, server) = jidda::testing::pair(Defaulted).await.unwrap();
    assert_eq!(server.handlers().handlers().count(), 1);
    let service = DefaultedClient::connect(&client).await.unwrap();
    assert_eq!(service.call_target().call::<String>("here", &()).await.unwrap(), "here");
    assert_eq!(plain::call(&client, 7, None).await.unwrap_err().code(), Some("not_found"));
}

#[tokio::test]
async fn the_table_says_what_is_handled() {
    let table = Server::builder().check().unwrap();
    let events: Vec<_> = table.handlers().map(|entry| (entry.namespace(), entry.event())).collect();
    assert_eq!(events, [("/", "plain"), ("/defaulted", "here")]);
    let entry = table.handlers().next().unwrap();
    assert_eq!(entry.arguments().iter().map(|argument| argument.name).collect::<Vec<_>>(), ["n", "text"]);
    assert_eq!(entry.location().file, "tests/start.rs");
    let printed = table.to_string();
    assert!(
        printed.starts_with("/  plain(n: u8, text: Option<String>) -> u8 or String  tests/start.rs:"),
        "{printed}"
    );
    assert_eq!(table.handlers().nth(1).unwrap().docs(), "Says where it is.");
}

#[tokio::test]
async fn handlers_can_be_named_one_by_one() {
    let builder = || Server::builder().handlers([plain::handler()]);
    assert_eq!(builder().check().unwrap().handlers().count(), 1);
    assert_eq!(builder().only_namespace("/defaulted").check().unwrap().handlers().count(), 0);
    let only = Server::builder().only_namespace("/defaulted").check().unwrap();
    assert_eq!(only.handlers().count(), 1);
    assert_eq!(Server::builder().only_service::<Defaulted>().check().unwrap().handlers().count(), 1);
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_at_is_one_sentence() {
    let server = Server::builder().listen("127.0.0.1:0").start().await.unwrap();
    let taken = server.addresses()[0].to_string();
    let error = Server::builder().listen(&taken).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the server cannot start: cannot listen on {taken}: another program listens there already")
    );
    let error = Server::builder().listen("nonsense").start().await.unwrap_err();
    assert!(error.to_string().contains(": `nonsense` is not an address: the port is missing"), "{error}");
}

struct Pathless;

#[on("look", app = Pathless)]
async fn look(_id: &Path<String>) {}

#[namespace("/board/{id}", app = Pathless)]
mod board {
    use super::*;

    #[on]
    async fn read(_id: &Path<String>) {}
}

#[tokio::test]
async fn a_path_without_parameters_is_found_at_start() {
    let error = Server::builder().app::<Pathless>().build().unwrap_err();
    let [StartProblem::MissingParameters { event: "look", namespace: "/", location, .. }] = error.problems()
    else {
        panic!("{error}")
    };
    assert_eq!(location.file, "tests/start.rs");
    // A resource may have them.
    let games = jidda::socketio::Resource::socket_io("/games/{id}");
    assert!(Server::builder().app::<Pathless>().resource(games).build().is_ok());
}

struct NearMiss;

#[on(app = NearMiss)]
async fn borrow(_db: &State<std::sync::Mutex<Db>>) {}

#[tokio::test]
async fn a_missing_state_names_what_was_given_in_its_place() {
    let given = std::sync::Arc::new(std::sync::Mutex::new(Db));
    let error = Server::builder().app::<NearMiss>().state(given).state(7_u8).build().unwrap_err();
    assert!(matches!(
        error.problems(),
        [StartProblem::MissingState { similar, .. }] if similar.len() == 1
    ));
    let text = error.to_string();
    assert!(text.contains("given was `alloc::sync::Arc<std::sync::"), "{text}");
    assert!(text.ends_with("(`State` is shared already: give the value without its `Arc`)"), "{text}");
}

#[tokio::test]
async fn everything_that_is_wrong_is_one_error_and_nothing_is_started() {
    let builder =
        Server::builder().app::<NearMiss>().max_message(0).listen("nowhere").listen("mem:everything");
    let builder =
        builder.dial("tcp://").health("live", "live").resource(jidda::socketio::Resource::raw("/socket.io"));
    let error = builder.build().unwrap_err();
    let kinds = error.problems().iter().map(|problem| match problem {
        StartProblem::MissingState { .. } => "state",
        StartProblem::InvalidSetting { name, .. } => name,
        StartProblem::InvalidAddress { .. } => "address",
        StartProblem::Dial { .. } => "dial",
        StartProblem::Health { .. } => "health",
        StartProblem::Resource { .. } => "resource",
        other => panic!("{other:?}"),
    });
    let kinds: Vec<&str> = kinds.collect();
    let expected = ["state", "max_message", "resource", "health", "health", "health", "address", "dial"];
    assert_eq!(kinds, expected, "{error}");
    assert!(Client::connect("mem:everything").await.is_err());
}

#[tokio::test]
async fn a_server_is_there_before_it_listens() {
    let server = Server::builder().listen("127.0.0.1:0").build().unwrap();
    assert!(server.addresses().is_empty());
    server.listen().await.unwrap();
    server.listen().await.unwrap();
    let [address] = server.addresses() else { panic!("{server:?}") };
    let client = Client::connect(&address.to_string()).await.unwrap();
    assert_eq!(plain::call(&client, 7, None).await.unwrap(), 7);
    server.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn a_server_that_cannot_listen_may_try_again() {
    let taken = Server::builder().listen("127.0.0.1:0").start().await.unwrap();
    let address = taken.addresses()[0].to_string();
    let server = Server::builder().listen("mem:again").listen(&address).build().unwrap();
    let error = server.listen().await.unwrap_err();
    assert!(matches!(error.problems(), [StartProblem::Listen { .. }]), "{error}");
    assert!(Client::connect("mem:again").await.is_err());
    taken.shutdown(Duration::ZERO).await;
    server.listen().await.unwrap();
    assert_eq!(server.addresses().len(), 2);
}

#[tokio::test]
async fn a_server_listens_at_sockets_and_addresses_of_any_type() {
    use std::net::SocketAddr;

    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let blocking = std::net::TcpListener::bind(any).unwrap();
    let tokio = tokio::net::TcpListener::bind(any).await.unwrap();
    let address: jidda::peer::Address = "127.0.0.1:0".parse().unwrap();
    let expected = [blocking.local_addr().unwrap(), tokio.local_addr().unwrap()];
    let builder = Server::builder().listen(blocking).listen(tokio).listen(any).listen(&address);
    let server = builder.start().await.unwrap();
    let addresses: Vec<_> = server.addresses().iter().map(ToString::to_string).collect();
    assert_eq!(addresses[..2], expected.map(|address| format!("tcp://{address}")));
    assert_eq!(addresses.len(), 4);
    for address in addresses {
        let client = Client::connect(&address).await.unwrap();
        assert_eq!(plain::call(&client, 7, None).await.unwrap(), 7);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_of_the_program_stays_its_own() {
    let path = std::env::temp_dir().join(format!("jidda-start-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = Server::builder().listen(listener).start().await.unwrap();
    let client = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
    assert_eq!(plain::call(&client, 7, None).await.unwrap(), 7);
    server.shutdown(Duration::ZERO).await;
    assert!(path.exists());
    std::fs::remove_file(&path).unwrap();
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_socket_that_is_to_be_encrypted_needs_a_certificate() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = Server::builder().listen(jidda::server::Listen::tls(listener)).build().unwrap_err();
    assert!(matches!(error.problems(), [StartProblem::Encryption { .. }]), "{error}");
}
