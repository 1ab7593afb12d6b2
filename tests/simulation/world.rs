//! A server, its clients, what they do, and what happens to them.

use std::sync::Arc;
use std::time::Duration;

use jidda::Client;
use jidda::client::{Backoff, ClientEvent, OfflinePolicy};
use jidda::prelude::*;
use tokio::task::JoinSet;
use tokio::time::{advance, sleep, timeout};

use super::network::{Network, Weather};
use super::random::Random;
use super::record::Record;

/// How long faults go on.
const TROUBLE: Duration = Duration::from_secs(40);
/// Longer than anything may take that is to end by itself.
const PATIENCE: Duration = Duration::from_secs(300);

/// The server's side.
pub(crate) struct House(Arc<Record>);

#[namespace("/")]
impl House {
    #[on("connect")]
    async fn enter(&self, socket: &Socket) {
        let id = socket.id().to_string();
        self.0.seen().sockets.entry(id).or_default().0 += 1;
        let _ = socket.join("all").await;
        let ticking = socket.clone();
        socket.spawn(async move {
            let id = ticking.id().to_string();
            for number in 0_u64.. {
                if ticking.emit("tick", &(&id, number)).await.is_err() {
                    return;
                }
                sleep(Duration::from_millis(700)).await;
            }
        });
        let (asking, record) = (socket.clone(), Arc::clone(&self.0));
        socket.spawn(async move {
            loop {
                sleep(Duration::from_millis(1900)).await;
                let call = record.number();
                let ended = asking.call::<u64>("ask", &call).timeout(Duration::from_secs(20)).await;
                record.seen().calls.entry(call).or_default().push(ended);
            }
        });
    }

    #[on("disconnect")]
    async fn leave(&self, socket: &Socket, reason: DisconnectReason) {
        let mut seen = self.0.seen();
        seen.sockets.entry(socket.id().to_string()).or_default().1 += 1;
        seen.ends.push(reason);
    }

    #[on]
    async fn visit(&self, socket: &Socket, room: String) {
        if !socket.leave(&room).await {
            let _ = socket.join(&room).await;
        }
    }

    /// Says a line to a room, or back to who said it.
    #[on]
    async fn say(&self, socket: &Socket, client: usize, number: u64, room: Option<String>, size: usize) {
        let id = socket.id().to_string();
        self.0.seen().heard.entry((client, id.clone())).or_default().push(number);
        let line = (id, number, "x".repeat(size));
        // Who is gone has its own `disconnect`.
        match room {
            Some(room) => drop(socket.to(&room).emit("line", &line).await),
            None => drop(socket.emit("line", &line).await),
        }
    }

    #[on]
    async fn double(&self, call: u64, wait: u64) -> u64 {
        *self.0.seen().executed.entry(call).or_default() += 1;
        sleep(Duration::from_millis(wait)).await;
        call * 2
    }
}

async fn serve(address: &str, record: &Arc<Record>) -> Server {
    Server::builder()
        .service(House(Arc::clone(record)))
        .listen(address)
        .heartbeat(Duration::from_secs(4))
        .heartbeat_timeout(Duration::from_secs(4))
        .slow_consumer(Duration::from_secs(6))
        .max_outbox(200_000)
        .start()
        .await
        .expect("it starts")
}

async fn connect(number: usize, address: String, record: &Arc<Record>, random: &mut Random) -> Client {
    let backoff =
        Backoff::default().jitter(0.0).first(random.milliseconds(50..400)).limit(Duration::from_secs(3));
    let policy = if random.one_in(3) { OfflinePolicy::Reject } else { OfflinePolicy::Buffer };
    let client = Client::builder(address)
        .reconnect(backoff)
        .offline_policy(policy)
        .wait_for_server()
        .connect_timeout(Duration::from_secs(5))
        .heartbeat(Duration::from_secs(4))
        .heartbeat_timeout(Duration::from_secs(4))
        .connect()
        .await
        .expect("it connects sooner or later");
    let (mut events, ends) = (client.events(), Arc::clone(record));
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let ClientEvent::Disconnected(reason) = event {
                ends.seen().ends.push(reason);
            }
        }
    });
    let lines = Arc::clone(record);
    client.on("line", move |from: String, line: u64, _: String| {
        lines.seen().told.entry(number).or_default().push((from, line));
        std::future::ready(())
    });
    let asked = Arc::clone(record);
    client.on("ask", move |call: u64| {
        *asked.seen().executed.entry(call).or_default() += 1;
        std::future::ready(call * 2)
    });
    let ticks = Arc::clone(record);
    client.on("tick", move |socket: String, tick: u64| {
        ticks.seen().ticks.entry((number, socket)).or_default().push(tick);
        std::future::ready(())
    });
    client
}

