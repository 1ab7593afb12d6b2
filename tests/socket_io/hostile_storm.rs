//! A thousand conversations that end in the middle of anything, in an order that only their seed knows.

use std::time::Duration;

use jidda::{Client, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::{authority, frame};
use super::hostile_witness::{Witness, builder};

const TEXT: u8 = 0x81;

/// Small, and good enough to be different each time (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("below a usize")
    }
}

fn websocket(session: &str) -> Vec<u8> {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket{session} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

fn http(method: &str, session: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} /socket.io/?EIO=4&transport=polling{session} HTTP/1.1\r\nHost: test\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn frames(chance: &mut Chance) -> Vec<u8> {
    let long = format!(r#"421["echo","{}"]"#, "x".repeat(70_000));
    let all = [
        frame(TEXT, b"40"),
        frame(TEXT, b"40/orders/7,"),
        frame(TEXT, br#"42["join","storm"]"#),
        frame(TEXT, br#"420["ask_back","?"]"#),
        frame(TEXT, br#"42["wait_for_ever"]"#),
        frame(TEXT, br#"42["tell",["storm"],[],"thunder"]"#),
        frame(TEXT, long.as_bytes()),
        frame(TEXT, br#"452-["echo",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#),
        frame(0x82, &[7; 300]),
        frame(0x82, &[7; 300]),
        frame(0x01, br#"42["tell_"#),
        frame(0x89, b"?"),
        frame(0x80, br#"all","rain"]"#),
        frame(TEXT, b"41/orders/7,"),
        frame(TEXT, b"41"),
        frame(0x88, &[3, 232]),
    ];
    // Mostly as it makes sense, sometimes not.
    let skipped = chance.below(3 * all.len());
    all.iter()
        .enumerate()
        .filter(|(number, _)| *number != skipped)
        .flat_map(|(_, frame)| frame.clone())
        .collect()
}

/// Says as much of it as chance has it, in one piece or in two.
async fn say(stream: &mut TcpStream, bytes: &[u8], chance: &mut Chance) {
    let end = chance.below(bytes.len() + 1);
    let (first, second) = bytes[..end].split_at(chance.below(end + 1));
    for piece in [first, second] {
        if stream.write_all(piece).await.is_err() {
            return;
        }
    }
    if chance.below(2) == 0 {
        let _ = stream.read(&mut [0; 4096]).await;
    }
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(authority(server)).await.expect("the server listens")
}

/// One request that is waited for.
async fn opening(server: &Server) -> Option<(TcpStream, String)> {
    let mut stream = connect(server).await;
    stream.write_all(&http("GET", "", "")).await.ok()?;
    let mut read = Vec::new();
    while !read.ends_with(b"}") {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8(read).ok()?;
    Some((stream, format!("&sid={}", &text.split("\"sid\":\"").nth(1)?[..20])))
}

/// One conversation, cut off somewhere.
async fn talk(server: &Server, chance: &mut Chance) {
    match chance.below(5) {
        0 => {
            let mut stream = connect(server).await;
            let all = [websocket(""), frames(chance)].concat();
            say(&mut stream, &all, chance).await;
        }
        1 => {
            let Some((mut stream, session)) = opening(server).await else { return };
            let events = "40\x1e42[\"join\",\"storm\"]\x1e420[\"ask_back\",1]\x1e42[\"tell_all\",\"rain\"]";
            let all = [http("POST", &session, events), http("GET", &session, ""), http("GET", &session, "")];
            say(&mut stream, &all.concat(), chance).await;
        }
        2 => {
            // All at once on three connections.
            let Some((mut polls, session)) = opening(server).await else { return };
            let (mut posts, mut upgrades) = (connect(server).await, connect(server).await);
            say(&mut posts, &http("POST", &session, "40\x1e42[\"join\",\"storm\"]"), chance).await;
            let _ = polls.write_all(&http("GET", &session, "")).await;
            let probes = [websocket(&session), frame(TEXT, b"2probe"), frame(TEXT, b"5")].concat();
            say(&mut upgrades, &[probes, frames(chance)].concat(), chance).await;
            let closes = ["1", "42[\"join\",\"storm\"]", "\x1e"][chance.below(3)];
            say(&mut posts, &http("POST", &session, closes), chance).await;
        }
        3 => {
            let Ok(native) = Client::connect(&format!("tcp://{}", authority(server))).await else { return };
            let _ = native.call::<()>("join", "storm").await;
            native.emit("wait_for_ever", &()).await.ok();
            if chance.below(2) == 0 {
                native.emit("tell_all", "rain").await.ok();
            }
        }
        _ => {
            let mut stream = connect(server).await;
            let bytes: Vec<u8> = (0..chance.below(500)).map(|_| chance.below(256).to_le_bytes()[0]).collect();
            say(&mut stream, &bytes, chance).await;
        }
    }
}

#[tokio::test]
async fn a_thousand_that_vanish_leave_nothing_behind() {
    const TOGETHER: u64 = 40;
    let moment = Duration::from_secs(1);
    let builder = builder().heartbeat(moment).heartbeat_timeout(moment).handshake_timeout(moment);
    let server = builder.connect_timeout(moment).start().await.unwrap();
    let mut witness = Witness::join(&server).await;
    for round in 0..25 {
        let talks = (0..TOGETHER).map(|number| {
            let server = server.clone();
            tokio::spawn(async move {
                // Whoever waits for an answer that chance has cut off does not wait for ever.
                let mut chance = Chance(round * TOGETHER + number);
                let talk = talk(&server, &mut chance);
                let _ = tokio::time::timeout(Duration::from_millis(100), talk).await;
            })
        });
        for talk in talks.collect::<Vec<_>>() {
            talk.await.unwrap();
        }
        witness.is_heard_and_served().await;
    }
    witness.is_alone(&server).await;
    assert_eq!(server.to("storm").count(), 0);
    assert!(server.shutdown(Duration::from_secs(10)).await, "nothing is left that has to be waited for");
}
