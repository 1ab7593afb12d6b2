//! What a server of Socket.IO answers to a client that asks to join a namespace: packets with the namespace, not with a number.

use std::task::Context;

use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::link::pending_requests::Answer;
use crate::payload::{Encoding, Payload, encode_into};

impl Driver {
    /// The server let us into a namespace. An answer that nobody waits for says nothing.
    pub(crate) fn let_in(&mut self, namespace: &str, socket: Option<&str>, cx: &mut Context<'_>) {
        let Some(id) = self.joining(namespace) else { return };
        let mut granted = Vec::new();
        let fields = std::collections::BTreeMap::from([("id", socket.unwrap_or_default())]);
        encode_into(&mut granted, &fields, Encoding::MessagePack).ok();
        let answer = || Answer::Value(Payload::from_bytes(&granted, Encoding::MessagePack));
        self.reply(id, Some(&granted), answer, cx);
    }

    /// The server does not let us into a namespace.
    pub(crate) fn turned_away(&mut self, namespace: &str, failure: &Failure, cx: &mut Context<'_>) {
        let Some(id) = self.joining(namespace) else { return };
        self.reply(id, None, || Answer::Failed(failure.clone()), cx);
    }

    fn joining(&self, namespace: &str) -> Option<u32> {
        self.connection.link.change().calls.joining(|socket| socket.is_in(namespace))
    }
}
