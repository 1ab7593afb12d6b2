//! The name of a route.

/// The place of a route in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteId(pub(super) u32);

impl RouteId {
    /// It as a number.
    #[inline]
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    /// A route by its [`number`](Self::number).
    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
