//! stand-in
use super::super::{Limits, Packet, WireError};
pub(in crate::wire) fn packet(_: &[u8], _: Limits) -> Result<Packet<'static>, WireError> {
    Err(WireError::Illegal("x"))
}
pub(in crate::wire) fn event(_: &mut Vec<u8>, _: &str, _: &str, _: &[u8], _: Option<u32>) {}
pub(in crate::wire) fn ack(_: &mut Vec<u8>, _: &str, _: u32, _: &[u8]) {}
pub(in crate::wire) fn connect(_: &mut Vec<u8>, _: &str, _: &str) {}
pub(in crate::wire) fn connect_error(_: &mut Vec<u8>, _: &str, _: &rmpv::Value) {}
pub(in crate::wire) fn disconnect(_: &mut Vec<u8>, _: &str) {}
