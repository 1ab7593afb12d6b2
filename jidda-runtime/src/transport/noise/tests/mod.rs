mod handshake;
mod records;
mod stream;

use super::record::Rekey;

/// Keys that change all the time, so that every test crosses the border often.
const OFTEN: Rekey = Rekey { records: 3, bytes: 1000 };
