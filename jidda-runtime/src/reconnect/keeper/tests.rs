//! The keeper over a script in place of a network, with a clock that does not wait.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use super::*;
use crate::reconnect::backoff::Backoff;
use crate::reconnect::life::Role;
use crate::sync::Mutex;

/// What becomes of one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attempt {
    Silent,
    Fails,
    Panics,
    SilentHello,
    RefusesHello,
    PanicsInHello,
    /// It is up for so many milliseconds.
    Lasts(u64),
    PanicsWhileUp,
}

use Attempt::{Fails, Lasts, Panics, PanicsInHello, PanicsWhileUp, RefusesHello, Silent, SilentHello};

/// The last attempt is made again and again.
struct Script {
    attempts: Mutex<VecDeque<Attempt>>,
    now: Mutex<Attempt>,
    wish: watch::Receiver<Option<DisconnectReason>>,
    hung_up: watch::Sender<bool>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn note(&self, line: impl Into<String>) {
        self.log.lock().push(line.into());
    }
}

impl Kept for Script {
    type Error = &'static str;

    async fn open(&self) -> Result<Serving, &'static str> {
        let attempt = {
            let mut attempts = self.attempts.lock();
            if attempts.len() > 1 { attempts.pop_front() } else { attempts.front().copied() }
        };
        let attempt = attempt.expect("a script");
        *self.now.lock() = attempt;
        match attempt {
            Silent => pending().await,
            Fails => return Err("nobody there"),
            Panics => panic!("in the dial"),
            _ => {}
        }
        self.note("stream");
        self.hung_up.send_replace(false);
        let mut hung_up = self.hung_up.subscribe();
        let lasts = if let Lasts(lasts) = attempt { lasts } else { u64::MAX };
        let serving = async move {
            tokio::select! {
                () = sleep(Duration::from_millis(lasts)) => {
                    Departure { reason: DisconnectReason::TransportClose, returns: true }
                }
                _ = hung_up.wait_for(|hung_up| *hung_up) => {
                    Departure { reason: DisconnectReason::TransportError, returns: true }
                }
            }
        };
        Ok(serving.boxed())
    }

    async fn introduce(&self) -> Result<(), &'static str> {
        let attempt = *self.now.lock();
        match attempt {
            SilentHello => pending().await,
            RefusesHello => Err("no"),
            PanicsInHello => panic!("in the hello"),
            _ => Ok(()),
        }
    }

    async fn attend(&self) -> Infallible {
        let attempt = *self.now.lock();
        assert_ne!(attempt, PanicsWhileUp, "as the script says");
        pending().await
    }

    async fn ending(&self) -> DisconnectReason {
        let mut wish = self.wish.clone();
        let asked = wish.wait_for(Option::is_some).await.map(|reason| reason.clone());
        match asked {
            Ok(reason) => reason.expect("waited for"),
            Err(_) => pending().await,
        }
    }

    fn hang_up(&self, _: DisconnectReason) {
        self.hung_up.send_replace(true);
    }

    fn setback(&self, _: &&'static str) -> Setback {
        Setback::Passing
    }

    fn show(&self, event: ClientEvent) {
        self.note(match event {
            ClientEvent::Reconnecting { wait, .. } => format!("wait {}", wait.as_millis()),
            ClientEvent::Disconnected(_) => "disconnected".to_owned(),
            event => format!("{event:?}").to_lowercase(),
        });
    }

    fn finish(&self, reason: &DisconnectReason, error: Option<&'static str>) {
        self.note(format!(
            "finished: {reason}{}",
            error.map(|error| format!(" ({error})")).unwrap_or_default()
        ));
    }
}

struct Watched {
    wish: watch::Sender<Option<DisconnectReason>>,
    log: Arc<Mutex<Vec<String>>>,
    is_patient: bool,
    backoff: Backoff,
}

impl Watched {
    fn new() -> Self {
        let (wish, log) = (watch::Sender::new(None), Arc::default());
        Self { wish, log, is_patient: true, backoff: Backoff::default().jitter(0.0) }
    }

