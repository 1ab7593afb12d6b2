//! The same by long polling, and the clients of version 3.

use super::client::{Peer, Poller};
use super::{Journal, start};

#[tokio::test]
async fn packets_arrive_together_in_one_payload() {
    let server = start().await;
    let (poller, opening) = Poller::open(&server, "EIO=4").await;
    assert!(opening.contains(
        r#""upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#
    ));
    poller.say("40").await;
    let granted = poller.poll().await;
    assert!(granted.starts_with(r#"40{"sid":""#), "{granted}");
    assert!(!granted.contains(&poller.session), "the socket's name is not the session's");
    poller.say("420[\"pair\",1,2]\u{1e}421[\"echo\",\"é\u{1f600}\"]").await;
    assert_eq!(poller.poll().await, "430[2,1]\u{1e}431[\"é\u{1f600}\"]");
    poller.say("451-2[\"echo\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID").await;
    assert_eq!(poller.poll().await, "461-2[{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID");
    let handshake = server.sockets()[0].handshake();
    assert_eq!((handshake.transport, handshake.protocol), (jidda::peer::Transport::Polling, "socket.io/5"));
}

#[tokio::test]
async fn a_volatile_event_needs_a_poll_that_waits() {
    let server = start().await;
    let (poller, _) = Poller::open(&server, "EIO=4").await;
    poller.say("40").await;
    poller.poll().await;
    let socket = server.sockets().pop().unwrap();
    assert_eq!(socket.volatile().emit("v", &1), Ok(false), "nothing waits for it");
    socket.emit("e", &2).await.unwrap();
    assert_eq!(poller.poll().await, r#"42["e",2]"#);
    let waits = poller.poll();
    let emits = async {
        // Until the poll has arrived it is dropped, as often as it is tried.
        while socket.volatile().emit("v", &3) != Ok(true) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    let (heard, ()) = tokio::join!(waits, emits);
    assert_eq!(heard, r#"42["v",3]"#);
}

#[tokio::test]
async fn version_3_joins_by_connecting_and_names_sockets_by_the_session() {
    let server = start().await;
    let (poller, opening) = Poller::open(&server, "EIO=3").await;
    assert!(opening.ends_with("2:40"), "{opening}");
    let id = server.sockets()[0].id().to_string();
    assert_eq!(id, poller.session);
    assert_eq!(server.sockets()[0].handshake().protocol, "socket.io/4");
    // Lengths count UTF-16 code units.
    poller.say("17:420[\"echo\",\"é\u{1f600}\"]").await;
    assert_eq!(poller.poll().await, "10:430[\"é\u{1f600}\"]");
    poller.say("28:40/guarded?name=ada&token=1,").await;
    assert_eq!(poller.poll().await, "11:40/guarded,");
    server.of("/guarded").to(format!("/guarded#{id}")).emit("you", &()).await.unwrap();
    assert_eq!(poller.poll().await, r#"18:42/guarded,["you"]"#);
    poller.say("11:40/unknown,").await;
    assert_eq!(poller.poll().await, r#"30:44/unknown,"Invalid namespace""#);
    poller.say("1:2").await;
    assert_eq!(poller.poll().await, "1:3");
}

#[tokio::test]
async fn a_session_that_is_closed_by_its_client_says_so_to_the_handlers() {
    let server = start().await;
    let (poller, _) = Poller::open(&server, "EIO=4").await;
    poller.say("40").await;
    let granted = poller.poll().await;
    let id = &granted[10..30];
    let (heard, ()) = tokio::join!(poller.poll(), poller.say("1"));
    assert_eq!(heard, "6");
    assert!(server.state::<Journal>().unwrap().wait_for(id).await.ends_with("transport close"));
}

#[tokio::test]
async fn a_session_moves_to_a_websocket_and_loses_nothing() {
    let server = start().await;
    let (poller, _) = Poller::open(&server, "EIO=4").await;
    poller.say("40").await;
    poller.poll().await;
    let socket = server.sockets().pop().unwrap();
    socket.emit("before", &1).await.unwrap();
    let target = format!("/socket.io/?EIO=4&transport=websocket&sid={}", poller.session);
    let mut peer = Peer::upgrade(&server, &target).await;
    peer.say("2probe").await;
    assert_eq!(peer.text().await, "3probe");
    socket.emit("during", &2).await.unwrap();
    peer.say("5").await;
    socket.emit("after", &3).await.unwrap();
    for expected in [r#"42["before",1]"#, r#"42["during",2]"#, r#"42["after",3]"#] {
        assert_eq!(peer.text().await, expected);
    }
    assert_eq!(peer.ask(r#"["echo",1]"#).await, "[1]");
    assert_eq!(socket.handshake().transport, jidda::peer::Transport::WebSocket);
    assert_eq!(socket.volatile().emit("v", &4), Ok(true), "no poll is needed any more");
    assert_eq!(peer.text().await, r#"42["v",4]"#);
}
