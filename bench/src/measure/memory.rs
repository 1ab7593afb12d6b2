//! The memory that a process keeps for itself.

use std::fs;

use anyhow::{Context as _, Result};

/// What the kernel has for all there is, in bytes: the objects that sockets, files and the like consist of, and the pages
/// of what waits in sockets.
pub fn kernel() -> Result<u64> {
    let objects = kibibytes(&fs::read_to_string("/proc/meminfo")?, "Slab:")?;
    let pages = waiting_pages(&fs::read_to_string("/proc/net/sockstat")?)?;
    Ok(objects * 1024 + pages * 4096)
}

/// The pages of TCP's buffers.
fn waiting_pages(statistics: &str) -> Result<u64> {
    let tcp = statistics.lines().find_map(|line| line.strip_prefix("TCP:")).context("no TCP")?;
    let (_, pages) = tcp.split_once(" mem ").context("the pages of TCP are not told")?;
    Ok(pages.trim().parse()?)
}

/// The value of a line that starts with `name`.
fn kibibytes(lines: &str, name: &str) -> Result<u64> {
    let value = lines.lines().find_map(|line| line.strip_prefix(name));
    let value = value.and_then(|rest| rest.trim().strip_suffix("kB"));
    Ok(value.with_context(|| format!("no line `{name}`"))?.trim().parse()?)
}

/// Resident anonymous memory of the process `id`, in bytes: heap and stacks, without the pages of its program
/// file, which do not grow with connections, and without the kernel's socket buffers.
pub fn anonymous(id: u32) -> Result<u64> {
    let path = format!("/proc/{id}/smaps_rollup");
    let rollup = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    Ok(kibibytes(&rollup, "Anonymous:").context(path)? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_their_names() {
        let lines = "MemFree:  21 kB\nSlab:      554536 kB\nSReclaimable: 1 kB\n";
        assert_eq!(kibibytes(lines, "Slab:").unwrap(), 554_536);
        assert!(kibibytes(lines, "Anonymous:").is_err());
        let statistics = "sockets: used 19\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 7\nUDP: inuse 0 mem 0\n";
        assert_eq!(waiting_pages(statistics).unwrap(), 7);
    }
}