    fn keep(&self, attempts: &[Attempt]) -> Keeper<Script> {
        let script = Script {
            attempts: Mutex::new(attempts.iter().copied().collect()),
            now: Mutex::new(Silent),
            wish: self.wish.subscribe(),
            hung_up: watch::Sender::new(false),
            log: Arc::clone(&self.log),
        };
        let backoff = Some(self.backoff.clone());
        Keeper::new(Policy { role: Role::Dials, backoff, is_patient: self.is_patient }, script)
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn asked_to_end_it_ends_at_once_wherever_it_is() {
    for script in [
        &[Silent][..],
        &[Fails],
        &[SilentHello],
        &[RefusesHello],
        &[Lasts(u64::MAX)],
        &[Lasts(10), Silent],
        &[Lasts(10), Fails],
        &[Lasts(10), SilentHello],
        &[Lasts(10), RefusesHello],
        &[Lasts(10)],
    ] {
        for after in [0, 1, 10, 210, 1000, 100_000] {
            let watched = Watched::new();
            let keeping = tokio::spawn(watched.keep(script).run());
            sleep(Duration::from_millis(after)).await;
            let (asked, noted) = (Instant::now(), watched.log().len());
            watched.wish.send_replace(Some(DisconnectReason::ClientDisconnect));
            tokio::time::timeout(Duration::from_secs(1), keeping).await.expect("it ends").unwrap();
            assert_eq!(asked.elapsed(), Duration::ZERO);
            let log = watched.log();
            let last = log[noted..].join(", ");
            assert!(last.contains("finished: client namespace disconnect"), "{script:?} {after}: {log:?}");
            assert!(!log[noted..].iter().any(|line| line.ends_with("connected") && line != "disconnected"));
            let count = |what: &str| log.iter().filter(|line| line.starts_with(what)).count();
            assert_eq!(count("finished"), 1);
            assert_eq!(count("connected") + count("reconnected"), count("disconnected"), "{log:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_it_as_giving_up_does() {
    let broke = "finished: the client broke down";
    for (script, expected) in [
        (&[Panics][..], &[broke][..]),
        (&[PanicsInHello], &["stream", broke]),
        (&[PanicsWhileUp], &["stream", "connected", "disconnected", "gaveup", broke]),
        (&[Lasts(1), Panics], &["stream", "connected", "disconnected", "wait 200", "gaveup", broke]),
    ] {
        let watched = Watched::new();
        tokio::spawn(watched.keep(script).run()).await.unwrap();
        assert_eq!(watched.log(), expected);
    }
}

#[test]
fn what_is_dropped_in_the_middle_is_finished() {
    for (script, expected) in [
        (Silent, &["finished: forced close"][..]),
        (SilentHello, &["stream", "finished: forced close"]),
        (Lasts(u64::MAX), &["stream", "connected", "disconnected", "gaveup", "finished: forced close"]),
    ] {
        // Never polled, aborted, and with its runtime shut down.
        let watched = Watched::new();
        drop(watched.keep(&[script]).run());
        assert_eq!(watched.log(), ["finished: forced close"]);
        for aborts in [true, false] {
            let watched = Watched::new();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let keeping = runtime.spawn(watched.keep(&[script]).run());
            runtime.block_on(async {
                while watched.log().len() + 1 < expected.len().min(3) {
                    tokio::task::yield_now().await;
                }
                tokio::task::yield_now().await;
                if aborts {
                    keeping.abort();
                    assert!(keeping.await.unwrap_err().is_cancelled());
                }
            });
            drop(runtime);
            assert_eq!(watched.log(), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drops_everyone_is_left_alone_more_and_more() {
    let backoff = Backoff::default().jitter(0.0).attempts(5);
    let watched = Watched { backoff, ..Watched::new() };
    let start = Instant::now();
    watched.keep(&[Lasts(5), Lasts(5), Lasts(11_000), Lasts(5)]).run().await;
    let waits: Vec<_> = watched.log().into_iter().filter(|line| line.starts_with("wait")).collect();
    assert_eq!(
        waits,
        ["wait 200", "wait 400", "wait 200", "wait 400", "wait 800", "wait 1600", "wait 3200"],
        "the one that lasted begins them anew"
    );
    assert_eq!(start.elapsed().as_millis(), 600 + 6200 + 11_000 + 7 * 5);
    let log = watched.log();
    assert_eq!(log[log.len() - 3..], ["disconnected", "gaveup", "finished: transport close"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_error_is_reported_with_the_end() {
    let watched = Watched { is_patient: false, ..Watched::new() };
    watched.keep(&[Fails]).run().await;
    assert_eq!(watched.log(), ["finished: transport error (nobody there)"]);
}
