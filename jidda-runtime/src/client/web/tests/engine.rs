//! A server of Engine.IO by hand, which sends each message back, and looks at how the client asks.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

use super::server::{Hand, HandServer};
use crate::wire::engine_io::payload_v3::{self, Form};
use crate::wire::engine_io::{PayloadPacket, Version, payload_v4};
use crate::wire::websocket::{self, opcode};

/// How it behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) version: Version,
    pub(super) max_payload: usize,
    pub(super) upgrade: Upgrade,
    /// Closes the connection behind each response.
    pub(super) closes_connections: bool,
}

/// What becomes of a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    Offered,
    /// It is not even offered.
    Absent,
    /// It is refused.
    Refused,
    /// It answers the probe with something else.
    Confused,
    /// It ends right after the probe.
    Dropped,
}

impl Manner {
    pub(super) fn new(version: Version) -> Self {
        Self { version, max_payload: 1000, upgrade: Upgrade::Absent, closes_connections: false }
    }
}

/// What a test may look at.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) gets: AtomicUsize,
    pub(super) posts: AtomicUsize,
    pub(super) upgrades: AtomicUsize,
    pub(super) probes: AtomicUsize,
    pub(super) drops: AtomicUsize,
    pub(super) closes: AtomicUsize,
    pub(super) cookies: AtomicUsize,
    pub(super) most_bytes: AtomicUsize,
    sessions: Mutex<HashMap<String, Arc<Peer>>>,
}

#[derive(Debug, Default)]
struct Peer {
    queue: Mutex<VecDeque<PayloadPacket<'static>>>,
    changed: Notify,
    is_probed: AtomicBool,
    has_get: AtomicBool,
    has_post: AtomicBool,
}

impl Peer {
    fn push(&self, packet: PayloadPacket<'static>) {
        self.queue.lock().unwrap().push_back(packet);
        self.changed.notify_one();
    }

    fn take(&self) -> Vec<PayloadPacket<'static>> {
        self.queue.lock().unwrap().drain(..).collect()
    }
}

fn text(text: &str) -> PayloadPacket<'static> {
    PayloadPacket::Text(text.to_owned().into())
}

pub(super) async fn start(manner: Manner) -> (HandServer, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let shared = Arc::clone(&seen);
    let server = HandServer::start(move |hand| serve(hand, manner, Arc::clone(&shared))).await;
    (server, seen)
}

async fn serve(mut hand: Hand, manner: Manner, seen: Arc<Seen>) {
    loop {
        let head = hand.head().await;
        if head.is_empty() {
            return;
        }
        seen.cookies.fetch_add(usize::from(head.contains("route=7")), Ordering::Relaxed);
        let query =
            head.split(' ').nth(1).and_then(|target| target.split_once('?')).map_or("", |(_, query)| query);
        let query: HashMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let peer = query.get("sid").and_then(|sid| seen.sessions.lock().unwrap().get(*sid).cloned());
        match (peer, query["transport"]) {
            (Some(peer), "websocket") => return websocket(hand, &head, manner, &seen, &peer).await,
            (Some(peer), _) if head.starts_with("POST") => post(&mut hand, &head, manner, &seen, &peer).await,
            (Some(peer), _) => get(&mut hand, manner, &seen, &peer).await,
            (None, _) => open(&mut hand, manner, &seen).await,
        }
        if manner.closes_connections {
            return;
        }
    }
}

async fn open(hand: &mut Hand, manner: Manner, seen: &Seen) {
    let sid = {
        let mut sessions = seen.sessions.lock().unwrap();
        let sid = format!("s{}", sessions.len());
        sessions.insert(sid.clone(), Arc::default());
        sid
    };
    let upgrades = if manner.upgrade == Upgrade::Absent { "[]" } else { "[\"websocket\"]" };
    let mut packets = vec![text(&format!(
        "0{{\"sid\":\"{sid}\",\"upgrades\":{upgrades},\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":{}}}",
        manner.max_payload
    ))];
    if manner.version == Version::V3 {
        packets.push(text("40"));
    }
    respond(hand, manner, packets).await;
}

