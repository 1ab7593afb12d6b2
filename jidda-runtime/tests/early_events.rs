//! What comes before a socket is accepted and then is not, and what is left unanswered.
// A handler takes its context by value, as generated ones do.
#![allow(missing_docs, clippy::needless_pass_by_value)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use handlers::{ECHO, Gate, HERE, Journal, NOTE, builder};
use http::{Http, Ws};
use jidda_runtime::handler::{Arguments, Context, Dispatch, HandlerEntry, Reply};
use jidda_runtime::{Encoding, Error, Integers, Resource, Server, Value};
use peer::{Peer, code, eventually, notification, request};

/// Refuses, with a code that is jidda's own as well, once the gate is open.
fn refuse(context: &Context, _: Arguments<'_>) -> Dispatch {
    let (journal, gate) = (Journal::of(context), Gate::of(context));
    Dispatch::future(async move {
        journal.write("connecting");
        gate.pass().await;
        Reply::error(Error::new("denied", "not you"))
    })
}

/// Sends something, which accepts the socket, and refuses without waiting for anything.
fn send_and_refuse(context: &Context, _: Arguments<'_>) -> Dispatch {
    let (journal, gate) = (Journal::of(context), Gate::of(context));
    let socket = context.socket().expect("a socket");
    Dispatch::future(async move {
        journal.write("connecting");
        gate.pass().await;
        socket.emit("hello", &1).await.expect("there is room");
        Reply::error(Error::new("denied", "not you"))
    })
}

fn note(context: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value: Value = handlers::first(arguments).expect("a value");
    Journal::of(context).write(format!("ran {value}"));
    Dispatch::Ready(handlers::done(&()))
}

/// Gives its argument back to a client of Socket.IO.
fn say(_: &Context, arguments: Arguments<'_>) -> Dispatch {
    let value: Value = handlers::first(arguments).expect("a value");
    Dispatch::Ready(Reply::value(&value, Encoding::Json(Integers::Safe)))
}

static SAY: HandlerEntry = HandlerEntry::new("say", say, HERE);
static REFUSE: HandlerEntry = HandlerEntry::new("connect", refuse, HERE).namespaced("/refused");
static REFUSED_NOTE: HandlerEntry = HandlerEntry::new("note", note, HERE).namespaced("/refused");
static SEND: HandlerEntry = HandlerEntry::new("connect", send_and_refuse, HERE).namespaced("/sends");
static SEND_NOTE: HandlerEntry = HandlerEntry::new("note", note, HERE).namespaced("/sends");

async fn server() -> (Server, Journal, Gate) {
    let (builder, journal, gate) = builder([&ECHO, &SAY, &NOTE, &REFUSE, &REFUSED_NOTE, &SEND, &SEND_NOTE]);
    (builder.start().await.unwrap(), journal, gate)
}

const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";

async fn websocket(server: &Server, target: &str) -> Ws {
    let mut ws = Http::connect(&peer::address(server)).await.websocket(target).await;
    assert!(ws.text().await.starts_with('0'));
    ws.say("40").await;
    assert!(ws.text().await.starts_with("40"));
    ws
}

