//! The machine: one core for the server, another for the load, and enough descriptors for both.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        utsname::uname,
    },
    unistd::Pid,
};

/// The two sides of a measurement, each on a core of its own, so that neither takes the other's time.
#[derive(Clone, Copy, Debug)]
pub enum Side {
    /// The server under test.
    Server,
    /// The load generator.
    Load,
}

/// The cores that this process may use.
///
/// Read it before the first [`pin_to`], which narrows them to one.
pub fn cores() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect())
}

/// The core of a side: the last for the server, the first, which interrupts like best, for the load.
pub fn core_of(side: Side, cores: &[usize]) -> Result<usize> {
    ensure!(cores.len() >= 2, "needs two cores: one for the server, one for the load");
    Ok(match side {
        Side::Server => cores[cores.len() - 1],
        Side::Load => cores[0],
    })
}

/// Ties this process to one core.
pub fn pin_to(core: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &only).with_context(|| format!("cannot run on core {core}"))
}

/// Lets this process use every core that there is for it.
pub fn unpin() -> Result<()> {
    let mut every = CpuSet::new();
    for core in 0..CpuSet::count() {
        every.set(core)?;
    }
    sched_setaffinity(Pid::from_raw(0), &every).context("cannot run on every core")
}

/// Raises the limit of open files as far as it goes, which has to be at least `needed`.
pub fn allow_descriptors(needed: u64) -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(most >= needed, "needs {needed} open files, the hard limit is {most}: see `ulimit -Hn`");
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    Ok(())
}

/// The processor, its cores and the kernel in one line.
pub fn describe() -> Result<String> {
    let information = fs::read_to_string("/proc/cpuinfo")?;
    let model = information
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let system = uname()?;
    Ok(format!("{model}, {} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy()))
}
