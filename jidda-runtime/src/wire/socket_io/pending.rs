//! A packet whose attachments were not received yet.

use std::borrow::Cow;

use super::super::{Limits, Packet, WireError};
use crate::payload::json;

/// An event or an acknowledgement without its attachments.
#[derive(Debug)]
pub(in crate::wire) struct Pending {
    namespace: String,
    id: Option<u32>,
    /// The event's name; an acknowledgement has none.
    event: Option<String>,
    list: Vec<u8>,
    attachments: Vec<Vec<u8>>,
    /// How many there are going to be.
    expected: usize,
    /// How many bytes there are.
    size: usize,
}

impl Pending {
    /// `list` is the text of the arguments, which `expected` attachments belong to.
    pub(super) fn new(
        namespace: &str,
        id: Option<u32>,
        event: Option<Cow<'_, str>>,
        list: &str,
        expected: usize,
    ) -> Result<Self, WireError> {
        if !json::is_complete_with(list, expected) {
            return Err(WireError::Illegal("illegal attachments"));
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            id,
            event: event.map(Cow::into_owned),
            list: list.as_bytes().to_vec(),
            attachments: Vec::new(),
            expected,
            size: list.len(),
        })
    }

    /// Takes the next attachment in. Whether it was the last one.
    pub(in crate::wire) fn add(&mut self, attachment: &[u8], limits: Limits) -> Result<bool, WireError> {
        self.size += attachment.len();
        if self.size > limits.size {
            return Err(WireError::TooLarge { limit: limits.size, id: None });
        }
        self.attachments.push(attachment.to_vec());
        Ok(self.attachments.len() == self.expected)
    }

    /// How many bytes there are; one more for each attachment, which may have none.
    pub(in crate::wire) fn size(&self) -> usize {
        self.size + self.attachments.len()
    }

    /// The whole packet.
    pub(in crate::wire) fn into_packet(mut self) -> Packet<'static> {
        json::bundle(&mut self.list, 0, &self.attachments);
        match (self.event, self.id) {
            (Some(event), id) => Packet::Event {
                namespace: self.namespace.into(),
                event: event.into(),
                id,
                arguments: self.list.into(),
                meta: None,
            },
            (None, id) => Packet::Reply { id: id.unwrap_or_default(), outcome: Ok(self.list.into()) },
        }
    }
}