async fn respond(hand: &mut Hand, manner: Manner, packets: Vec<PayloadPacket<'static>>) {
    let mut body = Vec::new();
    let has_bytes = packets.iter().any(|packet| matches!(packet, PayloadPacket::Binary(_)));
    let kind = match manner.version {
        Version::V4 => {
            payload_v4::write(&mut body, packets.into_iter());
            "text/plain; charset=UTF-8"
        }
        Version::V3 if has_bytes => {
            payload_v3::write(&mut body, Form::Binary, packets.into_iter());
            "application/octet-stream"
        }
        Version::V3 => {
            payload_v3::write(&mut body, Form::Text, packets.into_iter());
            "text/plain; charset=UTF-8"
        }
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nSet-Cookie: route=7; Path=/\r\n\r\n",
        body.len()
    );
    hand.write([head.as_bytes(), &body].concat()).await;
}

async fn get(hand: &mut Hand, manner: Manner, seen: &Seen, peer: &Peer) {
    seen.gets.fetch_add(1, Ordering::Relaxed);
    assert!(!peer.has_get.swap(true, Ordering::Relaxed), "one GET at a time");
    let packets = loop {
        let packets = peer.take();
        if !packets.is_empty() {
            break packets;
        }
        if peer.is_probed.load(Ordering::Relaxed) {
            break vec![text("6")];
        }
        tokio::select! {
            () = peer.changed.notified() => {}
            () = hand.hung_up() => return,
        }
    };
    peer.has_get.store(false, Ordering::Relaxed);
    respond(hand, manner, packets).await;
}

async fn post(hand: &mut Hand, head: &str, manner: Manner, seen: &Seen, peer: &Peer) {
    seen.posts.fetch_add(1, Ordering::Relaxed);
    assert!(!peer.has_post.swap(true, Ordering::Relaxed), "one POST at a time");
    let body = hand.body(head).await;
    seen.most_bytes.fetch_max(body.len(), Ordering::Relaxed);
    let packets: Vec<PayloadPacket<'_>> = match manner.version {
        Version::V4 => payload_v4::packets(&body).map(Result::unwrap).collect(),
        Version::V3 => {
            payload_v3::packets(&body, head.contains("octet-stream")).map(Result::unwrap).collect()
        }
    };
    for packet in packets {
        match packet {
            PayloadPacket::Text(said) if said == "1" => {
                seen.closes.fetch_add(1, Ordering::Relaxed);
                peer.push(text("6"));
            }
            PayloadPacket::Text(said) => peer.push(text(&said)),
            PayloadPacket::Binary(bytes) => peer.push(PayloadPacket::Binary(bytes.into_owned().into())),
        }
    }
    peer.has_post.store(false, Ordering::Relaxed);
    hand.respond("200 OK", "ok").await;
}

async fn websocket(mut hand: Hand, head: &str, manner: Manner, seen: &Seen, peer: &Peer) {
    seen.probes.fetch_add(1, Ordering::Relaxed);
    if manner.upgrade == Upgrade::Refused {
        return hand.respond("400 Bad Request", "{\"code\":3,\"message\":\"Bad request\"}").await;
    }
    hand.accept(head).await;
    let mut bytes = Vec::new();
    loop {
        let head = websocket::head(&bytes).unwrap();
        let Some(head) = head.filter(|head| bytes.len() >= head.size + head.length) else {
            if hand.stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
            continue;
        };
        let mut payload = bytes[head.size..head.size + head.length].to_vec();
        websocket::mask(&mut payload, head.mask.expect("a client masks its frames"));
        bytes.drain(..head.size + head.length);
        match (head.opcode, &*payload) {
            (opcode::TEXT, b"2probe") if manner.upgrade == Upgrade::Confused => hand.text("4what?").await,
            (opcode::TEXT, b"2probe") => {
                hand.text("3probe").await;
                if manner.upgrade == Upgrade::Dropped {
                    drop(hand);
                    seen.drops.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                peer.is_probed.store(true, Ordering::Relaxed);
                peer.changed.notify_one();
            }
            (opcode::TEXT, b"5") => {
                assert!(!peer.has_get.load(Ordering::Relaxed) && !peer.has_post.load(Ordering::Relaxed));
                seen.upgrades.fetch_add(1, Ordering::Relaxed);
                for packet in peer.take() {
                    match packet {
                        PayloadPacket::Text(text) => hand.text(&text).await,
                        PayloadPacket::Binary(bytes) => hand.frame(opcode::BINARY, &bytes).await,
                    }
                }
            }
            (opcode, payload) => hand.frame(opcode, payload).await,
        }
    }
}
