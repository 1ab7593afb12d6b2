//! Running a model: a few threads over the code of this crate, in many orders.
//!
//! `JIDDA_MODEL_RUNS` says how many orders are tried of each model. A model that fails prints the order it failed in,
//! which `JIDDA_MODEL_SCHEDULE` runs again.

use std::env;
use std::task::{Context, Poll, Waker};

use shuttle::Config;
use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};

pub(crate) use shuttle::future::block_on;
pub(crate) use shuttle::rand::{Rng, thread_rng};
pub(crate) use shuttle::thread::spawn;

/// How many orders are tried by default: seconds for all models together.
const RUNS: usize = 1000;
/// What debug builds need of a stack.
const STACK: usize = 1 << 20;
/// How many times a thread is overtaken where that would be least expected.
const DEPTH: usize = 3;

/// Runs `model` in many orders of its threads. Some are drawn by lot at each step; in the others one thread runs for as
/// long as it can, but for a few points drawn by lot, which finds what a lot at each step is too restless for.
///
/// Time stands still: what waits for it waits for ever.
pub(crate) fn check(model: impl Fn() + Send + Sync + Clone + 'static) {
    if let Ok(schedule) = env::var("JIDDA_MODEL_SCHEDULE") {
        return run(model, ReplayScheduler::new_from_encoded(&schedule));
    }
    let runs = env::var("JIDDA_MODEL_RUNS").map_or(RUNS, |runs| runs.parse().expect("a number"));
    run(model.clone(), RandomScheduler::new(runs / 2));
    run(model, PctScheduler::new(DEPTH, runs - runs / 2));
}

fn run(model: impl Fn() + Send + Sync + 'static, scheduler: impl Scheduler + 'static) {
    // Tasks are handed to it and never run, timers stand in it and never fire.
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().start_paused(true).build().expect("a runtime");
    let _entered = runtime.enter();
    let mut config = Config::new();
    config.stack_size = STACK;
    shuttle::Runner::new(scheduler, config).run(model);
}

/// Polls a future once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
