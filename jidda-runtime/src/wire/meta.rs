//! Metadata of an event (`docs/wire.md`, "Messages", `meta`): its deadline, its trace, the identity on whose behalf it is sent.

use std::sync::Arc;
use std::time::Duration;

use rmp::encode::{write_array_len, write_map_len, write_str, write_uint};

use smallvec::SmallVec;

use super::message_pack::{Cursor, NIL, WRITES};

/// Servers by their names.
pub type Servers = SmallVec<[Arc<str>; 1]>;

/// The longest text of a trace that is kept.
const LONGEST: usize = 512;
/// More servers than may pass an event on: a longer list is as good as this.
const MOST_SERVERS: u32 = 32;
/// The longest name of a server: ours have 20 characters.
const LONGEST_NAME: usize = 64;

/// The last element of an event on the native wire: a map, of which unknown keys are passed over.
///
/// What is there is used; a known key whose value is of no use, such as a deadline that is a text, is as good as absent:
/// plain MessagePack-RPC gives the element no meaning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meta {
    /// `deadline`: how long the sender is going to wait, in milliseconds.
    pub deadline: Option<Duration>,
    /// `traceparent`: the place in a trace, as in W3C Trace Context.
    pub traceparent: Option<Box<str>>,
    /// `tracestate`: what goes with it.
    pub tracestate: Option<Box<str>>,
    /// `identity`: the identity on whose behalf the sender calls, if not its own, as it was received.
    pub identity: Option<Box<[u8]>>,
    /// `via`: the servers that passed it on, the first one first.
    pub via: Servers,
    /// `credit`: the sender takes a streaming reply, and so many items of it for a beginning.
    pub credit: Option<u32>,
    /// `open`: the sender wants to be notified when its streaming reply begins.
    pub open: bool,
}

/// `true` in `MessagePack`.
const TRUE: u8 = 0xc3;

impl Meta {
    /// Whether there is nothing to be said.
    pub fn is_empty(&self) -> bool {
        self.entries() == 0
    }

    fn entries(&self) -> usize {
        let is_there = [
            self.deadline.is_some(),
            self.traceparent.is_some(),
            self.tracestate.is_some(),
            self.identity.is_some(),
            !self.via.is_empty(),
            self.credit.is_some(),
            self.open,
        ];
        is_there.into_iter().filter(|is_there| *is_there).count()
    }

    /// Reads an encoded map. Anything else says nothing.
    ///
    /// Nothing is kept of it that is longer than it has any reason to be: it waits where events wait.
    pub(super) fn read(bytes: &[u8]) -> Option<Box<Self>> {
        let mut cursor = Cursor(bytes);
        let mut meta = Self::default();
        for _ in 0..cursor.map()? {
            let (key, value) = (cursor.value()?, cursor.value()?);
            let text =
                |longest: usize| Cursor(value).text().filter(|text| text.len() <= longest).map(Into::into);
            match Cursor(key).text() {
                Some("deadline") => {
                    let milliseconds: Option<f64> = rmp_serde::from_slice(value).ok();
                    meta.deadline = milliseconds
                        .and_then(|milliseconds| Duration::try_from_secs_f64(milliseconds / 1000.0).ok());
                }
                Some("traceparent") => meta.traceparent = text(LONGEST),
                Some("tracestate") => meta.tracestate = text(LONGEST),
                Some("identity") => meta.identity = (value != [NIL]).then(|| value.into()),
                Some("via") => meta.via = servers(value),
                Some("credit") => {
                    let credit = Cursor(value).unsigned();
                    meta.credit = credit.map(|credit| credit.try_into().unwrap_or(u32::MAX));
                }
                Some("open") => meta.open = value == [TRUE],
                _ => {}
            }
        }
        (!meta.is_empty()).then(|| Box::new(meta))
    }