/// What a client does: says lines and calls, at its own pace.
async fn work(number: usize, client: Client, record: Arc<Record>, mut random: Random) {
    let mut calls = JoinSet::new();
    for _ in 0..random.within(30..90) {
        sleep(random.milliseconds(0..900)).await;
        let record = Arc::clone(&record);
        match random.within(0..10) {
            0 => drop(client.emit("visit", &(["all", "few"][random.index(2)],)).await),
            1..6 => {
                let room = [Some("all"), Some("few"), None][random.index(3)];
                let size = match random.within(0..8) {
                    // More than a broadcast writes in one go, and than a link takes at once.
                    0 => random.within(50_000..150_000),
                    1 | 2 => random.within(1000..30_000),
                    _ => 8,
                };
                for _ in 0..random.within(1..6) {
                    let line = record.number();
                    if client.emit("say", &(number, line, room, size)).await.is_ok() {
                        record.seen().sent.entry(number).or_default().push(line);
                    }
                }
            }
            _ => {
                let id = record.number();
                record.seen().calls.entry(id).or_default();
                let wait = if random.one_in(2) { 0 } else { random.within(0..3000) };
                let mut patience = random.milliseconds(1..4000);
                if random.one_in(2) {
                    patience = PATIENCE;
                }
                let client = client.clone();
                calls.spawn(async move {
                    let call = client.call::<u64>("double", &(id, wait)).timeout(PATIENCE / 2);
                    if let Ok(ended) = timeout(patience, call).await {
                        record.seen().calls.entry(id).or_default().push(ended);
                    }
                });
            }
        }
    }
    while calls.join_next().await.is_some() {}
}

/// One fault.
async fn trouble(network: &Network, clients: usize, random: &mut Random) {
    let client = random.index(clients);
    match random.within(0..5) {
        0 | 1 => network.change(client, |weather| weather.breaks += 1),
        2 => {
            let arrives = [[false, true], [true, false], [false, false]][random.index(3)];
            network.change(client, |weather| weather.arrives = arrives);
        }
        3 => {
            let (latency, pace) = (random.milliseconds(100..2000), random.milliseconds(1..200));
            network.change(client, |weather| *weather = Weather { latency, pace, ..*weather });
        }
        _ => {
            // All at once, as when a switch is exchanged.
            for client in 0..clients {
                network.change(client, |weather| weather.breaks += 1);
            }
        }
    }
    if random.one_in(2) {
        network.clear(random.index(clients));
    }
}

/// Lives through one seed; what was not as promised.
pub(crate) async fn live(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let record = Arc::new(Record::default());
    let back = format!("mem:simulation-{seed}");
    let front = |client| format!("mem:simulation-{seed}-{client}");
    let clients = random.index(5) + 2;
    let network = Network::new(clients, &back, front, &mut random).await;
    let mut server = serve(&back, &record).await;
    let (mut all, mut working) = (Vec::new(), JoinSet::new());
    for number in 0..clients {
        let client = connect(number, front(number), &record, &mut random).await;
        working.spawn(work(number, client.clone(), Arc::clone(&record), random.split()));
        all.push(client);
    }
    let faults = random.within(0..12);
    for _ in 0..faults {
        sleep(random.milliseconds(0..u64::try_from(2 * TROUBLE.as_millis()).expect("short") / faults)).await;
        match random.within(0..8) {
            0 => {
                server.shutdown(random.milliseconds(0..2000)).await;
                sleep(random.milliseconds(0..5000)).await;
                server = serve(&back, &record).await;
            }
            1 => advance(random.milliseconds(1000..100_000)).await,
            _ => trouble(&network, clients, &mut random).await,
        }
    }
    (0..clients).for_each(|client| network.clear(client));
    let mut found = Vec::new();
    if timeout(2 * PATIENCE, async { while working.join_next().await.is_some() {} }).await.is_err() {
        found.push("somebody waits for ever".to_owned());
    }
    // Whoever was cut off is back, and those who only seem to be there have been found out.
    sleep(Duration::from_secs(60)).await;
    if server.count() != clients {
        found.push(format!("{} sockets are left of {clients} clients", server.count()));
    }
    for (number, client) in all.iter().enumerate() {
        let works = client.call::<u64>("double", &(u64::MAX / 2, 0)).timeout(Duration::from_secs(20)).await;
        if works.is_err() {
            found.push(format!("client {number} is not back: {works:?}"));
        }
        if timeout(PATIENCE, client.disconnect()).await.is_err() {
            found.push(format!("client {number} does not end"));
        }
    }
    server.shutdown(PATIENCE).await;
    found.extend(record.seen().violations());
    found
}
