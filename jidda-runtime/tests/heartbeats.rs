//! Heartbeat policies: how often, what counts as life, and what happens when there is none.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/http.rs"]
mod http;
#[path = "support/peer.rs"]
mod peer;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use handlers::{CONNECT, DISCONNECT, ECHO, Journal, builder};
use http::Http;
use jidda_runtime::{Activity, HeartbeatPolicy, Liveness, Server, TimeoutAction};
use peer::{Peer, closing, eventually, notification, request, response};

const MOMENT: Duration = Duration::from_millis(40);

async fn server(policy: impl HeartbeatPolicy) -> (Server, Journal) {
    let (builder, journal, _) = builder([&CONNECT, &DISCONNECT, &ECHO]);
    (builder.heartbeat_policy(policy).start().await.unwrap(), journal)
}

/// The numbers of the server's questions, and the reason why it closed.
async fn questions_to_the_end(peer: &mut Peer) -> (Vec<u64>, Option<String>) {
    let rest = peer.rest().await;
    let asked = rest.iter().filter(|message| message[2] == "$/ping".into());
    let reason = rest.iter().find_map(closing).map(str::to_owned);
    (asked.map(|message| message[1].as_u64().unwrap()).collect(), reason)
}

struct Strikes {
    limit: u32,
    seen: Arc<Mutex<Vec<u32>>>,
}

impl HeartbeatPolicy for Strikes {
    fn interval(&self) -> Duration {
        MOMENT
    }

    fn timeout(&self) -> Duration {
        MOMENT
    }

    fn at_limit(&self, pulse: &Liveness<'_>) -> TimeoutAction {
        self.seen.lock().unwrap().push(pulse.missed());
        assert!(pulse.silent_for() >= MOMENT);
        assert_eq!(pulse.sockets().len(), 1);
        if pulse.missed() < self.limit { TimeoutAction::AskAgain } else { TimeoutAction::Close }
    }
}

#[tokio::test]
async fn the_policy_says_how_many_missed_ones_are_too_many() {
    for limit in [1, 3] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (server, journal) = server(Strikes { limit, seen: Arc::clone(&seen) }).await;
        let mut peer = Peer::joined(&server, "/").await;
        let (asked, reason) = questions_to_the_end(&mut peer).await;
        assert_eq!(asked.len(), usize::try_from(limit).unwrap());
        assert_eq!(reason.as_deref(), Some("ping timeout"));
        assert_eq!(*seen.lock().unwrap(), (1..=limit).collect::<Vec<_>>());
        eventually("its handler runs", || journal.lines().contains(&"disconnect: ping timeout".into())).await;
    }
}

#[tokio::test]
async fn clients_receive_the_times_of_the_policy() {
    let (server, _) = server(Strikes { limit: 1, seen: Arc::default() }).await;
    let mut peer = Peer::connect(&server).await;
    let hello = rmpv::Value::Map(vec![("wire".into(), 1.into())]);
    peer.send(&request(7, "$/hello", vec![hello])).await;
    let welcome = peer.reply(7).await;
    assert_eq!((&welcome[3]["heartbeat"], &welcome[3]["timeout"]), (&40.into(), &40.into()));
}

/// Only answers are signs of life: a peer that talks and never listens is as good as dead.
struct Answers {
    alive: Arc<AtomicU32>,
}

impl HeartbeatPolicy for Answers {
    fn interval(&self) -> Duration {
        MOMENT
    }

    fn timeout(&self) -> Duration {
        // Long enough for a busy machine to answer.
        10 * MOMENT
    }

    fn counts(&self, sign: Activity) -> bool {
        sign == Activity::Beat
    }

