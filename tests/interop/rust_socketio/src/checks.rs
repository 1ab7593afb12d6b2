//! What is checked of each kind of client.

use rust_socketio::Payload;
use serde_json::{Value, json};

use crate::Failure;
use crate::client::{Client, Setting};

pub type Check = (&'static str, fn(&Setting) -> Result<(), Failure>);

macro_rules! checks {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), $name as fn(&Setting) -> _)),*] };
}

pub fn all() -> impl Iterator<Item = Check> {
    CHECKS.into_iter()
}

/// Whether the server is to want signs of life in this check.
pub fn needs_heartbeat(name: &str) -> bool {
    name.contains("heartbeat")
}

const CHECKS: [Check; 19] = checks![
    connects_and_says_who_it_is,
    gets_what_the_server_sends_at_once,
    is_refused,
    several_arguments_both_ways,
    acknowledgements,
    unicode,
    numbers_and_maps_survive,
    bytes_both_ways,
    events_keep_their_order,
    namespaces,
    an_unknown_namespace_is_refused,
    rooms,
    the_client_leaves,
    the_server_ends_the_socket,
    the_server_closes_the_connection,
    just_under_a_million_bytes,
    comes_back_when_the_server_ended_in_peace,
    comes_back_when_the_server_was_killed,
    lives_on_by_its_heartbeats,
];

const TEXTS: [&str; 7] = ["grüße", "日本語", "😀", "👩‍👩‍👧 𝒳", "\u{2028}\0", "a \"quoted\\\" one", ""];

fn equal<T: PartialEq + std::fmt::Debug>(actual: T, expected: T) -> Result<(), Failure> {
    if actual == expected { Ok(()) } else { Err(format!("expected {expected:?}, got {actual:?}").into()) }
}

/// Whether what is served is jidda, which can do more here.
fn is_jidda() -> bool {
    std::env::var("TARGET").is_ok_and(|target| target == "jidda")
}

fn connects_and_says_who_it_is(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect_as("/", "ada")?;
    equal(client.call("whoami", vec![])?, json!(["/", "ada"]))?;
    equal(client.call("seen", vec![])?, json!([{"token": "ada", "header": "yes"}]))
}

fn gets_what_the_server_sends_at_once(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect_as("/", "ada")?;
    for n in 1..=3 {
        equal(client.next_values("welcome")?, vec![json!(n), json!("ada")])?;
    }
    Ok(())
}

fn is_refused(setting: &Setting) -> Result<(), Failure> {
    refused(
        &setting.open("/", "wrong", false)?,
        &json!({"message": "who are you?", "data": {"code": "denied"}}),
    )
}

fn refused(client: &Client, expected: &Value) -> Result<(), Failure> {
    let Payload::Text(values) = client.next("error")? else { return Err("not text".into()) };
    let text = values[0].as_str().ok_or("not text")?;
    let found = text.strip_prefix("Received an ConnectError frame: ").ok_or("another error")?;
    equal(&serde_json::from_str(found)?, expected)
}

fn several_arguments_both_ways(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect()?;
    let values = vec![json!("text"), json!(1), json!([2, [3]]), json!({"a": {"b": null}}), json!(null)];
    equal(client.call("echo", values.clone())?, Value::Array(values.clone()))?;
    client.emit("back", values.clone())?;
    equal(client.next_values("back")?, values)
}

fn acknowledgements(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect()?;
    equal(client.call("nothing", vec![])?, json!([]))?;
    equal(client.call("add", vec![20.into(), 22.into()])?, json!([42]))?;
    equal(client.call("several", vec![])?, json!(["one", {"two": 2}, [3]]))?;
    equal(client.call("divide", vec![6.into(), 2.into()])?, json!([3]))?;
    let error = json!({"code": "zero", "message": "division by zero", "data": {"a": 6}});
    equal(client.call("divide", vec![6.into(), 0.into()])?, json!([{ "error": error }]))
}

fn unicode(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect()?;
    let texts = TEXTS.map(Value::from).to_vec();
    equal(client.call("echo", texts.clone())?, Value::Array(texts))?;
    equal(client.call("grüße 😀", vec!["an".into()])?, json!(["an 😀"]))
}

fn numbers_and_maps_survive(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect()?;
    let numbers = json!([0, -1, 1.5, 255, 65536, 9_007_199_254_740_991_i64, 1e-7]);
    equal(client.call("echo", vec![numbers.clone()])?, json!([numbers]))?;
    if is_jidda() {
        // JavaScript has one kind of number.
        let numbers = json!([1.0, u64::MAX, i64::MIN, {"3": [true], "1": null}]);
        equal(client.call("echo", vec![numbers.clone()])?, json!([numbers]))?;
    }
    Ok(())
}

fn bytes_both_ways(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect()?;
    // Over WebSocket, no bytes are an error to it, and 30 is the end of a packet, as where it polls.
    let bytes: Vec<u8> = (0..=255).filter(|&byte| byte != 30).collect();
    let every: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for bytes in [bytes, vec![1]] {
        client.emit("back", bytes.clone())?;
        client.emit("collect", bytes.clone())?;
        equal(client.next("back")?, Payload::from(bytes))?;
    }
    equal(client.call("collected", vec![])?, json!([[format!("hex:{every}"), "hex:01"]]))
}

