//! Panics in the program's own code, one place after the other: each harms what was called, is reported, and nobody else
//! notices.
#![allow(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use jidda::prelude::*;
use jidda::{Client, ErrorReport, FailureKind, FailureOrigin, ServerBuilder, testing};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

struct Panicking;

#[on(app = Panicking)]
async fn echo(text: String) -> String {
    text
}

#[on(app = Panicking)]
async fn everyone(server: &Server) -> jidda::Result<usize> {
    Ok(server.emit("news", &1).await?)
}

/// A client and its socket, others on the same server, and what was reported.
struct Bench {
    client: Client,
    _server: Server,
    socket: Socket,
    others: Vec<Client>,
    heard: Arc<AtomicUsize>,
    reports: UnboundedReceiver<ErrorReport>,
}

impl Bench {
    async fn new(change: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let (told, reports) = unbounded_channel();
        let builder = Server::builder().app::<Panicking>();
        let builder = builder.on_error(move |report: &ErrorReport| drop(told.send(report.clone())));
        let (client, server) = testing::pair_with(change(builder), |client| client).await.unwrap();
        let socket = server.sockets().remove(0);
        let heard = Arc::new(AtomicUsize::new(0));
        let mut others = Vec::new();
        for _ in 0..3 {
            let other = Client::connect(&server.addresses()[0].to_string()).await.unwrap();
            let heard = Arc::clone(&heard);
            other.on("news", move |_: u8| {
                heard.fetch_add(1, SeqCst);
                async {}
            });
            others.push(other);
        }
        Self { client, _server: server, socket, others, heard, reports }
    }

    /// The report of a panic at this place.
    async fn report(&mut self, origin: FailureOrigin) -> ErrorReport {
        let report =
            timeout(LIMIT, self.reports.recv()).await.expect("it was reported").expect("the hook lives");
        assert_eq!((report.kind(), report.origin()), (FailureKind::Panic, origin), "{report}");
        report
    }

    /// Nothing else was reported, and all that was not called goes on.
    async fn nothing_else(mut self) {
        for client in self.others.iter().chain([&self.client]) {
            let echoed = timeout(LIMIT, echo::call(client, "still here".into())).await.expect("an answer");
            assert_eq!(echoed.unwrap(), "still here");
        }
        let all = self.others.len() + 1;
        let before = self.heard.load(SeqCst);
        assert_eq!(everyone::call(&self.others[0]).await.unwrap(), all);
        for other in &self.others {
            // What comes after it on the same connection: then it has come, too.
            echo::call(other, String::new()).await.unwrap();
        }
        assert_eq!(self.heard.load(SeqCst) - before, self.others.len());
        if let Ok(report) = self.reports.try_recv() {
            panic!("{report}");
        }
    }
}

#[tokio::test]
async fn an_observer_harms_neither_an_event_nor_a_broadcast() {
    let mut bench = Bench::new(|builder| builder).await;
    let seen = Arc::new(AtomicUsize::new(0));
    for is_first in [true, false] {
        let (incoming, outgoing) = (Arc::clone(&seen), Arc::clone(&seen));
        bench.socket.on_any(move |name, _| {
            incoming.fetch_add(1, SeqCst);
            assert!(!is_first || &**name != "echo" || incoming.load(SeqCst) > 2, "an observer");
        });
        bench.socket.on_any_outgoing(move |name, _| {
            outgoing.fetch_add(1, SeqCst);
            assert!(
                !is_first || &**name != "news" || outgoing.load(SeqCst) > 4,
                "an observer of what is sent"
            );
        });
    }
    assert_eq!(echo::call(&bench.client, "one".into()).await.unwrap(), "one");
    let report = bench.report(FailureOrigin::Listener).await;
    assert_eq!((report.event(), report.socket()), (Some("echo"), Some(&bench.socket)));
    assert_eq!(seen.load(SeqCst), 2, "the other observer saw it, too");
    let other = &bench.others[0];
    assert_eq!(everyone::call(other).await.unwrap(), bench.others.len() + 1);
    let report = bench.report(FailureOrigin::Listener).await;
    assert_eq!((report.event(), report.socket()), (Some("news"), Some(&bench.socket)));
    assert_eq!(seen.load(SeqCst), 4);
    bench.nothing_else().await;
}