    /// Writes the map.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let entries = u32::try_from(self.entries()).expect("a handful");
        write_map_len(out, entries).expect(WRITES);
        let text = |out: &mut Vec<u8>, key: &str, value: &Option<Box<str>>| {
            if let Some(value) = value {
                write_str(out, key).expect(WRITES);
                write_str(out, value).expect(WRITES);
            }
        };
        if let Some(deadline) = self.deadline {
            write_str(out, "deadline").expect(WRITES);
            // Rounded up: otherwise the next server could end a call that its caller still waits for.
            let milliseconds = deadline.as_nanos().div_ceil(1_000_000);
            write_uint(out, u64::try_from(milliseconds).unwrap_or(u64::MAX)).expect(WRITES);
        }
        text(out, "traceparent", &self.traceparent);
        text(out, "tracestate", &self.tracestate);
        if let Some(identity) = &self.identity {
            write_str(out, "identity").expect(WRITES);
            out.extend_from_slice(identity);
        }
        if !self.via.is_empty() {
            write_str(out, "via").expect(WRITES);
            write_array_len(out, u32::try_from(self.via.len()).expect("a handful")).expect(WRITES);
            for id in &self.via {
                write_str(out, id).expect(WRITES);
            }
        }
        if let Some(credit) = self.credit {
            write_str(out, "credit").expect(WRITES);
            write_uint(out, credit.into()).expect(WRITES);
        }
        if self.open {
            write_str(out, "open").expect(WRITES);
            out.push(TRUE);
        }
    }

    /// How many bytes it has at most.
    pub(crate) fn size(&self) -> usize {
        /// A value's head.
        const HEAD: usize = 5;
        let key = |name: &str| 1 + name.len();
        let text =
            |name, text: &Option<Box<str>>| text.as_ref().map_or(0, |text| key(name) + HEAD + text.len());
        let deadline = self.deadline.map_or(0, |_| key("deadline") + 9);
        let identity = self.identity.as_ref().map_or(0, |identity| key("identity") + identity.len());
        let ids: usize = self.via.iter().map(|id| HEAD + id.len()).sum();
        let via = if self.via.is_empty() { 0 } else { key("via") + HEAD + ids };
        let credit = self.credit.map_or(0, |_| key("credit") + HEAD);
        1 + deadline
            + text("traceparent", &self.traceparent)
            + text("tracestate", &self.tracestate)
            + identity
            + via
            + credit
            + if self.open { key("open") + 1 } else { 0 }
    }
}

/// The first servers of a list, by the beginnings of their names.
fn servers(list: &[u8]) -> Servers {
    let mut cursor = Cursor(list);
    let count = cursor.list().unwrap_or(0).min(MOST_SERVERS);
    let names = (0..count).filter_map(|_| Cursor(cursor.value()?).text());
    names
        .map(|name| name.get(..LONGEST_NAME).unwrap_or(name))
        .filter(|name| name.len() <= LONGEST_NAME)
        .map(Into::into)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Value;

    #[test]
    fn it_survives_being_written() {
        let meta = Meta {
            deadline: Some(Duration::from_millis(1500)),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            tracestate: Some("a=b".into()),
            identity: Some(b"\xa5alice".as_slice().into()),
            via: ["one", "two"].map(Into::into).into_iter().collect(),
            credit: Some(u32::MAX),
            open: true,
        };
        let mut bytes = Vec::new();
        meta.write(&mut bytes);
        assert!(bytes.len() <= meta.size(), "{} bytes", bytes.len());
        assert_eq!(Meta::read(&bytes).as_deref(), Some(&meta));
        let brief = Meta { deadline: Some(Duration::from_micros(1)), ..Meta::default() };
        bytes.clear();
        brief.write(&mut bytes);
        assert_eq!(Meta::read(&bytes).unwrap().deadline, Some(Duration::from_millis(1)));
    }

    #[test]
    fn what_is_of_no_use_is_absent() {
        let odd = Value::Map(vec![
            ("deadline".into(), "soon".into()),
            ("traceparent".into(), 1.into()),
            ("via".into(), Value::Array(vec![1.into(), "a".into()])),
            ("credit".into(), (-1).into()),
            ("else".into(), Value::Array(vec![Value::Nil])),
        ]);
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &odd).unwrap();
        assert_eq!(Meta::read(&bytes).unwrap().via[..], [Arc::from("a")]);
        assert_eq!(Meta::read(&bytes).unwrap().deadline, None);
        assert_eq!(Meta::read(&bytes).unwrap().credit, None);
        let long = Meta {
            traceparent: Some("x".repeat(LONGEST + 1).into()),
            via: std::iter::repeat_n("y".repeat(1000).into(), 1000).collect(),
            credit: Some(1),
            ..Meta::default()
        };
        let mut bytes = Vec::new();
        long.write(&mut bytes);
        let cut = Meta::read(&bytes).unwrap();
        assert_eq!((cut.traceparent, cut.credit, cut.via.len()), (None, Some(1), 32));
        assert!(cut.via.iter().all(|id| id.len() <= LONGEST_NAME));
        assert_eq!(Meta::read(&[0x80]), None);
        assert_eq!(Meta::read(&[0x01]), None);
    }
}
