//! WebSockets to our own server and to servers by hand.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::server::HandServer;
use super::*;
use crate::Server;
use crate::wire::websocket::{head, masked_frame, opcode};

const OPEN: &str =
    r#"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
/// Without what later servers say.
const OLD: &str = r#"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

#[tokio::test]
async fn our_own_server_is_reached() {
    let server = Server::builder().listen("127.0.0.1:0").start().await.unwrap();
    let address = address(&server.addresses()[0].to_string().replace("tcp", "ws"));
    let mut opened = open(&address, &WebOptions::default()).await.unwrap();
    assert_eq!((opened.version, opened.transport), (Version::V4, Transport::WebSocket));
    assert_eq!(opened.handshake.sid.len(), 20);
    assert_eq!(opened.handshake.ping_interval, Duration::from_secs(25));
    let mut frame = Vec::new();
    masked_frame(&mut frame, opcode::TEXT, b"40");
    opened.stream.write_all(&frame).await.unwrap();
    let mut bytes = [0; 6];
    opened.stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(head(&bytes).unwrap().unwrap().opcode, opcode::TEXT);
    assert_eq!(&bytes[2..], b"40{\"");
}

#[tokio::test]
async fn what_follows_the_first_packet_stays_in_the_stream() {
    let server = HandServer::start(async |mut hand| {
        let head = hand.head().await;
        hand.accept(&head).await;
        hand.text(OPEN).await;
        hand.text("2").await;
        hand.hung_up().await;
    })
    .await;
    let address = address(&format!("ws://{}/own?token=x", server.authority));
    let mut opened = open(&address, &WebOptions::default()).await.unwrap();
    let mut bytes = [0; 3];
    opened.stream.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, [0x81, 1, b'2']);
    let heads = server.heads();
    assert!(heads[0].starts_with("GET /own/?EIO=4&transport=websocket&token=x HTTP/1.1\r\n"), "{heads:?}");
}

#[tokio::test]
async fn a_server_of_the_earlier_version_is_known_by_its_second_packet() {
    for (packets, version) in
        [(&[OLD, "40"][..], Version::V3), (&[OLD], Version::V4), (&[OLD, "2"], Version::V4)]
    {
        let server = HandServer::start(move |mut hand| async move {
            let head = hand.head().await;
            hand.accept(&head).await;
            for packet in packets {
                hand.text(packet).await;
            }
            hand.hung_up().await;
        })
        .await;
        let opened = open(&address(&format!("http://{}", server.authority)), &WebOptions::default()).await;
        assert_eq!(opened.unwrap().version, version, "{packets:?}");
    }
}