fn events_keep_their_order(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect()?;
    let numbers: Vec<Value> = (0..50).map(Value::from).collect();
    for n in &numbers {
        client.emit("collect", n.clone())?;
        client.emit("back", n.clone())?;
    }
    equal(client.call("collected", vec![])?, json!([numbers]))?;
    for n in numbers {
        equal(client.next_values("back")?, vec![n])?;
    }
    Ok(())
}

fn namespaces(setting: &Setting) -> Result<(), Failure> {
    let chat = setting.connect_as("/chat", "ada")?;
    equal(chat.call("whoami", vec![])?, json!(["/chat", "ada"]))?;
    let order = setting.connect_as("/orders/7", "ada")?;
    equal(order.call("describe", vec!["order ".into()])?, json!(["order 7"]))
}

fn an_unknown_namespace_is_refused(setting: &Setting) -> Result<(), Failure> {
    refused(&setting.open("/nowhere", "ada", false)?, &json!({"message": "Invalid namespace"}))
}

fn rooms(setting: &Setting) -> Result<(), Failure> {
    let (room, other) = (setting.name("room"), setting.name("room"));
    let [a, b, c] = [setting.connect()?, setting.connect()?, setting.connect()?];
    b.call("join", vec![room.as_str().into()])?;
    b.call("join", vec![other.as_str().into()])?;
    c.call("join", vec![other.as_str().into()])?;
    a.call("say", vec![json!([]), json!([]), "to others".into()])?;
    a.call("say", vec![json!([room, other]), json!([]), "once".into()])?;
    a.call("tell", vec![json!([]), json!([room]), "but b".into()])?;
    for client in [&a, &b, &c] {
        // Its answer comes after whatever was sent before it was asked for.
        client.call("echo", vec![])?;
    }
    let said = |client: &Client| -> Result<Value, Failure> { Ok(json!(client.heard("said")?.concat())) };
    equal(said(&a)?, json!(["but b"]))?;
    equal(said(&b)?, json!(["to others", "once"]))?;
    equal(said(&c)?, json!(["to others", "once", "but b"]))
}

fn the_client_leaves(setting: &Setting) -> Result<(), Failure> {
    let watcher = setting.watch()?;
    let client = setting.connect()?;
    client.disconnect()?;
    equal(watcher.left(&client)?.as_str(), "client namespace disconnect")
}

fn the_server_ends_the_socket(setting: &Setting) -> Result<(), Failure> {
    let watcher = setting.watch()?;
    let client = setting.connect()?;
    client.emit("bye", Vec::<Value>::new())?;
    client.next("close")?;
    equal(watcher.left(&client)?.as_str(), "server namespace disconnect")
}

fn the_server_closes_the_connection(setting: &Setting) -> Result<(), Failure> {
    let watcher = setting.watch()?;
    let client = setting.connect()?;
    client.emit("close", Vec::<Value>::new())?;
    client.next("close")?;
    // jidda has a reason of its own for it, where Node leaves each namespace by itself.
    let expected = if is_jidda() { "forced close" } else { "server namespace disconnect" };
    equal(watcher.left(&client)?.as_str(), expected)
}

fn just_under_a_million_bytes(setting: &Setting) -> Result<(), Failure> {
    // Without blocking, it takes what it has of a poll's answer by now for all of it.
    if !setting.is_blocking() && setting.is_polling() {
        return Ok(());
    }
    let client = setting.connect()?;
    for text in ["0123456789".repeat(99_980), "😀𝒳".repeat(50_000)] {
        if client.call("echo", vec![text.as_str().into()])? != json!([text]) {
            return Err("something else came back".into());
        }
    }
    let bytes = b"jidda".repeat(149_960);
    client.emit("back", bytes.clone())?;
    if client.next("back")? != Payload::from(bytes) {
        return Err("other bytes came back".into());
    }
    Ok(())
}

fn comes_back(setting: &Setting, signal: &str) -> Result<(), Failure> {
    let client = setting.open("/", "ada", true)?;
    client.next("connect")?;
    setting.restart(signal)?;
    // After errors, as many as it tried in vain.
    while client.next_of(&["connect", "error"])?.0 != "connect" {}
    equal(client.call("whoami", vec![])?, json!(["/", "ada"]))
}

fn comes_back_when_the_server_ended_in_peace(setting: &Setting) -> Result<(), Failure> {
    // A poll that is answered with Engine.IO's packet `close`, as by the reference, is no reason for it to come back.
    if !is_jidda() && setting.is_polling() {
        return Ok(());
    }
    comes_back(setting, "TERM")
}

fn comes_back_when_the_server_was_killed(setting: &Setting) -> Result<(), Failure> {
    comes_back(setting, "KILL")
}

fn lives_on_by_its_heartbeats(setting: &Setting) -> Result<(), Failure> {
    let client = setting.connect()?;
    // Each takes the server a tenth of a second; it gives up who is silent for one and a fifth.
    for _ in 0..15 {
        equal(client.call("ask in vain", vec![])?, json!(["timeout"]))?;
    }
    Ok(())
}
