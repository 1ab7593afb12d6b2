//! What is kept of messages and packets that are not complete.

use super::super::WireError;
use super::super::socket_io::Pending;
use super::super::websocket::opcode;

/// What is kept of messages and packets that are not complete.
#[derive(Debug, Default)]
pub(in crate::wire) struct Parts {
    /// A message whose last frame was not received yet.
    pub(super) fragments: Option<Fragments>,
    /// A packet whose attachments were not received yet.
    pub(super) pending: Option<Pending>,
}

impl Parts {
    pub(in crate::wire) fn is_empty(&self) -> bool {
        self.fragments.is_none() && self.pending.is_none()
    }

    /// How many bytes there are; one more for each message that has begun.
    pub(in crate::wire) fn kept(&self) -> usize {
        self.fragments.as_ref().map_or(0, |begun| 1 + begun.bytes.len())
            + self.pending.as_ref().map_or(0, |pending| 1 + pending.size())
    }
}

/// The beginning of a message.
#[derive(Debug)]
pub(super) struct Fragments {
    pub(super) opcode: u8,
    pub(super) bytes: Vec<u8>,
    /// How many of them are whole characters, if it is a text.
    pub(super) checked: usize,
}

impl Fragments {
    /// Takes a piece in. A text that cannot become valid is refused at once, not with its last frame.
    pub(super) fn add(&mut self, payload: &[u8]) -> Result<(), WireError> {
        self.bytes.extend_from_slice(payload);
        if self.opcode != opcode::TEXT {
            return Ok(());
        }
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            // The last character may go on in the next frame.
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(WireError::NotText),
        }
        Ok(())
    }
}
