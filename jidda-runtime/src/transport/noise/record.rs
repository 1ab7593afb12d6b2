//! Bytes to records and back, without I/O.
//!
//! A record is the length of what follows in two bytes, and what follows: plain bytes, encrypted, with a tag of 16
//! bytes. One without plain bytes is the end of the stream, so that a stream that was cut off is not taken for one
//! that ended. The records of each direction are numbered; the number is the nonce, so one that is changed, repeated,
//! left out or out of its place cannot be opened.

use std::fmt;

use snow::StatelessTransportState;

/// The length in front of a record.
pub const HEAD: usize = 2;
/// What encryption adds.
pub const TAG: usize = 16;
/// The most plain bytes in one record.
pub const MOST: usize = 65_535 - TAG;
/// The largest record, its length included.
pub const LONGEST: usize = HEAD + MOST + TAG;
/// The number that is never used: it stands for rekeying itself.
const RESERVED: u64 = u64::MAX;

/// When a direction gets a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rekey {
    /// After so many records.
    pub records: u64,
    /// After so many plain bytes.
    pub bytes: u64,
}

impl Default for Rekey {
    /// What the protocol says: both sides have to do it at the same record.
    fn default() -> Self {
        Self { records: 1 << 20, bytes: 1 << 30 }
    }
}

/// Why a record cannot be made or read. It is the last of its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It claims to be shorter than any is.
    #[error("a record is shorter than its tag")]
    TooShort,
    /// It holds more than fits in one.
    #[error("a record holds at most {MOST} bytes")]
    TooLong,
    /// It was changed on its way, or is not the next one.
    #[error("a record is damaged, repeated or out of order")]
    Damaged,
    /// The stream ended before it.
    #[error("the stream of records has ended")]
    Ended,
    /// There are no numbers left.
    #[error("there are no more numbers for records")]
    Exhausted,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It had so many plain bytes.
    Data(usize),
    /// It was the last.
    End,
}

/// One direction.
#[derive(Debug, Default)]
struct Direction {
    number: u64,
    /// Since the last rekeying.
    records: u64,
    bytes: u64,
    /// Why there are no more records.
    over: Option<RecordError>,
}

impl Direction {
    fn check(&mut self) -> Result<(), RecordError> {
        if self.number == RESERVED {
            self.over.get_or_insert(RecordError::Exhausted);
        }
        self.over.map_or(Ok(()), Err)
    }

    /// Counts a record; `true` when the next one has another key.
    fn count(&mut self, bytes: usize, rekey: Rekey) -> bool {
        self.number += 1;
        self.records += 1;
        self.bytes += bytes as u64;
        let is_due = self.records >= rekey.records || self.bytes >= rekey.bytes;
        if is_due {
            (self.records, self.bytes) = (0, 0);
        }
        is_due
    }
}

/// How long the record is that begins so, as soon as that is known.
fn length(bytes: &[u8]) -> Result<Option<usize>, RecordError> {
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*head));
    if length < TAG { Err(RecordError::TooShort) } else { Ok(Some(HEAD + length)) }
}

/// Both directions of one stream, after its handshake.
pub struct Records {
    keys: StatelessTransportState,
    rekey: Rekey,
    sent: Direction,
    received: Direction,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("sent", &self.sent)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl Records {
    pub(super) fn new(keys: StatelessTransportState, rekey: Rekey) -> Self {
        Self { keys, rekey, sent: Direction::default(), received: Direction::default() }
    }

    /// Makes the record of `plain` at the beginning of `out`; how long it is.
    ///
    /// # Errors
    ///
    /// [`RecordError::TooLong`] when `plain` is more than [`MOST`], or does not fit into `out` with its head and tag;
    /// that costs nothing. All others end this direction.
    pub fn seal(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, RecordError> {
        self.sent.check()?;
        if plain.len() > MOST || out.len() < HEAD + plain.len() + TAG {
            return Err(RecordError::TooLong);
        }
        let (head, sealed) = out.split_at_mut(HEAD);
        let Ok(length) = self.keys.write_message(self.sent.number, plain, sealed) else {
            self.sent.over = Some(RecordError::Exhausted);
            return Err(RecordError::Exhausted);
        };
        let claimed = u16::try_from(length).map_err(|_| RecordError::TooLong)?;
        head.copy_from_slice(&claimed.to_be_bytes());
        if self.sent.count(plain.len(), self.rekey) {
            self.keys.rekey_outgoing();
        }
        Ok(HEAD + length)
    }

    /// Makes the last record at the beginning of `out`, and ends this direction.
    ///
    /// # Errors
    ///
    /// As [`seal`](Self::seal).
    pub fn seal_end(&mut self, out: &mut [u8]) -> Result<usize, RecordError> {
        let length = self.seal(&[], out)?;
        self.sent.over = Some(RecordError::Ended);
        Ok(length)
    }

    /// How long the record at the beginning of `bytes` is, its length included; `None` while it is not there whole.
    ///
    /// # Errors
    ///
    /// [`RecordError::TooShort`] ends this direction.
    pub fn whole(&mut self, bytes: &[u8]) -> Result<Option<usize>, RecordError> {
        self.received.check()?;
        let length = length(bytes).inspect_err(|error| self.received.over = Some(*error))?;
        Ok(length.filter(|length| *length <= bytes.len()))
    }

    /// Opens one whole record, its length included, into the beginning of `plain`. Room for the tag, too, makes it
    /// cheaper.
    ///
    /// # Errors
    ///
    /// All end this direction. What is in `plain` then means nothing.
    pub fn open(&mut self, record: &[u8], plain: &mut [u8]) -> Result<Opened, RecordError> {
        self.received.check()?;
        let result = self.decrypt(record, plain);
        self.received.over = match result {
            Ok(Opened::Data(_)) => None,
            Ok(Opened::End) => Some(RecordError::Ended),
            Err(error) => Some(error),
        };
        result
    }

    fn decrypt(&mut self, record: &[u8], plain: &mut [u8]) -> Result<Opened, RecordError> {
        let sealed = match length(record)? {
            Some(length) if length == record.len() => &record[HEAD..],
            _ => return Err(RecordError::Damaged),
        };
        let number = self.received.number;
        let length = self.keys.read_message(number, sealed, plain).map_err(|_| RecordError::Damaged)?;
        if self.received.count(length, self.rekey) {
            self.keys.rekey_incoming();
        }
        Ok(if length == 0 { Opened::End } else { Opened::Data(length) })
    }

    /// Opens the record that a client confirms the handshake with: it is empty, and yet not the end.
    pub(super) fn open_confirmation(&mut self, record: &[u8]) -> Result<(), RecordError> {
        match self.open(record, &mut [0; TAG])? {
            Opened::End => {
                self.received.over = None;
                Ok(())
            }
            Opened::Data(_) => Err(RecordError::Damaged),
        }
    }

    /// Continues with these numbers, without the wait for all those before them.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, sent: u64, received: u64) {
        (self.sent.number, self.received.number) = (sent, received);
    }

    /// Why nothing more can be opened; [`RecordError::Ended`] if the other side said so.
    pub fn over(&self) -> Option<RecordError> {
        self.received.over
    }
}
