//! WebSocket frames that break the rules, lie, or never end.

use super::Journal;
use super::client::{Heard, Peer, frame};
use super::hostile_witness::{Witness, builder};
use super::start;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

#[tokio::test]
async fn a_conversation_cut_anywhere_is_over_and_no_more() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let long = format!(r#"42["echo","{}"]"#, "x".repeat(130));
    let conversation = [
        frame(FINAL | TEXT, b"40"),
        frame(TEXT, &long.as_bytes()[..7]),
        frame(FINAL | PING, b"?"),
        frame(FINAL, &long.as_bytes()[7..]),
        frame(FINAL | TEXT, br#"451-["echo",{"_placeholder":true,"num":0}]"#),
        frame(FINAL | BINARY, &[1, 2, 3]),
    ]
    .concat();
    for end in 0..conversation.len() {
        let mut peer = Peer::open(&server).await;
        peer.send(&conversation[..end]).await.unwrap();
        peer.vanish();
        if end % 50 == 0 {
            witness.is_served().await;
        }
    }
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn frames_that_the_protocol_forbids_close_with_its_codes() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let text = |first: u8| frame(first, br#"42["echo",1]"#);
    let mut cases: Vec<(Vec<u8>, u16)> =
        [0x40, 0x20, 0x10, 0x70].map(|reserved| (text(FINAL | TEXT | reserved), 1002)).to_vec();
    cases.extend([3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(|opcode| (text(FINAL | opcode), 1002)));
    let mut unmasked = text(FINAL | TEXT);
    unmasked[1] &= 0x7f;
    cases.extend([
        (unmasked, 1002),
        // Nothing to be continued; something else in between; two beginnings.
        (text(0), 1002),
        (text(FINAL), 1002),
        ([text(TEXT), text(FINAL | TEXT)].concat(), 1002),
        ([text(TEXT), text(BINARY)].concat(), 1002),
        // Control frames in pieces, or too long for one.
        (frame(PING, b"a"), 1002),
        (frame(CLOSE, &[3, 232]), 1002),
        (frame(FINAL | PING, &[0; 126]), 1002),
        (frame(FINAL | PONG, &vec![0; 70_000]), 1002),
        // What no close frame says.
        (frame(FINAL | CLOSE, &[3]), 1002),
        (frame(FINAL | CLOSE, &999_u16.to_be_bytes()), 1002),
        (frame(FINAL | CLOSE, &1005_u16.to_be_bytes()), 1002),
        (frame(FINAL | CLOSE, &5000_u16.to_be_bytes()), 1002),
        (frame(FINAL | CLOSE, &[3, 232, 0xff]), 1007),
        // No UTF-8, in one piece and with a character cut in two of which the end is wrong.
        (frame(FINAL | TEXT, b"4\xff"), 1007),
        ([frame(TEXT, b"42[\"echo\",\"\xc3"), frame(FINAL, b"(\"]")].concat(), 1007),
        ([frame(TEXT, b"42[\"echo\",\"\xed\xa0"), frame(FINAL, b"\x80\"]")].concat(), 1007),
        // Lengths beyond the limit, and beyond all memory, are told at once.
        (vec![0x81, 0xff, 0, 0, 0, 0, 0, 0x0f, 0x42, 0x41, 0, 0, 0, 0], 1009),
        (vec![0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
        (vec![0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0], 1009),
        (vec![0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0], 1002),
    ]);
    for (bytes, code) in cases {
        let (mut peer, id) = Peer::join(&server).await;
        // It may have been closed before all of it was sent.
        let _ = peer.send(&bytes).await;
        assert_eq!(peer.hear().await, Heard::Close(code), "{:?}", &bytes[..bytes.len().min(20)]);
        assert!(server.state::<Journal>().unwrap().wait_for(&id).await.ends_with("parse error"));
        witness.is_served().await;
    }
    witness.is_alone(&server).await;
}

#[tokio::test]
async fn a_message_may_arrive_in_any_number_of_pieces() {
    let server = start().await;
    let mut witness = Witness::join(&server).await;
    let (mut peer, _) = Peer::join(&server).await;
    let text = format!(r#"421["echo","{}"]"#, "é".repeat(20_000));
    let mut bytes = frame(TEXT, b"");
    for byte in text.as_bytes() {
        bytes.extend(frame(0, &[*byte]));
        bytes.extend(frame(0, b""));
    }
    bytes.extend(frame(FINAL | PING, b"still"));
    bytes.extend(frame(FINAL, b""));
    peer.send(&bytes).await.unwrap();
    assert_eq!(peer.text().await, "pong still");
    assert_eq!(peer.text().await, format!(r#"431["{}"]"#, "é".repeat(20_000)));
    // Pieces of nothing cost nothing.
    let nothing = frame(0, b"").repeat(10_000);
    peer.send(&frame(TEXT, b"")).await.unwrap();
    for _ in 0..50 {
        peer.send(&nothing).await.unwrap();
        witness.is_served().await;
    }
    peer.send(&frame(FINAL, br#"422["echo",1]"#)).await.unwrap();
    assert_eq!(peer.text().await, "432[1]");
}

#[tokio::test]
async fn pieces_without_end_meet_the_limit_of_a_message() {
    let server = builder().max_message(100_000).start().await.unwrap();
    let mut witness = Witness::join(&server).await;
    for (first, size) in [(TEXT, 100), (BINARY, 1)] {
        let (mut peer, _) = Peer::join(&server).await;
        peer.send(&frame(first, b"")).await.unwrap();
        let pieces = frame(0, &vec![b'4'; size]).repeat(1000);
        let mut sent = 0;
        while sent <= 100_000 && peer.send(&pieces).await.is_ok() {
            sent += 1000 * size;
        }
        assert_eq!(peer.hear().await, Heard::Close(1009));
        witness.is_served().await;
    }
    witness.is_alone(&server).await;
}