#[tokio::test]
async fn a_socket_io_client_whose_early_events_were_refused_goes_on() {
    for (namespace, first) in [
        ("/refused", vec![r#"44/refused,{"message":"not you","data":{"code":"denied"}}"#]),
        ("/sends", vec!["40/sends,", r#"42/sends,["hello",1]"#, "41/sends,"]),
    ] {
        let (server, journal, gate) = server().await;
        let mut ws = websocket(&server, WEBSOCKET).await;
        ws.say(&format!("40{namespace},")).await;
        eventually("it is asked", || journal.count("connecting") == 1).await;
        ws.say(&format!(r#"42{namespace},["note",1]"#)).await;
        ws.say(&format!(r#"42{namespace},5["note",2]"#)).await;
        // The root namespace has heard this once all that was before it was read.
        ws.say(r#"420["say","read"]"#).await;
        assert_eq!(ws.text().await, r#"430["read"]"#);
        gate.open();
        for expected in first {
            let text = ws.text().await;
            assert!(text.starts_with(expected), "{text}");
        }
        let refused = ws.text().await;
        assert!(refused.starts_with(&format!(r#"42{namespace},["$/refused","note""#)), "{refused}");
        let answer = ws.text().await;
        assert!(answer.starts_with(&format!(r#"43{namespace},5[{{"error""#)), "{answer}");
        // On their way when the client was refused: they end nothing either.
        ws.say(&format!(r#"42{namespace},["note",3]"#)).await;
        ws.say(r#"421["say","on"]"#).await;
        assert_eq!(ws.text().await, r#"431["on"]"#, "{namespace}");
        assert_eq!(journal.lines(), ["connecting"], "{namespace}");
    }
}

#[tokio::test]
async fn a_native_peer_whose_early_events_were_refused_goes_on() {
    for (namespace, says_hello) in
        [("/refused", true), ("/refused", false), ("/sends", true), ("/sends", false)]
    {
        let (server, journal, gate) = server().await;
        let mut peer = Peer::connect(&server).await;
        if says_hello {
            peer.hello().await;
        }
        peer.join(1, "/").await;
        peer.send(&request(2, "$/connect", vec![namespace.into(), Value::Nil])).await;
        eventually("it is asked", || journal.count("connecting") == 1).await;
        peer.send(&notification(&format!("{namespace}:note"), vec![1.into()])).await;
        peer.send(&request(3, &format!("{namespace}:note"), vec![2.into()])).await;
        peer.ping().await;
        gate.open();
        if namespace == "/refused" {
            assert_eq!(code(&peer.reply(2).await), "denied");
        }
        let expected = if namespace == "/refused" { "denied" } else { "not_connected" };
        assert_eq!(code(&peer.reply(3).await), expected, "{namespace} {says_hello}");
        peer.ping().await;
        peer.send(&request(4, "echo", vec!["on".into()])).await;
        assert_eq!(peer.reply(4).await[3], "on".into(), "{namespace} {says_hello}");
        assert_eq!(journal.lines(), ["connecting"], "{namespace} {says_hello}");
    }
}

fn fail(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(Reply::error(Error::new("full", "come back later")))
}

static FAIL: HandlerEntry = HandlerEntry::new("fail", fail, HERE);

#[tokio::test]
async fn a_resource_may_leave_refusals_unanswered() {
    let (builder, journal, gate) = builder([&SAY, &NOTE, &FAIL, &REFUSE]);
    gate.open();
    let server =
        builder.resource(Resource::socket_io("/quiet").answer_refusals(false)).start().await.unwrap();
    let mut quiet = websocket(&server, "/quiet/?EIO=4&transport=websocket").await;
    for refused in
        [r#"42["nobody",1]"#, r#"421["nobody",1]"#, r#"422["note"]"#, r#"42["note"]"#, r#"42["fail"]"#]
    {
        quiet.say(refused).await;
    }
    // What a handler has to say is said, and who may not join hears of it.
    quiet.say(r#"423["fail"]"#).await;
    assert_eq!(quiet.text().await, r#"433[{"error":{"code":"full","message":"come back later"}}]"#);
    quiet.say("40/refused,").await;
    assert_eq!(quiet.text().await, r#"44/refused,{"message":"not you","data":{"code":"denied"}}"#);
    quiet.say(r#"424["say",4]"#).await;
    assert_eq!(quiet.text().await, "434[4]");
    assert_eq!(journal.lines(), ["connecting"]);
    let mut other = websocket(&server, WEBSOCKET).await;
    other.say(r#"421["nobody",1]"#).await;
    assert!(other.text().await.starts_with(r#"431[{"error":{"code":"not_found""#));
}

fn explode(_: &Context, _: Arguments<'_>) -> Dispatch {
    panic!("a secret of the program")
}

fn refuse_with_data(_: &Context, _: Arguments<'_>) -> Dispatch {
    Dispatch::Ready(Reply::error(Error::new("internal", "on purpose").with_data(vec![1, 2])))
}

static EXPLODE: HandlerEntry = HandlerEntry::new("connect", explode, HERE).namespaced("/broken");
static WITH_DATA: HandlerEntry = HandlerEntry::new("connect", refuse_with_data, HERE).namespaced("/data");

#[tokio::test]
async fn the_data_of_a_refusal_is_exactly_what_the_handler_gave() {
    let (builder, _, _) = builder([&SAY, &EXPLODE, &WITH_DATA]);
    let server = builder.start().await.unwrap();
    let mut ws = websocket(&server, WEBSOCKET).await;
    ws.say("40/data,").await;
    assert_eq!(ws.text().await, r#"44/data,{"message":"on purpose","data":[1,2]}"#);
    ws.say("40/broken,").await;
    let text = ws.text().await;
    // The number under which the log has the rest.
    let id = text.strip_prefix(r#"44/broken,{"message":"internal error","data":{"code":"internal","id":""#);
    let id = id.and_then(|rest| rest.strip_suffix("\"}}"));
    assert_eq!(id.map(str::len), Some(20), "{text}");
}
