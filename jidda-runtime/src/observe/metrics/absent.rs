//! The metrics without the feature `metrics`: nothing.
#![allow(clippy::unused_self)]

use crate::failure::Failure;
use crate::handler::{Side, Table};
use crate::observe::handled_by::EventLabel;
use crate::reason::DisconnectReason;

#[derive(Debug)]
pub(crate) struct Metrics;

impl Metrics {
    pub(crate) fn new(_: Side, _: &Table) -> Self {
        Self
    }

    #[inline]
    pub(crate) fn connected(&self, _: &'static str, _: &'static str) {}

    #[inline]
    pub(crate) fn disconnected(&self, _: &'static str, _: &'static str) {}

    #[inline]
    pub(crate) fn ended(&self, _: &DisconnectReason, _: bool) {}

    #[inline]
    pub(crate) fn handshake_failed(&self) {}

    #[inline]
    pub(crate) fn connection_refused(&self, _: &'static str) {}

    #[inline]
    pub(crate) fn socket_joined(&self, _: &Table, _: usize) {}

    #[inline]
    pub(crate) fn socket_left(&self, _: &Table, _: usize) {}

    #[inline]
    pub(crate) fn event(&self, _: &Table, _: usize, _: &EventLabel, _: &'static str) {}

    #[inline]
    pub(crate) fn call(&self, _: &Table, _: usize, _: &'static str) {}

    #[inline]
    pub(crate) fn refused(&self, _: &Failure) {}

    #[inline]
    pub(crate) fn read(&self, _: usize) {}

    #[inline]
    pub(crate) fn wrote(&self, _: usize) {}
}
