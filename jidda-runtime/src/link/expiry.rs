//! Whether the credentials of a peer expire.

use std::time::Duration;

use super::shared_state::SharedState;
use crate::wall_clock::WallClock;

/// What the clock says of an identity.
pub(crate) enum Expiry {
    Rest,
    /// The peer has to be notified.
    Near,
    Over,
}

impl<S> SharedState<S> {
    /// Looks whether the peer's identity expires.
    pub(crate) fn expiry(&mut self, notice: Duration, clock: WallClock) -> Expiry {
        let Some(standing) = self.standing_mut() else { return Expiry::Rest };
        let Some(expires) = standing.expires() else { return Expiry::Rest };
        match expires.duration_since(clock.now()) {
            Err(_past) => Expiry::Over,
            Ok(left) if left <= notice && !standing.is_told => {
                standing.is_told = true;
                Expiry::Near
            }
            Ok(_) => Expiry::Rest,
        }
    }
}
