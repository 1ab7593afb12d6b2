//! Rooms, selections and broadcasts.

use super::client::Peer;
use super::start;

async fn join(peer: &mut Peer, room: &str) {
    assert_eq!(peer.ask(&format!(r#"["join","{room}"]"#)).await, "[]");
}

async fn tell(peer: &mut Peer, rooms: &str, except: &str, text: &str) {
    assert_eq!(peer.ask(&format!(r#"["tell",{rooms},{except},"{text}"]"#)).await, "[]");
}

#[tokio::test]
async fn rooms_are_a_union_without_duplicates_and_except_wins() {
    let server = start().await;
    let (mut sender, _) = Peer::join(&server).await;
    let (mut both, _) = Peer::join(&server).await;
    let (mut one, _) = Peer::join(&server).await;
    for room in ["a", "b"] {
        join(&mut both, room).await;
        join(&mut sender, room).await;
    }
    join(&mut one, "b").await;
    tell(&mut sender, r#"["a","b"]"#, "[]", "union").await;
    tell(&mut sender, r#"["a","b"]"#, r#"["a"]"#, "except").await;
    tell(&mut sender, "[]", r#"["nobody"]"#, "all").await;
    assert_eq!(both.until_now().await, [r#"42["said","union"]"#, r#"42["said","all"]"#]);
    let said = [r#"42["said","union"]"#, r#"42["said","except"]"#, r#"42["said","all"]"#];
    assert_eq!(one.until_now().await, said);
    assert_eq!(sender.until_now().await, [] as [&str; 0], "the sender is left out, its rooms do not matter");
}

#[tokio::test]
async fn a_socket_is_a_room_of_its_own_id() {
    let server = start().await;
    let (mut sender, own) = Peer::join(&server).await;
    let (mut other, id) = Peer::join(&server).await;
    assert_eq!(sender.ask(r#"["my_rooms"]"#).await, format!(r#"[["{own}"]]"#));
    tell(&mut sender, &format!(r#"["{id}"]"#), "[]", "you").await;
    assert_eq!(other.until_now().await, [r#"42["said","you"]"#]);
    server.to(&own).emit("said", "me").await.unwrap();
    assert_eq!(sender.until_now().await, [r#"42["said","me"]"#]);
}

#[tokio::test]
async fn a_broadcast_leaves_its_sender_out() {
    let server = start().await;
    let (mut sender, _) = Peer::join(&server).await;
    let (mut other, _) = Peer::join(&server).await;
    sender.ask(r#"["tell_all","hi"]"#).await;
    assert_eq!(other.until_now().await, [r#"42["said","hi"]"#]);
    assert_eq!(sender.until_now().await, [] as [&str; 0]);
    assert_eq!(server.emit("said", "all").await, Ok(2));
    assert_eq!(sender.until_now().await, [r#"42["said","all"]"#]);
}

#[tokio::test]
async fn selections_are_listed_moved_and_disconnected() {
    let server = start().await;
    let (mut first, id) = Peer::join(&server).await;
    let (mut second, _) = Peer::join(&server).await;
    join(&mut first, "a").await;
    let listed: Vec<_> = server.to("a").sockets().iter().map(|socket| socket.id().to_string()).collect();
    assert_eq!(listed, [id]);
    assert_eq!(server.sockets().len(), 2);
    assert_eq!(server.of("/").join("b").await, Ok(2));
    assert_eq!(server.to("b").count(), 2);
    server.to("a").leave("b").await;
    assert_eq!(server.to("b").count(), 1);
    server.to("a").disconnect();
    assert_eq!(first.text().await, "41");
    assert_eq!(second.until_now().await, [] as [&str; 0]);
    server.to("b").close();
    assert_eq!(second.text().await, "41");
    assert_eq!(second.hear().await, super::client::Heard::Close(1000));
}

#[tokio::test]
async fn a_peer_that_cannot_receive_an_event_does_not_keep_it_from_others() {
    let builder = super::hostile_witness::builder().resource(jidda::socketio::Resource::raw("/raw/"));
    let server = builder.start().await.unwrap();
    let mut raw = Peer::open_at(&server, "/raw/?EIO=4&transport=websocket").await;
    let (mut other, _) = Peer::join(&server).await;
    assert_eq!(server.emit("news", &1).await, Ok(1), "a raw peer knows no events");
    assert_eq!(other.until_now().await, [r#"42["news",1]"#]);
    assert_eq!(server.emit("message", "hi").await, Ok(2));
    assert_eq!(raw.text().await, "4hi");
}

#[tokio::test]
async fn a_namespace_left_and_joined_at_once_is_joined() {
    let server = start().await;
    let mut peer = Peer::open_at(&server, "/socket.io/?EIO=3&transport=websocket").await;
    assert_eq!(peer.text().await, "40");
    peer.say("40/all,").await;
    assert_eq!(peer.text().await, "40/all,");
    peer.say("41/all,").await;
    peer.say("40/all,").await;
    assert_eq!(peer.text().await, "40/all,");
    // The socket that left is gone by the time its successor is answered.
    peer.say(r#"42/all,1["x"]"#).await;
    assert_eq!(peer.text().await, r#"43/all,1["x",0]"#);
    assert_eq!(server.of("/all").emit("you", &()).await, Ok(1));
    assert_eq!(peer.text().await, r#"42/all,["you"]"#);
    let own = server.of("/all").sockets()[0].rooms().remove(0);
    assert_eq!(server.of("/all").to(own).count(), 1);
}
