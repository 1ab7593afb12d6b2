//! Peers that are too fast, too slow, or silent: none may cost memory without bound, or another one its answers.
#![allow(missing_docs)]

#[path = "support/handlers.rs"]
mod handlers;
#[path = "support/peer.rs"]
mod peer;

use std::time::{Duration, Instant};

use handlers::{
    ASK, BIG, CONNECT, DISCONNECT, ECHO, Gate, Journal, NEVER, NOTE, SLOW_CONNECT, WAIT, WAIT_IN_TURN,
    builder,
};
use jidda_runtime::{SendError, Server, ServerBuilder, Value};
use peer::{LIMIT, Peer, bytes, closing, code, eventually, notification, request, response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn server(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> (Server, Journal, Gate) {
    let (builder, journal, gate) = builder([
        &ASK,
        &BIG,
        &CONNECT,
        &DISCONNECT,
        &ECHO,
        &NEVER,
        &NOTE,
        &SLOW_CONNECT,
        &WAIT,
        &WAIT_IN_TURN,
    ]);
    (change(builder).start().await.unwrap(), journal, gate)
}

#[tokio::test]
async fn calls_past_the_limit_are_busy() {
    let (server, _, gate) = server(|builder| builder.max_in_flight(10)).await;
    let mut peer = Peer::joined(&server, "/").await;
    for id in 0..15 {
        peer.send(&request(id, "wait", vec![id.into()])).await;
    }
    for id in 10..15 {
        let refused = peer.receive().await.unwrap();
        assert_eq!((&refused[1], code(&refused)), (&id.into(), "busy"));
    }
    gate.open();
    for _ in 0..10 {
        let reply = peer.receive().await.unwrap();
        assert_eq!(reply[1], reply[3]);
    }
    peer.send(&request(1, "echo", vec![1.into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_is_handled_in_order_and_others_are_answered_meanwhile() {
    const COUNT: usize = 100_000;
    let (server, journal, _) = server(|builder| builder).await;
    let mut other = Peer::joined(&server, "/").await;
    let peer = Peer::joined(&server, "/").await;
    let mut out = Vec::new();
    for number in 0..COUNT {
        out.extend_from_slice(&bytes(&notification("note", vec![number.into()])));
    }
    let burst = tokio::spawn(async move {
        let mut peer = peer;
        peer.send_bytes(&out).await;
        peer.ping().await;
        peer
    });
    let mut answered = 0u32;
    while !burst.is_finished() {
        other.send(&request(answered, "echo", vec![1.into()])).await;
        assert_eq!(other.receive().await.unwrap(), response(answered, 1));
        answered += 1;
    }
    let _peer = burst.await.unwrap();
    let lines = journal.lines();
    assert_eq!(lines.len(), COUNT + 2);
    assert!(lines[2..].iter().enumerate().all(|(number, line)| *line == number.to_string()));
    assert!(answered > 0);
    assert_eq!(server.refused_events(), 0);
}

#[tokio::test]
async fn notifications_past_the_limit_wait_and_none_is_lost() {
    let (server, journal, gate) = server(|builder| builder.max_in_flight(8)).await;
    let mut peer = Peer::joined(&server, "/").await;
    let mut out = Vec::new();
    for number in 0..5000 {
        out.extend_from_slice(&bytes(&notification("wait", vec![number.into()])));
    }
    peer.send_bytes(&out).await;
    eventually("as many as allowed began", || journal.len() == 9).await;
    gate.open();
    peer.ping().await;
    eventually("all ended", || journal.len() == 10_001).await;
    let began: Vec<_> = journal
        .lines()
        .into_iter()
        .filter_map(|line| line.strip_prefix("began ").map(str::to_owned))
        .collect();
    assert!(began.iter().enumerate().all(|(number, line)| *line == number.to_string()));
    assert_eq!(server.refused_events(), 0);
}

#[tokio::test]
async fn handlers_that_never_end_hold_the_senders_bytes_back() {
    let (server, journal, _) = server(|builder| builder.max_in_flight(8)).await;
    let mut peer = Peer::joined(&server, "/").await;
    let batch = bytes(&notification("never", vec!["x".repeat(1000).into()])).repeat(1000);
    let mut sent = 0;
    // The system's buffers take some; then the writing has to stop.
    while sent < 200_000_000 {
        match tokio::time::timeout(Duration::from_millis(500), peer.stream.write(&batch)).await {
            Ok(written) => sent += written.unwrap(),
            Err(_) => break,
        }
    }
    assert!(sent < 200_000_000, "nothing held the peer back");
    assert_eq!(journal.count("never began"), 8);
    let mut other = Peer::joined(&server, "/").await;
    other.send(&request(1, "echo", vec![1.into()])).await;
    assert_eq!(other.receive().await.unwrap(), response(1, 1));
}

#[tokio::test]
async fn a_peer_that_vanishes_while_it_is_held_back_is_noticed() {
    let (server, journal, _) = server(|builder| builder.max_in_flight(4)).await;
    let mut peer = Peer::connect(&server).await;
    peer.send_bytes(&bytes(&notification("never", vec![])).repeat(6)).await;
    eventually("as many as allowed began", || journal.count("never began") == 4).await;
    drop(peer);
    eventually("they were dropped", || journal.count("never dropped") == 4).await;
    eventually("it left", || server.count() == 0).await;
}

#[tokio::test]
async fn a_peer_that_vanishes_behind_a_full_backlog_is_noticed() {
    let (server, journal, _) = server(|builder| builder.max_in_flight(4).max_message(1000)).await;
    let mut peer = Peer::connect(&server).await;
    peer.send_bytes(&bytes(&notification("never", vec![])).repeat(1000)).await;
    eventually("as many as allowed began", || journal.count("never began") == 4).await;
    drop(peer);
    eventually("they were dropped", || journal.count("never dropped") == 4).await;
    eventually("it left", || server.count() == 0).await;
}

#[tokio::test]
async fn handlers_that_wait_for_the_peer_get_its_answers_while_it_is_held_back() {
    let (server, _, _) = server(|builder| builder.max_in_flight(4)).await;
    let mut peer = Peer::connect(&server).await;
    peer.send_bytes(&bytes(&notification("ask", vec![])).repeat(20)).await;
    for _ in 0..20 {
        let question = peer.receive().await.unwrap();
        assert_eq!(question[2], "question".into(), "{question}");
        let id = u32::try_from(question[1].as_u64().unwrap()).unwrap();
        peer.send(&response(id, 1)).await;
    }
    peer.send(&request(1, "echo", vec![1.into()])).await;
    assert_eq!(peer.receive().await.unwrap(), response(1, 1));
}

#[tokio::test]
async fn what_waits_is_not_overtaken_when_a_cancel_makes_room() {
    let (server, journal, gate) = server(|builder| builder.max_in_flight(2)).await;
    let mut peer = Peer::joined(&server, "/").await;
    let mut out = bytes(&request(1, "wait_in_turn", vec![1.into()]));
    out.extend_from_slice(&bytes(&request(2, "wait_in_turn", vec![2.into()])));
    out.extend_from_slice(&bytes(&notification("note", vec!["a".into()])));
    out.extend_from_slice(&bytes(&notification("$/cancel", vec![2.into()])));
    out.extend_from_slice(&bytes(&notification("note", vec!["b".into()])));
    out.extend_from_slice(&bytes(&request(3, "note", vec!["c".into()])));
    peer.send_bytes(&out).await;
    let answer = peer.reply(3).await;
    gate.open();
    peer.reply(1).await;
    eventually("all that was not refused ran", || journal.count("\"b\"") == 1).await;
    let notes: Vec<_> = journal.lines().into_iter().filter(|line| line.starts_with('"')).collect();
    // A call may be refused as busy, but nothing changes places.
    let expected = if answer[2].is_nil() { &["\"a\"", "\"b\"", "\"c\""][..] } else { &["\"a\"", "\"b\""] };
    assert_eq!(notes, expected);
}

#[tokio::test]
async fn early_events_past_the_limit_wait_or_are_refused() {
    let (server, _, _) = server(|builder| builder.max_in_flight(8)).await;
    let mut peer = Peer::connect(&server).await;
    peer.hello().await;
    peer.send(&request(1, "$/connect", vec!["/slow".into(), Value::Nil])).await;
    for id in 10..30 {
        peer.send(&request(id, "/slow:note", vec![id.into()])).await;
    }
    for id in 18..30 {
        let refused = peer.receive().await.unwrap();
        assert_eq!((&refused[1], code(&refused)), (&id.into(), "busy"));
    }
}

#[tokio::test]
async fn a_reader_that_sleeps_is_not_sent_replies_without_bound() {
    const SIZE: usize = 100_000;
    let (server, journal, _) = server(|builder| builder.slow_consumer(Duration::from_millis(500))).await;
    let mut other = Peer::joined(&server, "/").await;
    let mut peer = Peer::joined(&server, "/").await;
    let mut out = Vec::new();
    for id in 0..5000 {
        out.extend_from_slice(&bytes(&request(id, "big", vec![SIZE.into()])));
    }
    peer.send_bytes(&out).await;
    eventually("it is given up", || journal.count("disconnect: slow consumer") == 1).await;
    // The outbox, what the system's buffers took, and a round's worth: far from the 500 MB it asked for.
    let answered = journal.count("big") * SIZE;
    assert!(answered < 64_000_000, "{answered} bytes of replies for a peer that does not read");
    other.send(&request(1, "echo", vec![1.into()])).await;
    assert_eq!(other.receive().await.unwrap(), response(1, 1));
}

#[tokio::test]
async fn a_reader_that_wakes_up_late_gets_every_reply() {
    let (server, _, _) = server(|builder| builder.max_outbox(20_000).slow_consumer(LIMIT)).await;
    // A plain one: another would be helped on by the next heartbeat.
    let peer = Peer::connect(&server).await;
    let (mut reader, mut writer) = peer.stream.into_split();
    let mut out = Vec::new();
    for id in 0..2000 {
        out.extend_from_slice(&bytes(&request(id, "echo", vec!["x".repeat(5000).into()])));
    }
    let sending = tokio::spawn(async move {
        writer.write_all(&out).await.unwrap();
        writer
    });
    let (mut ids, mut buffer) = (Vec::new(), Vec::new());
    while ids.len() < 2000 {
        let read = tokio::time::timeout(LIMIT, reader.read_buf(&mut buffer)).await;
        assert_ne!(read.expect("the replies go on").unwrap(), 0);
        let (mut rest, mut used) = (buffer.as_slice(), 0);
        while let Ok(message) = rmpv::decode::read_value(&mut rest) {
            used = buffer.len() - rest.len();
            ids.push(message[1].as_u64().unwrap());
        }
        buffer.drain(..used);
        if ids.len() % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(ids.iter().copied().eq(0..2000), "out of order");
    drop(sending.await.unwrap());
}

#[tokio::test]
async fn a_sleeper_among_a_broadcasts_listeners_is_given_up_alone() {
    let (server, journal, _) = server(|builder| builder.max_outbox(100_000).slow_consumer(LIMIT)).await;
    let mut awake = Peer::joined(&server, "/").await;
    let sleeper = Peer::joined(&server, "/").await;
    let text = "x".repeat(50_000);
    let mut sent = 0u32;
    while journal.count("disconnect: slow consumer") == 0 {
        assert!(server.emit("news", &text).await.unwrap() >= 1);
        sent += 1;
        assert!(sent < 10_000, "500 MB and nobody is given up");
        assert_eq!(awake.receive().await.unwrap()[1], "news".into());
    }
    assert_eq!(server.count(), 1);
    awake.ping().await;
    drop(sleeper);
}

#[tokio::test]
async fn callers_of_a_stalled_peer_learn_that_it_was_disconnected() {
    let (server, journal, _) =
        server(|builder| builder.max_outbox(100_000).slow_consumer(Duration::from_millis(200))).await;
    let sleeper = Peer::joined(&server, "/").await;
    let socket = server.sockets().pop().unwrap();
    let emitting = tokio::spawn({
        let socket = socket.clone();
        async move {
            loop {
                if let Err(error) = socket.emit("news", &"x".repeat(50_000)).await {
                    return error;
                }
            }
        }
    });
    eventually("it is given up", || journal.count("disconnect: slow consumer") == 1).await;
    let error = tokio::time::timeout(LIMIT, emitting).await.expect("emit ends with the socket").unwrap();
    assert_eq!(error, SendError::NotConnected);
    let call = socket.call::<Value>("question", &()).await;
    assert!(call.unwrap_err().is_disconnected());
    drop(sleeper);
}

#[tokio::test]
async fn a_peer_that_says_nothing_complete_is_let_go() {
    let (server, _, _) = server(|builder| builder.handshake_timeout(Duration::from_millis(100))).await;
    let mut silent = Peer::connect(&server).await;
    let mut halfway = Peer::connect(&server).await;
    halfway.send_bytes(&bytes(&request(1, "echo", vec![1.into()]))[..5]).await;
    for peer in [&mut silent, &mut halfway] {
        let heard = peer.rest().await;
        assert_eq!(heard.iter().filter_map(closing).collect::<Vec<_>>(), ["handshake timeout"]);
    }
    // One that trickles has not said anything either.
    let mut trickling = Peer::connect(&server).await;
    let start = Instant::now();
    while trickling.stream.write_all(&[0x94]).await.is_ok() {
        assert!(start.elapsed() < LIMIT);
        if !trickling.rest_now().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Peer {
    /// What has come so far.
    fn rest_now(&mut self) -> Vec<u8> {
        let mut bytes = [0; 1024];
        let count = self.stream.try_read(&mut bytes).unwrap_or(0);
        bytes[..count].to_vec()
    }
}

#[tokio::test]
async fn one_byte_at_a_time_is_as_good_as_all_at_once() {
    let (server, _, _) = server(|builder| builder).await;
    let mut peer = Peer::connect(&server).await;
    let message = bytes(&request(70_000, "echo", vec![Value::Map(vec![("key".into(), "value".into())])]));
    for _ in 0..3 {
        for byte in &message {
            peer.send_bytes(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        let reply = peer.receive().await.unwrap();
        assert_eq!((&reply[1], &reply[3]["key"]), (&70_000.into(), &"value".into()));
    }
}

#[tokio::test]
async fn a_peer_that_does_not_answer_pings_is_closed() {
    let (server, journal, _) = server(|builder| {
        builder.heartbeat(Duration::from_millis(100)).heartbeat_timeout(Duration::from_secs(3))
    })
    .await;
    let mut dead = Peer::joined(&server, "/").await;
    let plain = {
        let mut plain = Peer::connect(&server).await;
        plain.send(&request(1, "echo", vec![1.into()])).await;
        plain.receive().await.unwrap();
        plain
    };
    let heard = dead.rest().await;
    assert_eq!(heard[0][2], "$/ping".into(), "{heard:?}");
    assert_eq!(heard.iter().filter_map(closing).collect::<Vec<_>>(), ["ping timeout"]);
    eventually("it left", || journal.count("disconnect: ping timeout") == 1).await;
    // A plain peer knows no pings and is not asked.
    assert_eq!(server.count(), 1);
    drop(plain);
    let mut alive = Peer::joined(&server, "/").await;
    for _ in 0..10 {
        let ping = alive.receive().await.unwrap();
        assert_eq!(ping[2], "$/ping".into(), "{ping}");
        alive.send(&response(u32::try_from(ping[1].as_u64().unwrap()).unwrap(), Value::Nil)).await;
    }
    alive.ping().await;
    assert_eq!(server.unknown_replies(), 0);
}
