//! Calls through a peer's own client, for servers whose protocol is not worth encoding by hand, and where
//! the transport is what is compared.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use anyhow::{Result, ensure};
use tokio::{runtime, task::LocalSet, time};

use super::Shape;
use crate::{
    measure::{
        Sample, Window,
        cpu::{CpuClock, Stopwatch},
        latency::Latency,
    },
    peer::Endpoint,
    wire::TEXT,
};

/// One connection of a peer's own client; clones share it.
pub trait Caller: Clone + 'static {
    /// Connects.
    fn connect(server: &Endpoint) -> impl Future<Output = Result<Self>>;

    /// Calls `echo`.
    fn echo(&self, text: String) -> impl Future<Output = Result<String>>;
}

/// What the callers share.
#[derive(Default)]
struct Progress {
    measuring: Cell<bool>,
    finished: Cell<bool>,
    messages: Cell<u64>,
    latency: RefCell<Latency>,
}

/// Calls `echo` in the given shape and measures the server.
pub fn run<C: Caller>(server: &Endpoint, shape: Shape, window: Window, clock: CpuClock) -> Result<Sample> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let progress = Rc::new(Progress::default());
        let mut tasks = Vec::new();
        for _ in 0..shape.connections {
            let caller = C::connect(server).await?;
            for _ in 0..shape.in_flight {
                tasks.push(tokio::task::spawn_local(call_on(caller.clone(), Rc::clone(&progress))));
            }
        }

        time::sleep(window.warm_up).await;
        progress.measuring.set(true);
        let stopwatch = Stopwatch::start(clock)?;
        time::sleep(window.measured).await;
        let messages = progress.messages.get();
        let (cpu, wall) = stopwatch.stop()?;

        progress.finished.set(true);
        for task in tasks {
            task.await??;
        }
        Ok(Sample { messages, wall, cpu, latency: progress.latency.take() })
    })
}

/// One call after another until the run has finished.
async fn call_on(caller: impl Caller, progress: Rc<Progress>) -> Result<()> {
    while !progress.finished.get() {
        let begin = Instant::now();
        let text = caller.echo(TEXT.to_owned()).await?;
        ensure!(text == TEXT, "the server answered {text:?}");
        if progress.measuring.get() {
            progress.messages.update(|messages| messages + 1);
            progress.latency.borrow_mut().record(begin.elapsed());
        }
    }
    Ok(())
}

/// Opens connections and makes one call on each. They stay open until the result is dropped.
pub fn open<C: Caller>(server: &Endpoint, count: usize) -> Result<Box<dyn Any>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let callers = runtime.block_on(async {
        let mut callers = Vec::with_capacity(count);
        for _ in 0..count {
            let caller = C::connect(server).await?;
            caller.echo(TEXT.to_owned()).await?;
            callers.push(caller);
        }
        anyhow::Ok(callers)
    })?;
    Ok(Box::new((callers, runtime)))
}
