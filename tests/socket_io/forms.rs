//! Values and packets as clients of other languages write them.

use jidda::State;
use jidda::handler::RawArguments;
use jidda::payload::Value;
use jidda::prelude::*;
use jidda::socketio::{Parser, Resource};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::client::{Heard, Peer, Poller};
use super::{Journal, start};

#[derive(Deserialize, Serialize)]
struct Order {
    count: u32,
    extra: Option<i64>,
}

#[namespace("/forms")]
mod handlers {
    use super::*;

    #[on("connect")]
    async fn enter(journal: &State<Journal>, auth: Option<Value>) {
        journal.write(format!("auth {auth:?}"));
    }

    #[on]
    async fn double(n: i64) -> i64 {
        n * 2
    }

    #[on]
    async fn order(order: Order, more: Vec<u8>) -> (u32, Option<i64>, Vec<u8>) {
        (order.count, order.extra, more)
    }

    #[on]
    async fn huge(n: u128) -> String {
        n.to_string()
    }

    #[on]
    async fn greet(name: String, #[serde(default)] loud: bool, times: Option<u32>) -> String {
        format!("{name} {loud} {times:?}")
    }

    #[on]
    async fn blob(text: String, bytes: ByteBuf) -> String {
        format!("{text} {}", bytes.len())
    }

    #[on("\u{fffd}")]
    async fn odd_name(text: String) -> String {
        text
    }

    #[on]
    async fn same(args: RawArguments) -> RawArguments {
        args
    }

    #[on]
    async fn ask_number(socket: &Socket) -> jidda::Result<i64> {
        Ok(socket.call::<i64>("number", &()).await?)
    }

    #[on]
    async fn ask_text(socket: &Socket) -> jidda::Result<String> {
        Ok(socket.call::<String>("text", &()).await?)
    }
}

/// Says an event in the namespace and hears its acknowledgement.
async fn ask(peer: &mut Peer, event: &str) -> String {
    peer.say(&format!("42/forms,7{event}")).await;
    let answer = peer.text().await;
    answer.strip_prefix("43/forms,7").unwrap_or_else(|| panic!("{event}: {answer}")).to_owned()
}

async fn enter(server: &Server) -> Peer {
    let mut peer = Peer::open(server).await;
    peer.enter("/forms", "").await;
    peer
}

