//! Calls through a peer's own client, for servers whose protocol is not worth encoding by hand, and where
//! the transport is what is compared.

use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use anyhow::{Result, bail, ensure};
use tokio::{
    runtime,
    task::{JoinSet, LocalSet},
    time,
};

use super::{Shape, connect::Crowd};
use crate::{
    measure::{
        Sample, Window,
        cpu::{CpuClock, Stopwatch},
        latency::Latency,
    },
    peer::Endpoint,
    wire::{TEXT, called::Called},
};

/// One connection of a peer's own client; clones share it.
pub trait Caller: Clone + 'static {
    /// Connects.
    fn connect(server: &Endpoint) -> impl Future<Output = Result<Self>>;

    /// Calls `echo`.
    fn echo(&self, text: &str) -> impl Future<Output = Result<String>>;

    /// Calls `work`, where there is one.
    fn work(&self, _: &str) -> impl Future<Output = Result<String>> {
        async { bail!("this server has no work") }
    }
}

/// What the callers share.
#[derive(Default)]
struct Progress {
    measuring: Cell<bool>,
    finished: Cell<bool>,
    messages: Cell<u64>,
    latency: RefCell<Latency>,
}

/// Calls in the given shape and measures the server.
pub fn run<C: Caller>(
    server: &Endpoint,
    called: Called,
    shape: Shape,
    window: Window,
    clock: CpuClock,
) -> Result<Sample> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let progress = Rc::new(Progress::default());
        let mut tasks = Vec::new();
        for _ in 0..shape.connections {
            let client = C::connect(server).await?;
            for _ in 0..shape.in_flight {
                let calls = call_on(client.clone(), called, shape.size.text(), Rc::clone(&progress));
                tasks.push(tokio::task::spawn_local(calls));
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
async fn call_on(
    client: impl Caller,
    called: Called,
    sent: &'static str,
    progress: Rc<Progress>,
) -> Result<()> {
    while !progress.finished.get() {
        let begin = Instant::now();
        let text = match called {
            Called::Work => client.work(sent).await?,
            _ => client.echo(sent).await?,
        };
        ensure!(text == sent, "the server answered {text:?}");
        if progress.measuring.get() {
            progress.messages.update(|messages| messages + 1);
            progress.latency.borrow_mut().record(begin.elapsed());
        }
    }
    Ok(())
}

/// Has clients connect, make one call and go, so many at a time, and measures the server.
pub fn come_and_go<C: Caller>(server: &Endpoint, crowd: Crowd, clock: CpuClock) -> Result<Sample> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        pass::<C>(server, crowd.warm_up, crowd.at_once).await?;
        let stopwatch = Stopwatch::start(clock)?;
        let latency = pass::<C>(server, crowd.measured, crowd.at_once).await?;
        let (cpu, wall) = stopwatch.stop()?;
        Ok(Sample { messages: crowd.measured as u64, wall, cpu, latency })
    })
}

/// Lets `count` clients come and go. Returns how long each took to get its call answered.
async fn pass<C: Caller>(server: &Endpoint, count: usize, at_once: usize) -> Result<Latency> {
    let mut latency = Latency::new();
    let mut visits = JoinSet::new();
    for _ in 0..count {
        if visits.len() >= at_once
            && let Some(visit) = visits.join_next().await
        {
            latency.record(visit??);
        }
        let server = server.clone();
        visits.spawn_local(async move {
            let begin = Instant::now();
            C::connect(&server).await?.echo(TEXT).await?;
            anyhow::Ok(begin.elapsed())
        });
    }
    while let Some(visit) = visits.join_next().await {
        latency.record(visit??);
    }
    Ok(latency)
}

/// Opens connections and makes one call on each. They stay open until the result is dropped.
pub fn open<C: Caller>(server: &Endpoint, count: usize) -> Result<Box<dyn Any>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let callers = runtime.block_on(async {
        let mut callers = Vec::with_capacity(count);
        for _ in 0..count {
            let caller = C::connect(server).await?;
            caller.echo(TEXT).await?;
            callers.push(caller);
        }
        anyhow::Ok(callers)
    })?;
    Ok(Box::new((callers, runtime)))
}