    fn alive(&self, pulse: &Liveness<'_>) {
        assert!(!pulse.peer().to_string().is_empty());
        self.alive.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_policy_may_count_answers_only() {
    let alive = Arc::new(AtomicU32::new(0));
    let (server, _) = server(Answers { alive: Arc::clone(&alive) }).await;
    let mut answering = Peer::joined(&server, "/").await;
    let mut talking = Peer::joined(&server, "/").await;
    // The one that answers is asked again and again, and stays.
    let answers = tokio::spawn(async move {
        for _ in 0..8 {
            let question = answering.receive().await.expect("it is still served");
            assert_eq!(question[2], "$/ping".into(), "{question}");
            let id = question[1].as_u64().unwrap();
            answering.send(&response(id.try_into().unwrap(), rmpv::Value::Nil)).await;
        }
        answering
    });
    // The one that only talks does not.
    let reason = loop {
        talking.stream.writable().await.unwrap();
        let event = peer::bytes(&notification("echo", vec![1.into()]));
        let _ = talking.stream.try_write(&event);
        match tokio::time::timeout(MOMENT / 4, talking.receive()).await {
            Ok(Some(message)) => {
                if let Some(reason) = closing(&message) {
                    break reason.to_owned();
                }
            }
            Ok(None) => panic!("it was not told why"),
            Err(_) => {}
        }
    };
    assert_eq!(reason, "ping timeout");
    let mut answering = answers.await.unwrap();
    answering.send(&request(5, "echo", vec![5.into()])).await;
    assert_eq!(answering.reply(5).await, response(5, 5));
    assert!(alive.load(Ordering::SeqCst) > 0);
}

/// A client that asks itself may take longer than one that is asked.
struct Patient;

impl HeartbeatPolicy for Patient {
    fn interval(&self) -> Duration {
        MOMENT
    }

    fn timeout(&self) -> Duration {
        MOMENT
    }

    fn patience(&self) -> Duration {
        12 * MOMENT
    }
}

#[tokio::test]
async fn a_client_that_asks_itself_has_its_own_time() {
    let (server, journal) = server(Patient).await;
    for (before, transport) in ["websocket", "polling"].into_iter().enumerate() {
        let target = format!("/socket.io/?EIO=3&transport={transport}");
        let start = Instant::now();
        let mut http = Http::connect(&peer::address(&server)).await;
        if transport == "websocket" {
            let mut ws = http.websocket(&target).await;
            assert!(ws.text().await.contains(r#""pingInterval":40,"pingTimeout":40"#));
            while ws.frame().await.is_some_and(|(opcode, _)| opcode != 8) {}
        } else {
            let opening = http.get(&target).await;
            let place = opening.text().find("\"sid\":\"").unwrap() + 7;
            let target = format!("{target}&sid={}", &opening.text()[place..place + 20]);
            assert_eq!(http.get(&target).await.is(), (200, "1:1"));
        }
        assert!(start.elapsed() >= 12 * MOMENT, "{transport}: {:?}", start.elapsed());
        eventually("its handler runs", || journal.count("disconnect: ping timeout") > before).await;
    }
}

/// Waits for a client that asks itself for less than the server's clock needs to come round.
struct Punctual;

impl HeartbeatPolicy for Punctual {
    fn patience(&self) -> Duration {
        12 * MOMENT
    }
}

#[tokio::test]
async fn a_client_that_polls_is_unknown_when_its_time_is_over() {
    let (server, journal) = server(Punctual).await;
    for method in ["GET", "POST"] {
        let mut http = Http::connect(&peer::address(&server)).await;
        let opening = http.get("/socket.io/?EIO=3&transport=polling").await;
        let over = Instant::now() + 12 * MOMENT;
        let place = opening.text().find("\"sid\":\"").unwrap() + 7;
        let target =
            format!("/socket.io/?EIO=3&transport=polling&sid={}", &opening.text()[place..place + 20]);
        // What is tested is that moment, and not a long time after it.
        tokio::time::sleep_until(over.into()).await;
        let answer = http.request(method, &target, &[], if method == "GET" { "" } else { "1:2" }).await;
        assert_eq!(answer.is(), (400, r#"{"code":1,"message":"Session ID unknown"}"#), "{method}");
    }
    eventually("both ended", || journal.count("disconnect: ping timeout") == 2).await;
}

struct Panics;

impl HeartbeatPolicy for Panics {
    fn interval(&self) -> Duration {
        MOMENT
    }

    fn timeout(&self) -> Duration {
        MOMENT
    }

    fn at_limit(&self, _: &Liveness<'_>) -> TimeoutAction {
        panic!("boom")
    }
}

#[tokio::test]
async fn a_policy_that_panics_ends_nothing_but_what_it_was_asked_about() {
    let (server, _) = server(Panics).await;
    for _ in 0..2 {
        let mut peer = Peer::joined(&server, "/").await;
        assert_eq!(questions_to_the_end(&mut peer).await.1.as_deref(), Some("ping timeout"));
    }
}
