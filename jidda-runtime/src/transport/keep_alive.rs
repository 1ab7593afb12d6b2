//! How connections of TCP are found to be dead.

use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

/// How the system finds out that the other end of a connection has vanished.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    /// How long the network may be silent before the other end is asked, and how long it may take to answer; nothing is
    /// asked when it is zero.
    pub after: Duration,
    /// How long at least what was sent may wait for the other end to take it.
    pub patience: Duration,
}

/// What connections have whose program says nothing.
impl Default for KeepAlive {
    fn default() -> Self {
        Self { after: Duration::from_secs(60), patience: Duration::from_secs(10) }
    }
}

/// How many times the other end is asked.
const QUESTIONS: u32 = 4;
/// The longest times that systems take.
const LONGEST: Duration = Duration::from_secs(32_767);

impl KeepAlive {
    pub(super) fn apply(self, socket: &Socket) -> io::Result<()> {
        if self.after.is_zero() {
            return socket.set_keepalive(false);
        }
        // In whole seconds, as systems count it.
        let after = self.after.clamp(Duration::from_secs(1), LONGEST);
        let between = (after / QUESTIONS).max(Duration::from_secs(1));
        let keepalive = TcpKeepalive::new().with_time(after).with_interval(between);
        #[cfg(any(
            target_os = "linux",
            target_os = "android",
            target_vendor = "apple",
            target_os = "freebsd"
        ))]
        let keepalive = keepalive.with_retries(QUESTIONS);
        socket.set_tcp_keepalive(&keepalive)?;
        // Without it bytes on their way are repeated for a quarter of an hour before they are given up. It also ends the
        // wait for one that reads nothing, which is for the limit of slow consumers to do.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        socket.set_tcp_user_timeout(Some((2 * after).max(2 * self.patience.min(LONGEST))))?;
        Ok(())
    }
}
