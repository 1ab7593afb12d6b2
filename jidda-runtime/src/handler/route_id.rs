//! The name of a route.

/// The place of a route in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RouteId(pub(super) u32);

#[cfg(feature = "metrics")]
impl RouteId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
