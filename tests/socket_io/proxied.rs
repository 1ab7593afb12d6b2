//! A Socket.IO client of a gateway calls a service behind it, which it shares with nobody's wire.

use jidda::server::Proxy;
use jidda::{Client, Server};

use super::client::{Heard, Peer, authority};
use super::start;

struct Gateway;

async fn gateway(behind: &Server) -> Server {
    let client = Client::connect(&authority(behind)).await.unwrap();
    let builder = Server::builder().app::<Gateway>().proxy(Proxy::to(&client)).listen("127.0.0.1:0");
    builder.start().await.unwrap()
}

#[tokio::test]
async fn values_and_errors_of_the_service_behind_are_acknowledged() {
    let behind = start().await;
    let gateway = gateway(&behind).await;
    let (mut peer, _) = Peer::join(&gateway).await;
    let list = r#"["echo",[true],{"b":1,"a":null},"😀"]"#;
    assert_eq!(peer.ask(list).await, format!("[[{}]", &list[8..]), "as one value: a list");
    let failed = peer.ask(r#"["divide",7,0]"#).await;
    let text = "division by zero";
    assert_eq!(failed, format!(r#"[{{"error":{{"code":"app","message":"{text}","data":"{text}"}}}}]"#));
    let missing = peer.ask(r#"["divide",7]"#).await;
    assert!(missing.contains("argument 2 `b` is missing"), "{missing}");
    let unknown = peer.ask(r#"["unheard of"]"#).await;
    assert!(unknown.starts_with(r#"[{"error":{"code":"not_found""#), "{unknown}");
}

#[tokio::test]
async fn bytes_pass_through() {
    let behind = start().await;
    let gateway = gateway(&behind).await;
    let (mut peer, _) = Peer::join(&gateway).await;
    peer.say(r#"451-7["echo",{"a":{"_placeholder":true,"num":0}}]"#).await;
    peer.say_bytes(b"zero").await;
    assert_eq!(peer.text().await, r#"461-7[[{"a":{"_placeholder":true,"num":0}}]]"#);
    assert_eq!(peer.hear().await, Heard::Bytes(b"zero".to_vec()));
}

#[tokio::test]
async fn a_stream_of_the_service_behind_is_sent_as_events() {
    let behind = start().await;
    let gateway = gateway(&behind).await;
    let (mut peer, _) = Peer::join(&gateway).await;
    let answer = peer.ask(r#"["count",7,3]"#).await;
    let number = answer.strip_prefix(r#"[{"stream":""#).and_then(|rest| rest.strip_suffix(r#""}]"#));
    let number = number.unwrap_or_else(|| panic!("{answer}"));
    for item in 7..10 {
        assert_eq!(peer.text().await, format!(r#"42["$/item","{number}",{item}]"#));
    }
    assert_eq!(peer.text().await, format!(r#"42["$/end","{number}"]"#));
    assert_eq!(peer.ask(r#"["divide",7,2]"#).await, "[3]");
}

#[tokio::test]
async fn arguments_too_deep_for_the_backend_affect_no_other_caller() {
    let behind = start().await;
    let gateway = gateway(&behind).await;
    let (mut peer, _) = Peer::join(&gateway).await;
    let (mut other, _) = Peer::join(&gateway).await;
    for levels in 58..64 {
        let deep = [&"[".repeat(levels - 1)[..], &"]".repeat(levels - 1)].concat();
        let answer = peer.ask(&format!(r#"["echo",{deep}]"#)).await;
        let is_too_deep = answer.starts_with(r#"[{"error":{"code":"too_deep""#);
        assert!(is_too_deep || answer == format!("[[{deep}]]"), "{levels}: {answer}");
        assert_eq!(other.ask(r#"["divide",7,2]"#).await, "[3]");
    }
}
