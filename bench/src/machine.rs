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

/// What the machine is: each property with its name.
pub fn describe(cores: usize) -> Result<Vec<(&'static str, String)>> {
    let information = fs::read_to_string("/proc/cpuinfo")?;
    let model = information
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, model)| model.trim());
    let system = uname()?;
    let (kernel, release) = (system.sysname().to_string_lossy(), system.release().to_string_lossy());
    let mut properties = vec![
        ("processor", model.to_owned()),
        ("cores", cores.to_string()),
        ("memory", format!("{:.1} GiB", memory(&fs::read_to_string("/proc/meminfo")?)?)),
        ("kernel", format!("{kernel} {release}")),
    ];
    // Virtual machines usually have none.
    if let Ok(governor) = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") {
        properties.push(("governor", governor.trim().to_owned()));
    }
    Ok(properties)
}

/// All the memory there is, in GiB.
fn memory(information: &str) -> Result<f64> {
    let total = information.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.and_then(|total| total.trim().strip_suffix(" kB")).context("no total of memory")?;
    Ok(total.parse::<f64>()? / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_in_gibibytes() {
        assert!((memory("MemTotal:        3145728 kB\nMemFree: 1 kB\n").unwrap() - 3.0).abs() < 1e-9);
        assert!(memory("MemFree: 1 kB\n").is_err());
    }
}
