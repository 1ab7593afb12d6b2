//! What a client of Socket.IO does about what servers answer and send: packets with a namespace, not with a number.

use std::task::Context;

use crate::driver::task::Driver;
use crate::failure::Failure;
use crate::foreign::{printable, shown};
use crate::handler::{Arguments, Side};
use crate::link::outbox::Batch;
use crate::link::pending_requests::Answer;
use crate::objects::socket_state::Recovery;
use crate::payload::{Encoding, Payload, Value, encode_into, json};
use crate::sync::atomic::Ordering;
use crate::wire::{Packet, Protocol, websocket};

/// The most of a packet that is shown in the log.
const SHOWN: usize = 4096;

impl Driver {
    /// The server let us into a namespace. An answer that nobody waits for says nothing.
    pub(crate) fn let_in(
        &mut self,
        namespace: &str,
        name: Option<&str>,
        private: Option<Box<str>>,
        cx: &mut Context<'_>,
    ) {
        let Some(id) = self.joining(namespace) else { return };
        if let Some(socket) = self.connection.socket(namespace) {
            socket.extra(|extra| {
                let before = extra.recovery.take();
                extra.recovery = private.map(|private| match before {
                    Some(before) if before.private == private => {
                        Box::new(Recovery { is_recovered: true, ..*before })
                    }
                    _ => Box::new(Recovery { private, ..Recovery::default() }),
                });
                if extra.recovery.is_some()
                    && let Some(negotiated) = self.connection.negotiated()
                {
                    negotiated.recovers.store(true, Ordering::Relaxed);
                }
            });
        }
        let mut granted = Vec::new();
        let fields = std::collections::BTreeMap::from([("id", name.unwrap_or_default())]);
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

    /// What only a client does about a packet. Whether that is all there is to do.
    pub(crate) fn attends_as_client(&mut self, packet: &Packet<'_>) -> bool {
        if tracing::enabled!(tracing::Level::TRACE) {
            self.log_received(packet);
        }
        let Packet::Event { namespace, event, id, arguments, .. } = packet else { return false };
        let Some(negotiated) = self.connection.negotiated() else { return false };
        if negotiated.recovers.load(Ordering::Relaxed) && id.is_none() {
            self.note_offset(namespace, arguments);
        }
        event.starts_with("$/") && self.hears_of_server(namespace, event, arguments)
    }

    /// Keeps the last argument of an event, by which a server that recovers sockets knows what comes after it.
    fn note_offset(&self, namespace: &str, arguments: &[u8]) {
        let Some(socket) = self.connection.socket(namespace) else { return };
        let offset = match self.connection.wire.encoding() {
            Encoding::Json(_) => last_text(json::parts(arguments).0).map(Into::into),
            encoding => match Payload::from_bytes(arguments, encoding).to_value() {
                Ok(Value::Array(values)) => values.last().and_then(Value::as_str).map(Into::into),
                _ => None,
            },
        };
        if let Some(offset) = offset {
            socket.extra(|extra| {
                if let Some(recovery) = &mut extra.recovery {
                    recovery.offset = Some(offset);
                }
            });
        }
    }

    /// An event with which a server of jidda's says something of its own.
    fn hears_of_server(&mut self, namespace: &str, event: &str, arguments: &[u8]) -> bool {
        match event {
            "$/expiring" => self.told_expiring(),
            "$/refused" => {
                let arguments = Arguments::new(arguments, self.connection.wire.encoding());
                let read = arguments.reader(&["event", "error"]).and_then(|mut reader| {
                    let event: String = reader.take()?;
                    Ok((event, reader.take::<Value>()?))
                });
                if let Ok((event, error)) = read {
                    let mut encoded = Vec::new();
                    encode_into(&mut encoded, &error, self.connection.wire.encoding()).ok();
                    self.refusal(namespace, &event, &encoded);
                }
            }
            // Items of streams, which are not asked for on this wire.
            "$/item" | "$/end" => {}
            _ => return false,
        }
        true
    }

    #[cold]
    fn log_received(&self, packet: &Packet<'_>) {
        let connection = self.connection.id;
        match packet {
            Packet::Event { namespace, event, id, arguments, .. } => {
                let (namespace, event) = (&*shown(namespace), &*shown(event));
                let arguments = text(arguments);
                tracing::trace!(%connection, namespace, event, ?id, arguments = %printable(&arguments), "received an event");
            }
            Packet::Reply { id, outcome: Ok(value) } => {
                let value = text(value);
                tracing::trace!(%connection, id, value = %printable(&value), "received an answer");
            }
            other => tracing::trace!(%connection, packet = ?other, "received a packet"),
        }
    }

    /// Shows each frame that is about to be written by a client.
    #[inline]
    pub(crate) fn log_written(&self, batch: &Batch) {
        if self.connection.hub.side == Side::Client && tracing::enabled!(tracing::Level::TRACE) {
            self.log_batch(&batch.copy());
        }
    }

    #[cold]
    fn log_batch(&self, mut bytes: &[u8]) {
        let connection = self.connection.id;
        if self.connection.negotiated().is_none() {
            let bytes = sent_text(bytes);
            tracing::trace!(%connection, bytes = %printable(&bytes), "sending messages");
            return;
        }
        while let Ok(Some(head)) = websocket::head(bytes)
            && let Some(end) = head.size.checked_add(head.length)
            && let Some(payload) = bytes.get(head.size..end)
        {
            let mut payload = payload.to_vec();
            websocket::mask(&mut payload, head.mask.unwrap_or_default());
            let packet = sent_text(&payload);
            tracing::trace!(%connection, packet = %printable(&packet), "sending a packet");
            bytes = &bytes[end..];
        }
    }
}

/// The same of what this side sends: credentials and auth values are not for logs.
fn sent_text(bytes: &[u8]) -> String {
    let has = |words: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    // A request to join begins so in JSON, and has the type 0 in MessagePack.
    let is_private = bytes.starts_with(b"40")
        || has(b"\xa4type\x00")
        || [&b"$/hello"[..], b"$/authenticate", b"$/connect"].into_iter().any(has);
    if is_private { "(with credentials)".to_owned() } else { text(bytes) }
}

/// The beginning of a packet as text.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned()
}

/// The last value of a list in JSON, if it is a text without escapes.
fn last_text(list: &[u8]) -> Option<&str> {
    let inner = list.trim_ascii_end().strip_suffix(b"]")?.trim_ascii_end().strip_suffix(b"\"")?;
    let start = inner.iter().rposition(|byte| *byte == b'"')?;
    let is_value = matches!(inner[..start].trim_ascii_end().last(), Some(b',' | b'['));
    let text = std::str::from_utf8(&inner[start + 1..]).ok()?;
    (is_value && !text.contains('\\')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::last_text;

    #[test]
    fn only_a_text_at_the_end_of_a_list_is_an_offset() {
        for (list, wanted) in [
            (r#",1,"abc-1"]"#, Some("abc-1")),
            (r#"["abc"]"#, Some("abc")),
            (r#" , {"a":"b"} , "x" ] "#, Some("x")),
            (r#",["abc"]]"#, None),
            (r#",{"a":"b"}]"#, None),
            (r",1]", None),
            ("]", None),
            (r#","a\"b"]"#, None),
            (r#","a\n"]"#, None),
            ("", None),
            ("\"]", None),
        ] {
            assert_eq!(last_text(list.as_bytes()), wanted, "{list}");
        }
    }
}
