//! Jobs and timers of a socket: they run, fail in sight and end with it.
#![allow(missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use jidda::prelude::*;
use jidda::report::{ErrorReport, FailureKind};
use jidda::{Error, testing};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, timeout};

const LIMIT: Duration = Duration::from_secs(20);

struct Working;

/// A handler that starts jobs, each its own way to end.
#[on(app = Working)]
async fn work(socket: &Socket) {
    socket.spawn(async {});
    socket.spawn(async { std::fs::read("/does/not/exist").map(drop) });
    socket.spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
}

async fn pair() -> (jidda::Client, Server, Socket, UnboundedReceiver<ErrorReport>) {
    let (told, reports) = unbounded_channel();
    let builder = Server::builder().app::<Working>().on_error(move |report| drop(told.send(report.clone())));
    let (client, server) = testing::pair_with(builder, |client| client).await.unwrap();
    let socket = server.sockets().pop().unwrap();
    (client, server, socket, reports)
}

/// Tells when it is dropped.
struct Guard(tokio::sync::mpsc::UnboundedSender<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_job_may_end_with_nothing_with_a_result_or_never() {
    let (client, _server, _socket, mut reports) = pair().await;
    work::call(&client).await.unwrap();
    let report = timeout(LIMIT, reports.recv()).await.unwrap().unwrap();
    assert_eq!(report.kind(), FailureKind::Internal);
    assert!(report.source().unwrap().is::<std::io::Error>());
}

#[tokio::test]
async fn jobs_and_timers_end_with_their_socket() {
    let (client, _server, socket, _reports) = pair().await;
    let (told, mut ended) = unbounded_channel();
    let guards: Vec<_> = (0..3).map(|_| Guard(told.clone())).collect();
    let [first, second, third] = guards.try_into().ok().unwrap();
    let jobs = [
        socket.spawn(async move {
            let _first = first;
            std::future::pending::<()>().await;
        }),
        socket.after(Duration::from_secs(3600), async move { drop(second) }),
        socket.every(Duration::from_secs(3600), move || {
            let _third = &third;
            async {}
        }),
    ];
    assert!(jobs.iter().all(|job| !job.is_finished()));
    client.disconnect().await;
    for _ in 0..3 {
        timeout(LIMIT, ended.recv()).await.expect("it was dropped");
    }
    timeout(LIMIT, async {
        while !jobs.iter().all(jidda::socket::Job::is_finished) {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert!(socket.spawn(async { panic!("on a closed socket") }).is_finished());
}

#[tokio::test]
async fn a_job_can_be_aborted() {
    let (_client, _server, socket, _reports) = pair().await;
    let (told, mut ended) = unbounded_channel();
    let guard = Guard(told);
    let job = socket.spawn(async move {
        let _guard = guard;
        std::future::pending::<()>().await;
    });
    job.abort();
    timeout(LIMIT, ended.recv()).await.expect("it was dropped");
}

#[tokio::test(start_paused = true)]
async fn timers_keep_their_time() {
    let (_client, _server, socket, mut reports) = pair().await;
    let start = Instant::now();
    let (told, mut seen) = unbounded_channel();
    let late = told.clone();
    socket.after(Duration::from_secs(5), async move {
        let _ = late.send(("after", start.elapsed()));
    });
    let count = Arc::new(AtomicUsize::new(0));
    let job = socket.every(Duration::from_secs(2), move || {
        let (told, run) = (told.clone(), count.fetch_add(1, SeqCst));
        async move {
            let _ = told.send(("every", start.elapsed()));
            // The first run takes longer than two periods: they are not made up for.
            if run == 0 {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            if run == 1 { Err(Error::new("late", "too late")) } else { Ok(()) }
        }
    });
    let mut next = async || {
        let (name, time) = timeout(LIMIT, seen.recv()).await.unwrap().unwrap();
        (name, time.as_secs())
    };
    assert_eq!(next().await, ("every", 2));
    assert_eq!(next().await, ("after", 5));
    assert_eq!(next().await, ("every", 7));
    assert_eq!(next().await, ("every", 9));
    assert_eq!(next().await, ("every", 11));
    // A run that failed was reported, and the timer went on.
    assert_eq!(reports.recv().await.unwrap().code(), "late");
    job.abort();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(job.is_finished());
}
