//! The processor time that another process has used.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::{time::ClockId, unistd::Pid};

/// The CPU-time clock of a process: user and system time of all of its threads, those that have ended included.
///
/// It is the same sum of nanoseconds that `/proc/<pid>/task/*/schedstat` shows, but exact at the moment of
/// reading even for a thread that is running, where the counters in `/proc` are as old as the last tick.
#[derive(Clone, Copy, Debug)]
pub struct CpuClock(ClockId);

impl CpuClock {
    /// The clock of the process `id`.
    pub fn of(id: u32) -> Result<Self> {
        let pid = Pid::from_raw(id.try_into()?);
        Ok(Self(ClockId::pid_cpu_clock_id(pid).context("the server has no CPU clock; is it running?")?))
    }

    /// Processor time used so far.
    pub fn read(self) -> Result<Duration> {
        Ok(self.0.now().context("the server has ended")?.into())
    }
}

/// Processor time and wall time from one moment on.
#[derive(Debug)]
pub struct Stopwatch {
    clock: CpuClock,
    cpu: Duration,
    wall: Instant,
}

impl Stopwatch {
    /// Begins to count now.
    pub fn start(clock: CpuClock) -> Result<Self> {
        Ok(Self { cpu: clock.read()?, wall: Instant::now(), clock })
    }

    /// Wall time since the start.
    pub fn elapsed(&self) -> Duration {
        self.wall.elapsed()
    }

    /// Processor time and wall time since the start.
    pub fn stop(self) -> Result<(Duration, Duration)> {
        let wall = self.wall.elapsed();
        let cpu = self.clock.read()?.checked_sub(self.cpu).context("the CPU clock ran backwards")?;
        ensure!(!cpu.is_zero(), "the server did nothing");
        Ok((cpu, wall))
    }
}
