//! The schedule of [`super::schedule`] for servers that are loaded by a client of their own: what is due becomes a
//! task.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Instant,
};

use anyhow::{Result, ensure};
use tokio::{
    runtime,
    task::{LocalSet, spawn_local, yield_now},
};

use super::{
    pipeline::PATIENCE,
    schedule::{Outcome, Schedule},
    tasks::Caller,
};
use crate::{measure::Window, peer::Endpoint, wire::TEXT};

/// What the tasks share.
struct Progress {
    outcome: RefCell<Outcome>,
    answered: Cell<u64>,
    failure: RefCell<Option<anyhow::Error>>,
}

/// Calls `echo` by the schedule, from a loop that never sleeps. What is due at one turn of it goes to the next
/// connection.
pub fn run<C: Caller>(server: &Endpoint, connections: usize, window: Window, rate: f64) -> Result<Outcome> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut callers = Vec::with_capacity(connections);
        for _ in 0..connections {
            let caller = C::connect(server).await?;
            caller.echo(TEXT).await?;
            callers.push(caller);
        }
        let schedule = Schedule { begin: Instant::now(), rate, window };
        let progress = Rc::new(Progress {
            outcome: RefCell::new(Outcome::new(schedule)),
            answered: Cell::new(0),
            failure: RefCell::new(None),
        });
        let (mut written, mut next) = (0, 0);
        while !schedule.is_over(Instant::now()) || progress.answered.get() < written {
            let now = Instant::now();
            let due = schedule.count(now);
            for number in written..due {
                spawn_local(call(callers[next].clone(), number, Rc::clone(&progress)));
                progress.outcome.borrow_mut().write(number, now);
            }
            written = due;
            next = (next + 1) % connections;
            yield_now().await;
            if let Some(error) = progress.failure.take() {
                return Err(error);
            }
            let end = schedule.begin + window.warm_up + window.measured;
            ensure!(Instant::now() < end + PATIENCE, "calls were not answered");
        }
        Ok(progress.outcome.replace(Outcome::new(schedule)))
    })
}

async fn call(caller: impl Caller, number: u64, progress: Rc<Progress>) {
    match caller.echo(TEXT).await {
        Ok(_) => {
            progress.answered.update(|answered| answered + 1);
            progress.outcome.borrow_mut().answer(number, Instant::now());
        }
        Err(error) => *progress.failure.borrow_mut() = Some(error),
    }
}
