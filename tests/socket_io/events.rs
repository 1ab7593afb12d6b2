//! Events, acknowledgements, calls to the client, and what watches them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jidda::Server;
use jidda::error::CallError;
use jidda::payload::Value;
use jidda::socketio::{Integers, Parser, Resource};

use super::client::{Heard, Peer};
use super::{Journal, start};

#[tokio::test]
async fn a_reply_is_the_acknowledgement() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    assert_eq!(peer.ask(r#"["pair",1,2]"#).await, "[2,1]", "a tuple is several");
    assert_eq!(peer.ask(r#"["nothing"]"#).await, "[]");
    assert_eq!(peer.ask(r#"["divide",7,2]"#).await, "[3]");
    let failed = peer.ask(r#"["divide",7,0]"#).await;
    assert_eq!(
        failed,
        r#"[{"error":{"code":"app","message":"division by zero","data":"division by zero"}}]"#
    );
    let wrong = peer.ask(r#"["divide",7,"x"]"#).await;
    let message = r#"argument 2 `b`: invalid type: string \"x\", expected i64"#;
    assert_eq!(wrong, format!(r#"[{{"error":{{"code":"bad_arguments","message":"{message}"}}}}]"#));
    let missing = peer.ask(r#"["divide",7]"#).await;
    assert!(missing.contains("argument 2 `b` is missing"), "{missing}");
    let unknown = peer.ask(r#"["unheard of"]"#).await;
    assert!(unknown.starts_with(r#"[{"error":{"code":"not_found""#), "{unknown}");
}

#[tokio::test]
async fn numbers_and_key_order_survive_an_echo() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    for list in [
        "[1,-1,0,1.5,-2.25,9007199254740992,-9007199254740992]",
        r#"[{"3":[true],"1":null,"2":{"b":1,"a":2}},"😀\u0000\"\\"]"#,
        r#"[[],{},""]"#,
    ] {
        assert_eq!(peer.ask(&format!(r#"["echo",{}"#, &list[1..])).await, list);
    }
    // JavaScript would read another number.
    for list in ["[9007199254740993]", "[-9007199254740993]", "[18446744073709551615]"] {
        let answer = peer.ask(&format!(r#"["echo",{}"#, &list[1..])).await;
        assert!(answer.starts_with(r#"[{"error":{"code":"internal""#), "{answer}");
    }
    let socket = server.sockets().pop().expect("the peer's");
    let error = socket.emit("number", &u64::MAX).await.unwrap_err();
    assert!(error.to_string().contains("is beyond 2^53"), "{error}");
}

#[tokio::test]
async fn large_numbers_are_sent_where_all_clients_read_them() {
    let resource = |path: &str, parser| Resource::socket_io(path).parser(parser);
    let server = Server::builder()
        .listen("127.0.0.1:0")
        .resource(resource("/exact", Parser::Json).integers(Integers::All))
        .resource(resource("/exact-packed", Parser::MessagePack).integers(Integers::All))
        .resource(resource("/packed", Parser::MessagePack))
        .state(Journal::default())
        .start()
        .await
        .unwrap();
    let mut exact = Peer::open_at(&server, "/exact/?EIO=4&transport=websocket").await;
    exact.enter("/", "").await;
    let list = "[9007199254740993,-9007199254740993,18446744073709551615,-9223372036854775808]";
    assert_eq!(exact.ask(&format!(r#"["echo",{}"#, &list[1..])).await, list);

    let large = 9_007_199_254_740_993_u64;
    let event = |number: u64| {
        let head = b"\x84\xa4type\x02\xa3nsp\xa1/\xa2id\x07\xa4data\x92\xa4echo\xcf";
        [&head[..], &number.to_be_bytes()].concat()
    };
    for (path, number, is_sent) in
        [("/exact-packed", large, true), ("/packed", large, false), ("/packed", large - 1, true)]
    {
        let mut peer = Peer::open_at(&server, &format!("{path}/?EIO=4&transport=websocket")).await;
        peer.say_bytes(b"\x82\xa4type\x00\xa3nsp\xa1/").await;
        assert!(matches!(peer.hear().await, Heard::Bytes(_)));
        peer.say_bytes(&event(number)).await;
        let Heard::Bytes(bytes) = peer.hear().await else { panic!("{path} does not acknowledge") };
        let reply = rmpv::decode::read_value(&mut &bytes[..]).unwrap();
        let reply = &reply["data"][0];
        if is_sent {
            assert_eq!(*reply, Value::from(number), "{path}");
        } else {
            assert_eq!(reply["error"]["code"], Value::from("internal"), "{path}");
        }
    }
}

#[tokio::test]
async fn bytes_go_both_ways_beside_their_text() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let place = |number| format!(r#"{{"_placeholder":true,"num":{number}}}"#);
    peer.say(&format!(r#"452-7["echo",{},{{"a":[{}]}},1]"#, place(1), place(0))).await;
    peer.say_bytes(b"zero").await;
    peer.say_bytes(b"one").await;
    assert_eq!(peer.text().await, format!(r#"462-7[{},{{"a":[{}]}},1]"#, place(0), place(1)));
    assert_eq!(peer.hear().await, Heard::Bytes(b"one".to_vec()));
    assert_eq!(peer.hear().await, Heard::Bytes(b"zero".to_vec()));
    assert_eq!(peer.ask(r#"["echo",2]"#).await, "[2]");
}

#[tokio::test]
async fn the_sender_of_an_unhandled_event_is_notified() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    peer.say(r#"42["typo",1]"#).await;
    let refused = peer.text().await;
    assert!(refused.starts_with(r#"42["$/refused","typo",{"code":"not_found","#), "{refused}");
    assert_eq!(server.refused_events(), 1);
}

#[tokio::test]
async fn events_arrive_in_order() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    for number in 0..500 {
        peer.say(&format!(r#"42{number}["echo",{number}]"#)).await;
    }
    for number in 0..500 {
        assert_eq!(peer.text().await, format!("43{number}[{number}]"));
    }
    let socket = server.sockets().pop().unwrap();
    for number in 0..500 {
        socket.emit("n", &number).await.unwrap();
    }
    for number in 0..500 {
        assert_eq!(peer.text().await, format!(r#"42["n",{number}]"#));
    }
}

#[tokio::test]
async fn a_client_is_asked_and_answers() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    peer.say(r#"420["ask_back","hi"]"#).await;
    let asked = peer.text().await;
    let id = asked.strip_prefix("42").and_then(|rest| rest.strip_suffix(r#"["asked","hi"]"#)).expect(&asked);
    peer.say(&format!(r#"43{id}["ho"]"#)).await;
    assert_eq!(peer.text().await, r#"430["ho"]"#);
    // A second answer to the same question, and one to none, are nobody's.
    peer.say(&format!(r#"43{id}["again"]"#)).await;
    peer.say(r#"4377777["what"]"#).await;
    assert_eq!(peer.until_now().await, [] as [&str; 0]);
    assert_eq!(server.unknown_replies(), 2);
}

#[tokio::test]
async fn an_answer_is_read_as_what_was_asked_for() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let socket = server.sockets().pop().unwrap();
    macro_rules! asked {
        ($answer:expr, $type:ty) => {{
            let call = socket.call::<$type>("q", &()).timeout(Duration::from_secs(5));
            let answer = async {
                let question = peer.text().await;
                let id = question.strip_prefix("42").and_then(|rest| rest.strip_suffix(r#"["q"]"#)).unwrap();
                peer.say(&format!("43{id}{}", $answer)).await;
            };
            tokio::join!(call, answer).0
        }};
    }
    assert_eq!(asked!("[]", ()), Ok(()));
    assert_eq!(asked!("[null]", ()), Ok(()));
    assert_eq!(asked!("[5]", u8), Ok(5));
    assert_eq!(asked!(r#"[5,"a"]"#, (u8, String)), Ok((5, "a".to_owned())));
    assert_eq!(asked!("[[5,6]]", Vec<u8>), Ok(vec![5, 6]));
    assert!(matches!(asked!(r#"["x"]"#, u8), Err(CallError::Decode(_))));
    let late = socket.call::<u8>("q", &()).timeout(Duration::from_millis(1)).await;
    assert_eq!(late, Err(CallError::Timeout));
}

#[tokio::test]
async fn a_broadcast_call_returns_the_replies_that_arrived_in_time() {
    let server = start().await;
    let (mut quick, id) = Peer::join(&server).await;
    let (_silent, _) = Peer::join(&server).await;
    let calls = server.call::<u8>("q", &()).timeout(Duration::from_millis(300));
    let answer = async {
        let question = quick.text().await;
        let number = question.strip_prefix("42").and_then(|rest| rest.strip_suffix(r#"["q"]"#)).unwrap();
        quick.say(&format!("43{number}[1]")).await;
    };
    let (replies, ()) = tokio::join!(calls, answer);
    let mut replies: Vec<_> =
        replies.unwrap().into_iter().map(|(socket, reply)| (socket.id().to_string() == id, reply)).collect();
    replies.sort_by_key(|(is_quick, _)| !is_quick);
    assert_eq!(replies, [(true, Ok(1)), (false, Err(CallError::Timeout))]);
}

#[tokio::test]
async fn calls_that_wait_fail_at_once_when_the_client_goes() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let socket = server.sockets().pop().unwrap();
    let call = tokio::spawn(async move { socket.call::<u8>("q", &()).await });
    assert!(peer.text().await.ends_with(r#"["q"]"#));
    peer.vanish();
    assert_eq!(call.await.unwrap(), Err(CallError::Disconnected { maybe_executed: true }));
    let _ = server.state::<Journal>().unwrap().wait_for("").await;
}

#[tokio::test]
async fn a_volatile_event_is_dropped_while_an_earlier_write_waits() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let socket = server.sockets().pop().unwrap();
    assert_eq!(socket.volatile().emit("v", &1), Ok(true));
    assert_eq!(socket.volatile().emit("v", &2), Ok(true), "nothing was written yet that could wait");
    socket.emit("e", &3).await.unwrap();
    assert_eq!(peer.until_now().await, [r#"42["v",1]"#, r#"42["v",2]"#, r#"42["e",3]"#]);
    // The peer reads nothing, until its stream takes no more.
    let text = "x".repeat(50_000);
    let mut sent = 0;
    while socket.volatile().emit("v", &text).unwrap() {
        sent += 1;
        assert!(sent < 10_000, "each event was taken");
        tokio::task::yield_now().await;
    }
    assert_eq!(socket.volatile().emit("v", &4), Ok(false));
}

#[tokio::test]
async fn a_catch_all_takes_what_has_no_handler() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    peer.enter("/all", "").await;
    peer.say(r#"42/all,1["what ever",1,2]"#).await;
    assert_eq!(peer.text().await, r#"43/all,1["what ever",2]"#);
    peer.say("42/all,2[5,1]").await;
    assert_eq!(peer.text().await, r#"43/all,2["5",1]"#, "a number is a name, too");
}

#[tokio::test]
async fn incoming_and_outgoing_events_can_be_watched() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    let socket = server.sockets().pop().unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let (incoming, outgoing) = (Arc::clone(&seen), Arc::clone(&seen));
    socket.on_any(move |name, args| incoming.lock().unwrap().push(format!("in {name} {:?}", args.0)));
    socket
        .on_any_outgoing(move |name, args| outgoing.lock().unwrap().push(format!("out {name} {:?}", args.0)));
    peer.ask(r#"["echo",1]"#).await;
    socket.emit("a", &(1, "x")).await.unwrap();
    server.emit("b", &(Value::Nil,)).await.unwrap();
    socket.on("ping", || async { "pong" });
    assert_eq!(peer.text().await, r#"42["a",1,"x"]"#);
    assert_eq!(peer.text().await, r#"42["b",null]"#);
    assert_eq!(peer.ask(r#"["ping"]"#).await, r#"["pong"]"#);
    let seen = seen.lock().unwrap().clone();
    let integer = Value::from(1);
    assert_eq!(seen[0], format!("in echo {:?}", [&integer]));
    assert_eq!(seen[1], format!("out a {:?}", [&integer, &"x".into()]));
    assert_eq!(seen[2], format!("out b {:?}", [Value::Nil]));
    assert_eq!(seen[3], "in ping []");
}

#[tokio::test]
async fn middleware_sees_the_connect_and_every_event_of_its_namespace() {
    let server = start().await;
    let (mut peer, _) = Peer::join(&server).await;
    peer.say(r#"40/guarded,{"name":"bob"}"#).await;
    assert_eq!(peer.text().await, r#"44/guarded,{"message":"only ada","data":{"code":"denied"}}"#);
    peer.enter("/guarded", r#"{"name":"ada"}"#).await;
    peer.say(r#"42/guarded,1["open"]"#).await;
    assert_eq!(peer.text().await, r#"43/guarded,1["open"]"#);
    peer.say(r#"42/guarded,2["secret"]"#).await;
    assert_eq!(peer.text().await, r#"43/guarded,2[{"error":{"code":"denied","message":"not that"}}]"#);
}

/// An acknowledgement of a namespace that was left is not going to come: nobody waits for it until a limit.
#[tokio::test]
async fn the_end_of_a_namespace_is_the_end_of_its_calls() {
    let server = start().await;
    for ends in ["client", "server"] {
        let mut peer = Peer::open(&server).await;
        peer.enter("/orders/7", "").await;
        peer.enter("/orders/8", "").await;
        let [seventh, eighth] =
            ["/orders/7", "/orders/8"].map(|path| server.of(path).sockets().pop().expect("it is there"));
        let call = |socket: jidda::Socket| {
            tokio::spawn(
                async move { socket.call::<i64>("asked", &()).timeout(Duration::from_secs(60)).await },
            )
        };
        let calls = [call(seventh.clone()), call(eighth)];
        let mut asked = [peer.text().await, peer.text().await];
        asked.sort();
        match ends {
            "client" => peer.say("41/orders/7,").await,
            _ => seventh.disconnect(),
        }
        let [of_seventh, of_eighth] = calls;
        let ended =
            tokio::time::timeout(Duration::from_secs(30), of_seventh).await.expect("it does not wait");
        assert_eq!(ended.unwrap(), Err(CallError::Disconnected { maybe_executed: true }), "{ends}");
        let id =
            asked[1].strip_prefix("42/orders/8,").and_then(|rest| rest.strip_suffix(r#"["asked"]"#)).unwrap();
        peer.say(&format!("43/orders/8,{id}[8]")).await;
        assert_eq!(of_eighth.await.unwrap(), Ok(8), "{ends}");
        peer.close().await;
        while !matches!(peer.hear().await, Heard::End) {}
    }
}
