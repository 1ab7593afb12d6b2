//! What goes with an event beside its arguments: how long it may take, whose trace it is part of, who asks.

use std::time::Duration;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::payload::Value;

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
    /// `identity`: for whom the sender asks, if not for itself.
    pub identity: Option<Value>,
    /// `via`: the servers that passed it on, the first one first.
    pub via: Vec<Box<str>>,
    /// `credit`: the sender takes a streaming reply, and so many items of it for a beginning.
    pub credit: Option<u32>,
}

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
        ];
        is_there.into_iter().filter(|is_there| *is_there).count()
    }

    /// Reads an encoded map. Anything else says nothing.
    pub(super) fn read(bytes: &[u8]) -> Option<Box<Self>> {
        let meta: Self = rmp_serde::from_slice(bytes).ok()?;
        (!meta.is_empty()).then(|| Box::new(meta))
    }

    /// Writes the map.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut serializer = rmp_serde::Serializer::new(out);
        self.serialize(&mut serializer).expect("writing to memory does not fail");
    }

    /// How many bytes it has at most.
    pub(super) fn size(&self) -> usize {
        /// A value's head.
        const HEAD: usize = 5;
        let key = |name: &str| 1 + name.len();
        let text =
            |name, text: &Option<Box<str>>| text.as_ref().map_or(0, |text| key(name) + HEAD + text.len());
        let deadline = self.deadline.map_or(0, |_| key("deadline") + 9);
        let identity = self.identity.as_ref().map_or(0, |identity| {
            let mut bytes = Vec::new();
            rmpv::encode::write_value(&mut bytes, identity).map_or(0, |()| key("identity") + bytes.len())
        });
        let ids: usize = self.via.iter().map(|id| HEAD + id.len()).sum();
        let via = if self.via.is_empty() { 0 } else { key("via") + HEAD + ids };
        let credit = self.credit.map_or(0, |_| key("credit") + HEAD);
        1 + deadline
            + text("traceparent", &self.traceparent)
            + text("tracestate", &self.tracestate)
            + identity
            + via
            + credit
    }
}

impl Serialize for Meta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries()))?;
        if let Some(deadline) = self.deadline {
            let milliseconds = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
            map.serialize_entry("deadline", &milliseconds)?;
        }
        if let Some(traceparent) = &self.traceparent {
            map.serialize_entry("traceparent", traceparent)?;
        }
        if let Some(tracestate) = &self.tracestate {
            map.serialize_entry("tracestate", tracestate)?;
        }
        if let Some(identity) = &self.identity {
            map.serialize_entry("identity", identity)?;
        }
        if !self.via.is_empty() {
            map.serialize_entry("via", &self.via)?;
        }
        if let Some(credit) = self.credit {
            map.serialize_entry("credit", &credit)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MetaVisitor;

        impl<'de> Visitor<'de> for MetaVisitor {
            type Value = Meta;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Meta, A::Error> {
                let mut meta = Meta::default();
                while let Some(key) = map.next_key::<&str>()? {
                    match key {
                        "deadline" => {
                            let milliseconds = map.next_value::<Value>()?.as_f64();
                            meta.deadline = milliseconds
                                .and_then(|number| Duration::try_from_secs_f64(number / 1000.0).ok());
                        }
                        "traceparent" => meta.traceparent = text(&map.next_value()?),
                        "tracestate" => meta.tracestate = text(&map.next_value()?),
                        "identity" => {
                            meta.identity = Some(map.next_value()?).filter(|value: &Value| !value.is_nil());
                        }
                        "via" => {
                            let list = map.next_value::<Value>()?;
                            let ids = list.as_array().map_or(&[][..], Vec::as_slice);
                            meta.via = ids.iter().filter_map(text).collect();
                        }
                        "credit" => {
                            let credit = map.next_value::<Value>()?.as_u64();
                            meta.credit = credit.map(|credit| credit.try_into().unwrap_or(u32::MAX));
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(meta)
            }
        }

        deserializer.deserialize_map(MetaVisitor)
    }
}

fn text(value: &Value) -> Option<Box<str>> {
    value.as_str().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_being_written() {
        let meta = Meta {
            deadline: Some(Duration::from_millis(1500)),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
            tracestate: Some("a=b".into()),
            identity: Some(Value::from("alice")),
            via: vec!["one".into(), "two".into()],
            credit: Some(u32::MAX),
        };
        let mut bytes = Vec::new();
        meta.write(&mut bytes);
        assert!(bytes.len() <= meta.size(), "{} bytes", bytes.len());
        assert_eq!(Meta::read(&bytes).as_deref(), Some(&meta));
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
        assert_eq!(Meta::read(&bytes).unwrap().via, [Box::from("a")]);
        assert_eq!(Meta::read(&bytes).unwrap().deadline, None);
        assert_eq!(Meta::read(&bytes).unwrap().credit, None);
        assert_eq!(Meta::read(&[0x80]), None);
        assert_eq!(Meta::read(&[0x01]), None);
    }
}
