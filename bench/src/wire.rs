//! The frames of the native wire: what the load generator writes, and what it expects, byte for byte.
//!
//! Every frame of a kind has the same size, so that a stream of them can be cut without being parsed.

use anyhow::{Result, ensure};
use rmp::encode::{write_array_len, write_sint, write_str, write_u32};

/// The argument of every call and event: 16 bytes.
pub const TEXT: &str = "sixteen byte txt";

/// The first id of a call: from here on, the shortest form of an id is as long as the fixed one that requests
/// use, so a server that writes the shortest form answers in frames of one size.
pub const FIRST_ID: u32 = 1 << 16;

/// Where the id starts in a request as in a reply: after the array's marker, the kind and the id's own marker.
const ID: usize = 3;
const ID_MARKER: u8 = 0xce;

/// `[0, id, "echo", [TEXT]]`
pub fn request(id: u32) -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 4)?;
        write_sint(frame, 0)?;
        write_u32(frame, id)?;
        write_str(frame, "echo")?;
        write_array_len(frame, 1)?;
        write_str(frame, TEXT)
    })
}

/// `[2, "announce", [TEXT]]`: asks the server to send [`news`] to everybody.
pub fn announce() -> Vec<u8> {
    notification("announce")
}

/// `[2, "news", [TEXT]]`: the event that a broadcast consists of.
pub fn news() -> Vec<u8> {
    notification("news")
}

/// Whether a server of raw bytes is asked to broadcast, rather than to echo.
pub fn is_notification(frame: &[u8]) -> bool {
    frame.starts_with(&[0x93, 2])
}

fn notification(event: &str) -> Vec<u8> {
    encode(|frame| {
        write_array_len(frame, 3)?;
        write_sint(frame, 2)?;
        write_str(frame, event)?;
        write_array_len(frame, 1)?;
        write_str(frame, TEXT)
    })
}

type Encoded<T> = std::result::Result<T, rmp::encode::ValueWriteError>;

fn encode(write: impl FnOnce(&mut Vec<u8>) -> Encoded<()>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(64);
    write(&mut frame).expect("a vector takes any bytes");
    frame
}

/// Gives a request another id.
pub fn set_id(request: &mut [u8], id: u32) {
    request[ID..ID + 4].copy_from_slice(&id.to_be_bytes());
}

/// The id of a reply, which has to be an array of four that ends in [`TEXT`]. An echoed request is one.
pub fn reply_id(reply: &[u8]) -> Result<u32> {
    let answers =
        reply.starts_with(&[0x94]) && reply[ID - 1] == ID_MARKER && reply.ends_with(TEXT.as_bytes());
    ensure!(answers, "not a reply to the call: {}", reply.escape_ascii());
    Ok(u32::from_be_bytes(reply[ID..ID + 4].try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_what_the_specification_says() {
        assert_eq!(request(FIRST_ID), b"\x94\0\xce\0\x01\0\0\xa4echo\x91\xb0sixteen byte txt");
        assert_eq!(news(), b"\x93\x02\xa4news\x91\xb0sixteen byte txt");
        assert!(is_notification(&announce()));
        assert!(!is_notification(&request(FIRST_ID)));
    }

    #[test]
    fn an_id_survives() {
        let mut frame = request(0);
        set_id(&mut frame, u32::MAX);
        assert_eq!(reply_id(&frame).unwrap(), u32::MAX);
        assert!(reply_id(&news()).is_err());
    }
}