#[tokio::test]
async fn whole_numbers_are_integers_and_null_is_a_default() {
    let server = start().await;
    let mut peer = enter(&server).await;
    for (event, answer) in [
        (r#"["double",21.0]"#, "[42]"),
        (r#"["double",2.1e1]"#, "[42]"),
        (r#"["double",-0.0]"#, "[0]"),
        (r#"["order",{"count":3.0,"extra":-1e1},[1.0,2e1]]"#, "[3,-10,[1,20]]"),
        (r#"["order",{"count":3,"extra":null},[]]"#, "[3,null,[]]"),
        (r#"["huge",3.4e38]"#, r#"["340000000000000000000000000000000000000"]"#),
        (r#"["same",1.0,1e2]"#, "[1.0,100.0]"),
        (r#"["greet","ada",null]"#, r#"["ada false None"]"#),
        (r#"["greet","ada",null,2.0]"#, r#"["ada false Some(2)"]"#),
        (r#"["greet","ada",true,null]"#, r#"["ada true None"]"#),
    ] {
        assert_eq!(ask(&mut peer, event).await, answer, "{event}");
    }
    for event in
        [r#"["double",21.5]"#, r#"["double",1e19]"#, r#"["order",{"count":-1.0},[]]"#, r#"["greet",null]"#]
    {
        let answer = ask(&mut peer, event).await;
        assert!(answer.starts_with(r#"[{"error":{"code":"bad_arguments""#), "{event}: {answer}");
    }
}

#[tokio::test]
async fn an_acknowledgement_is_read_as_an_argument_is() {
    let server = start().await;
    let mut peer = enter(&server).await;
    for (event, question, reply, answer) in
        [("ask_number", "number", "[2.1e1]", "[21]"), ("ask_text", "text", r#"["\ud83d"]"#, "[\"\u{fffd}\"]")]
    {
        peer.say(&format!(r#"42/forms,7["{event}"]"#)).await;
        let asked = peer.text().await;
        let id =
            asked.strip_prefix("42/forms,").and_then(|rest| rest.strip_suffix(&format!(r#"["{question}"]"#)));
        let id = id.unwrap_or_else(|| panic!("{asked}"));
        peer.say(&format!("43/forms,{id}{reply}")).await;
        assert_eq!(peer.text().await, format!("43/forms,7{answer}"));
    }
}

#[tokio::test]
async fn whole_floats_of_the_msgpack_parser_and_of_native_peers_are_integers() {
    let server = Server::builder()
        .listen("127.0.0.1:0")
        .resource(Resource::socket_io("/packed").parser(Parser::MessagePack))
        .state(Journal::default())
        .start()
        .await
        .unwrap();
    let mut peer = Peer::open_at(&server, "/packed/?EIO=4&transport=websocket").await;
    let packed = |entries: &[(&str, Value)]| {
        let map = entries.iter().map(|(key, value)| (Value::from(*key), value.clone())).collect();
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &Value::Map(map)).unwrap();
        bytes
    };
    peer.say_bytes(&packed(&[("type", 0.into()), ("nsp", "/forms".into())])).await;
    assert!(matches!(peer.hear().await, Heard::Bytes(_)));
    let native =
        jidda::Client::connect(&format!("tcp://{}", super::client::authority(&server))).await.unwrap();
    let native = native.join("/forms", &Value::Nil).await.unwrap();
    let order = Value::Map(vec![("count".into(), 3.0.into()), ("extra".into(), Value::F32(-10.0))]);
    for (event, arguments, answer) in [
        ("double", vec![Value::F64(21.0)], Some(Value::from(42))),
        ("order", vec![order, Value::Array(vec![Value::F64(1.0)])], None),
        ("huge", vec![Value::F64(1_000_000.0)], Some("1000000".into())),
        ("greet", vec!["ada".into(), Value::Nil, 2.0.into()], Some("ada false Some(2)".into())),
    ] {
        let heard = native.call::<Value>(event, &RawArguments(arguments.clone())).await.unwrap();
        let wanted = answer
            .unwrap_or_else(|| Value::Array(vec![3.into(), (-10).into(), Value::Array(vec![1.into()])]));
        assert_eq!(heard, wanted, "{event}");
        let data = [vec![event.into()], arguments].concat();
        let said = packed(&[
            ("type", 2.into()),
            ("nsp", "/forms".into()),
            ("data", Value::Array(data)),
            ("id", 7.into()),
        ]);
        peer.say_bytes(&said).await;
        let Heard::Bytes(bytes) = peer.hear().await else { panic!("{event} is not answered") };
        let heard = rmpv::decode::read_value(&mut &bytes[..]).unwrap();
        let list = if event == "order" { wanted } else { Value::Array(vec![wanted]) };
        assert_eq!(heard["data"], list, "{event}");
    }
}

#[tokio::test]
async fn half_a_surrogate_pair_ends_nothing() {
    let server = start().await;
    let mut peer = enter(&server).await;
    for (event, answer) in [
        (
            r#"["same","\ud83d","\udc00x",{"a":"\uD83D\ud83d\ude00"}]"#,
            "[\"\u{fffd}\",\"\u{fffd}x\",{\"a\":\"\u{fffd}\u{1f600}\"}]",
        ),
        (r#"["same",{"\ud83d":1}]"#, "[{\"\u{fffd}\":1}]"),
        (r#"["\ud83d","\ud83d"]"#, "[\"\u{fffd}\"]"),
    ] {
        assert_eq!(ask(&mut peer, event).await, answer, "{event}");
    }
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    for (event, answer) in [
        (format!(r#"["blob","\ud83d",{placeholder}]"#), "[\"\u{fffd} 3\"]"),
        // Not every type takes a number that no float holds. That is the handler's to say.
        (format!(r#"["blob",1e999,{placeholder}]"#), r#"[{"error":{"code":"bad_arguments""#),
    ] {
        peer.say(&format!("451-/forms,7{event}")).await;
        peer.say_bytes(b"abc").await;
        let heard = peer.text().await;
        assert!(heard.starts_with(&format!("43/forms,7{answer}")), "{event}: {heard}");
    }
    let mut other = Peer::open(&server).await;
    other.enter("/forms", r#"{"token":"\ud83d"}"#).await;
    let journal = server.state::<Journal>().unwrap();
    let line = journal.wait_for("auth Some").await;
    assert!(line.contains('\u{fffd}'), "{line}");
    // By polling, and in both versions.
    let sized = |packet: &str| format!("{}:{packet}", packet.encode_utf16().count());
    let packets = ["40/forms,", r#"42/forms,7["same","\ud83d"]"#, "43/forms,7[\"\u{fffd}\"]"];
    for (version, [join, said, heard]) in
        [("EIO=4", packets.map(str::to_owned)), ("EIO=3", packets.map(sized))]
    {
        let (poller, _) = Poller::open(&server, version).await;
        poller.say(&join).await;
        poller.poll().await;
        poller.say(&said).await;
        assert_eq!(poller.poll().await, heard, "{version}");
    }
}

/// Any strings of plain characters, pairs, halves and escapes, on one connection that has to outlive them all.
#[tokio::test]
async fn whatever_halves_there_are_the_rest_of_a_text_arrives() {
    let server = start().await;
    let mut peer = enter(&server).await;
    let pieces = [
        (r"\ud83d\ude00", "\u{1f600}"),
        (r"\ud800", "\u{fffd}"),
        (r"\uDFFF", "\u{fffd}"),
        (r"\ude00", "\u{fffd}"),
        (r"\u0041", "A"),
        (r"\\u", r"\u"),
        (r#"\""#, "\""),
        (r"\n", "\n"),
        ("d83d", "d83d"),
        ("é😀 ", "é😀 "),
        ("1.0", "1.0"),
    ];
    // A generator of Lehmer's: the same texts in each run.
    let mut state = 48_271_u64;
    let mut next = |bound: usize| {
        state = state * 48_271 % 2_147_483_647;
        usize::try_from(state).unwrap() % bound
    };
    for _ in 0..300 {
        let (mut said, mut meant) = (String::new(), String::new());
        for _ in 0..next(8) {
            let (piece, meaning) = pieces[next(pieces.len())];
            // A high half before a low one is a pair.
            if said.ends_with(r"\ud800") && piece.starts_with(r"\ud") | piece.starts_with(r"\uD") {
                continue;
            }
            said += piece;
            meant += meaning;
        }
        let answer = ask(&mut peer, &format!(r#"["same","{said}",{{"{said}":["{said}",1.0]}}]"#)).await;
        let heard: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(heard, serde_json::json!([meant, { meant.clone(): [meant, 1.0] }]), "{said}");
    }
}

#[tokio::test]
async fn no_attachments_may_be_announced() {
    let server = start().await;
    let mut peer = enter(&server).await;
    peer.say(r#"450-/forms,7["same","x"]"#).await;
    assert_eq!(peer.text().await, r#"43/forms,7["x"]"#);
    peer.say(r#"42/forms,8["ask_number"]"#).await;
    let asked = peer.text().await;
    let id = asked
        .strip_prefix("42/forms,")
        .and_then(|rest| rest.strip_suffix(r#"["number"]"#))
        .unwrap()
        .to_owned();
    peer.say(&format!("460-/forms,{id}[4]")).await;
    assert_eq!(peer.text().await, "43/forms,8[4]");
}
