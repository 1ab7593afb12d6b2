//! Skips a message that is too large or too deep to be read, where it concerns only one caller.
//!
//! A connection that many share, such as a gateway's, must not end for what one of them is answered.

use super::super::message_pack::{Cursor, Head, ScanError};
use super::super::{Limits, Packet, WireError};

/// How many times the largest message is passed over at most. What claims more is not meant to end.
const MOST: u64 = 64;

/// Where the end of the message is, as far as that is known. It holds none of its bytes.
#[derive(Debug)]
pub(in crate::wire) struct Skip {
    id: u32,
    is_item: bool,
    error: WireError,
    /// How many values remain, of all levels together.
    values: u64,
    /// How many bytes of the current one.
    content: u64,
    /// How many bytes may still be passed over.
    left: u64,
}

impl Skip {
    /// Is ready to pass over a message that cannot be read for this reason, if it is a reply or an item of one.
    pub(in crate::wire) fn begin(bytes: &[u8], error: &WireError, limits: Limits) -> Option<Self> {
        let (id, is_item) = subject(bytes)?;
        let left = MOST.saturating_mul(limits.size as u64);
        Some(Self { id, is_item, error: error.clone(), values: 1, content: 0, left })
    }

    /// The number of our request that the message is about.
    pub(in crate::wire) fn id(&self) -> u32 {
        self.id
    }

    /// Passes over the bytes there are: how many they were, and whether the message ends there. The last few may have to
    /// be passed again with more behind them.
    ///
    /// # Errors
    ///
    /// When the message does not end in any sensible place.
    pub(in crate::wire) fn advance(&mut self, bytes: &[u8]) -> Result<(usize, bool), WireError> {
        let mut position = 0;
        loop {
            let rest = (bytes.len() - position) as u64;
            let passed = self.content.min(rest);
            self.content -= passed;
            position += usize::try_from(passed).unwrap_or(usize::MAX);
            if self.content > 0 || self.values == 0 {
                break;
            }
            let head = match Head::read(&bytes[position..]) {
                Ok(Some(head)) if head.size <= bytes.len() - position => head,
                Ok(_) => break,
                Err(ScanError::Malformed) => return Err(WireError::Malformed("0xc1 is not MessagePack")),
                Err(ScanError::TooLarge | ScanError::TooDeep) => return Err(self.error.clone()),
            };
            position += head.size;
            self.values += u64::from(head.values);
            self.values -= 1;
            self.content = head.content.into();
            if self.values.saturating_add(self.content) > self.left {
                return Err(self.error.clone());
            }
        }
        self.left = self.left.checked_sub(position as u64).ok_or_else(|| self.error.clone())?;
        Ok((position, self.content == 0 && self.values == 0))
    }

    /// What is said of it once it was passed over.
    pub(in crate::wire) fn into_packet(self) -> Packet<'static> {
        Packet::Unread { id: self.id, is_item: self.is_item, error: self.error }
    }
}

/// The number of our request that a message is about, and whether it is an item of its reply.
fn subject(bytes: &[u8]) -> Option<(u32, bool)> {
    let mut cursor = Cursor(bytes.get(1..)?);
    match (bytes[0], cursor.unsigned()?) {
        (0x94, 1) => Some((cursor.unsigned()?.try_into().ok()?, false)),
        (0x93, 2) if cursor.text()? == "$/item" => {
            (cursor.list()? == 2).then_some(())?;
            Some((cursor.unsigned()?.try_into().ok()?, true))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Decoder, Protocol, Wire};
    use super::*;

    const LIMITS: Limits = Limits::new(1000, 4);

    fn reply(value: &[u8]) -> Vec<u8> {
        [&[0x94, 1, 7, 0xc0][..], value].concat()
    }

    fn item(value: &[u8]) -> Vec<u8> {
        [b"\x93\x02\xa6$/item\x92\x07", value].concat()
    }

    /// What is read from bytes in pieces of this size, and how much was kept at most.
    fn read(bytes: &[u8], piece: usize) -> Result<(Vec<String>, usize), WireError> {
        let (mut decoder, mut kept, mut most) = (Decoder::default(), Vec::new(), 0);
        let mut packets = Vec::new();
        for part in bytes.chunks(piece) {
            kept.extend_from_slice(part);
            loop {
                let (packet, length) = match Wire::MessagePackRpc.decode(&mut decoder, &mut kept, LIMITS) {
                    Ok(Some(read)) => read,
                    Ok(None) => break,
                    Err(_) if decoder.passes_over() == Some(7) => continue,
                    Err(error) => return Err(error),
                };
                if packet != Packet::Alive {
                    packets.push(format!("{packet:?}"));
                }
                kept.drain(..length);
            }
            most = most.max(kept.len());
        }
        Ok((packets, most))
    }

    #[test]
    fn a_reply_that_cannot_be_read_is_passed_over() {
        let large = [&[0xc6, 0, 0, 0x40, 0][..], &vec![0xc1; 0x4000]].concat();
        let many = [&[0xdd, 0, 0, 0x40, 0][..], &vec![0xc0; 0x4000]].concat();
        let deep = [vec![0x91; 100], vec![0x80]].concat();
        for (name, value) in [("large", large), ("many", many), ("deep", deep)] {
            for (message, is_item) in [(reply(&value), false), (item(&value), true)] {
                let ping = [0x94, 0, 9, 0xa6, b'$', b'/', b'p', b'i', b'n', b'g', 0x90];
                let bytes = [&ping[..], &message, &ping].concat();
                for piece in [1, 7, 1000, bytes.len()] {
                    let (packets, most) = read(&bytes, piece).unwrap();
                    let [first, unread, last] = &packets[..] else { panic!("{name}: {packets:?}") };
                    assert!(first == last && first.starts_with("Ping"), "{name}: {packets:?}");
                    assert!(unread.starts_with(&format!("Unread {{ id: 7, is_item: {is_item}")), "{unread}");
                    assert!(most <= 1001, "{name}: {most} bytes were kept");
                }
            }
        }
    }

    #[test]
    fn what_is_no_reply_or_never_ends_is_an_error() {
        let large = [&[0xc6, 0, 0, 0x40, 0][..], &vec![1; 0x4000]].concat();
        let request = [b"\x94\x00\x07\xa1x\x91", &large[..]].concat();
        assert!(matches!(read(&request, 100), Err(WireError::TooLarge { id: Some(7), .. })));
        for endless in [&[0xc6, 0xff, 0xff, 0xff, 0xff][..], &[0xdd, 0xff, 0xff, 0xff, 0xff]] {
            assert!(matches!(read(&reply(endless), 100), Err(WireError::TooLarge { .. })));
        }
        // Each level claims little, all of them together too much.
        let nested = reply(&[0xdc, 0x3f, 0xff].repeat(1000));
        assert!(matches!(read(&nested, 100), Err(WireError::TooLarge { .. })));
        assert!(matches!(
            read(&reply(&[&vec![0x91; 9][..], &[0xc1]].concat()), 1),
            Err(WireError::Malformed(_))
        ));
    }
}
