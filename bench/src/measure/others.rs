//! What else the machine does meanwhile: the figures of a busy machine are worth little.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::{
        resource::{Usage, UsageWho, getrusage},
        time::TimeVal,
    },
    unistd::{SysconfVar, sysconf},
};

/// Watches the processor time that goes to neither this process nor its servers.
#[derive(Debug)]
pub struct Others {
    begin: Instant,
    used: Duration,
}

impl Others {
    /// Begins to watch now.
    pub fn watch() -> Result<Self> {
        Ok(Self { begin: Instant::now(), used: used()? })
    }

    /// Their share of `cores` since then, in percent. Servers that still run count among them.
    pub fn share(&self, cores: usize) -> Result<f64> {
        let there_was = self.begin.elapsed().as_secs_f64() * cores as f64;
        Ok(used()?.saturating_sub(self.used).as_secs_f64() / there_was * 100.0)
    }
}

/// Processor time since the machine started, without that of this process and the servers it has ended.
fn used() -> Result<Duration> {
    let own = own(UsageWho::RUSAGE_SELF)? + own(UsageWho::RUSAGE_CHILDREN)?;
    Ok(machine()?.saturating_sub(own))
}

fn own(who: UsageWho) -> Result<Duration> {
    let time = |time: TimeVal| -> Result<Duration> {
        Ok(Duration::from_secs(time.tv_sec().try_into()?) + Duration::from_micros(time.tv_usec().try_into()?))
    };
    let usage: Usage = getrusage(who)?;
    Ok(time(usage.user_time())? + time(usage.system_time())?)
}

fn machine() -> Result<Duration> {
    let statistics = fs::read_to_string("/proc/stat")?;
    let all =
        statistics.lines().find_map(|line| line.strip_prefix("cpu ")).context("no `cpu` in /proc/stat")?;
    let ticks: Vec<u32> = all.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    // User, nice, system, idle, waiting, interrupts, soft interrupts, stolen; guests are within the first two.
    let busy = |index: &usize| ![3, 4].contains(index) && *index < 8;
    let busy: u32 = ticks.iter().enumerate().filter(|(index, _)| busy(index)).map(|(_, ticks)| ticks).sum();
    let frequency = sysconf(SysconfVar::CLK_TCK)?.context("unknown clock frequency")?;
    Ok(Duration::from_secs(1) * busy / u32::try_from(frequency)?)
}
