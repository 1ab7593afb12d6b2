//! Time-outs, which may be `Duration::MAX`. All deadlines are computed here, so that none overflows.

use std::time::Duration;

use tokio::time::Instant;

/// The longest limit that is kept, about thirty years: the clock of the system takes no more than a few hundred in
/// addition, and a time-out that far away never happens.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The same limit, for libraries that add it to the present time themselves.
pub(crate) fn bounded(limit: Duration) -> Duration {
    limit.min(LONGEST)
}

/// The deadline of a time-out that starts now.
pub(crate) fn after(limit: Duration) -> Instant {
    Instant::now() + bounded(limit)
}

/// A time-out as the protocols write it: in whole milliseconds.
pub(crate) fn milliseconds(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn no_limit_is_too_long() {
        let far = after(Duration::MAX);
        assert!(far > after(Duration::from_secs(1_000_000)));
        assert_eq!(bounded(Duration::from_secs(7)), Duration::from_secs(7));
        assert_eq!((milliseconds(Duration::MAX), milliseconds(Duration::from_nanos(1))), (u64::MAX, 0));
    }

    /// What adds a limit to the present time anywhere else.
    fn additions(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder of sources").map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                additions(&path, found);
            } else if !path.ends_with("deadline.rs") {
                let source = std::fs::read_to_string(&path).expect("a source");
                let adds = |line: &&str| {
                    line.contains("now() +")
                        && !line.contains("SystemTime")
                        && !line.trim_start().starts_with("///")
                };
                found.extend(source.lines().filter(adds).map(|line| format!("{}: {line}", path.display())));
            }
        }
    }

    #[test]
    fn limits_are_added_to_the_present_time_here_only() {
        let mut found = Vec::new();
        additions(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        assert_eq!(found, Vec::<String>::new(), "use `deadline::after`: `Instant::now() + limit` can panic");
    }
}
