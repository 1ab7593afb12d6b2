//! The memory that a process keeps for itself.

use std::fs;

use anyhow::{Context as _, Result};

/// Resident anonymous memory of the process `id`, in bytes: heap and stacks, without the pages of its program
/// file, which do not grow with connections, and without the kernel's socket buffers.
pub fn anonymous(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let kibibytes: u64 = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Anonymous:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .with_context(|| format!("{path} does not tell the anonymous memory"))?
        .trim()
        .parse()?;
    Ok(kibibytes * 1024)
}
