//! The signals that end a program: Ctrl-C and, on Unix, SIGTERM.
//!
//! The first one is for the servers of the program, the second one ends it at once, whatever its own code does: a thread
//! of its own watches, since the program may block all others. Once it watches, the system no longer ends the program
//! by itself, so the thread does so for each signal that no server waits for.

use std::io;

use tokio::sync::oneshot;

use crate::sync::Mutex;

/// The exit code of a program that a second signal ended.
const INTERRUPTED: i32 = 130;

static WATCH: Mutex<Watch> = Mutex::new(Watch { is_running: false, waiting: Vec::new() });

struct Watch {
    is_running: bool,
    /// The servers that have seen no signal yet.
    waiting: Vec<oneshot::Sender<()>>,
}

/// Waits for the next signal.
pub(super) struct Signal(oneshot::Receiver<()>);

impl Signal {
    /// From now on, a signal is for the caller.
    ///
    /// # Errors
    ///
    /// The operating system's: signals cannot be watched.
    pub(super) fn next() -> io::Result<Self> {
        let (sender, receiver) = oneshot::channel();
        let mut watch = WATCH.lock();
        if !watch.is_running {
            start()?;
            watch.is_running = true;
        }
        watch.waiting.push(sender);
        Ok(Self(receiver))
    }

    /// One that is received when the sender says so.
    pub(super) fn passed_on() -> (oneshot::Sender<()>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(receiver))
    }

    /// # Cancel safety
    ///
    /// The signal stays with this value if the future is dropped.
    pub(super) async fn received(&mut self) {
        // The thread never drops a sender without a word.
        let _ = (&mut self.0).await;
    }
}

fn start() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _inside = runtime.enter();
        Signals::new()
    };
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => {
            // Dropping a runtime is not allowed inside another one.
            runtime.shutdown_background();
            return Err(error);
        }
    };
    let watch = move || {
        runtime.block_on(async {
            loop {
                signals.next().await;
                let waiting = std::mem::take(&mut WATCH.lock().waiting);
                // Those that have ended by themselves do not count.
                if waiting.into_iter().filter_map(|server| server.send(()).ok()).count() == 0 {
                    std::process::exit(INTERRUPTED);
                }
            }
        });
    };
    std::thread::Builder::new().name("jidda-signals".to_owned()).spawn(watch).map(drop)
}

/// The streams of the operating system.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps)]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
