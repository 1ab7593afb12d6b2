//! What is written, as bytes, and what has to come back. A batch is always the same, its ids too: when it is sent
//! again, they are free.

/// The argument of all: 16 bytes.
const TEXT: &str = "sixteen byte txt";

/// The masking key of WebSocket. What it is does not matter to the work of unmasking.
const KEY: [u8; 4] = [0x9c, 0x35, 0xe2, 0x7b];

/// A wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// MessagePack-RPC.
    Native,
    /// Socket.IO over WebSocket.
    SocketIo,
}

/// The request for a WebSocket.
pub const UPGRADE: &[u8] = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n\
    Host: localhost\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

impl Wire {
    /// A call of `echo`.
    pub fn call(self, id: u8) -> Vec<u8> {
        match self {
            // `[0, id, "echo", [TEXT]]`
            Self::Native => [&[0x94, 0, 0xce, 0, 1, 0, id], &string("echo")[..], &arguments()].concat(),
            Self::SocketIo => from_client(&format!("42{}[\"echo\",\"{TEXT}\"]", 1_000 + u32::from(id))),
        }
    }

    /// What answers it.
    pub fn reply(self, id: u8) -> Vec<u8> {
        match self {
            // `[1, id, nil, TEXT]`
            Self::Native => [&[0x94, 1, 0xce, 0, 1, 0, id, 0xc0], &string(TEXT)[..]].concat(),
            Self::SocketIo => from_server(&format!("43{}[\"{TEXT}\"]", 1_000 + u32::from(id))),
        }
    }

    /// An event from a client.
    pub fn event(self, name: &str) -> Vec<u8> {
        match self {
            // `[2, name, [TEXT]]`
            Self::Native => [&[0x93, 2], &string(name)[..], &arguments()].concat(),
            Self::SocketIo => from_client(&format!("42[\"{name}\",\"{TEXT}\"]")),
        }
    }

    /// The same event from the server.
    pub fn event_from_server(self, name: &str) -> Vec<u8> {
        match self {
            Self::Native => self.event(name),
            Self::SocketIo => from_server(&format!("42[\"{name}\",\"{TEXT}\"]")),
        }
    }
}

/// The argument, alone in an array of MessagePack.
fn arguments() -> Vec<u8> {
    [&[0x91], &string(TEXT)[..]].concat()
}

/// A short string of MessagePack.
fn string(text: &str) -> Vec<u8> {
    assert!(text.len() < 32, "longer ones have another marker");
    [&[0xa0 | length(text)], text.as_bytes()].concat()
}

/// A client's text frame.
pub fn from_client(text: &str) -> Vec<u8> {
    let masked = text.bytes().zip(KEY.into_iter().cycle()).map(|(byte, key)| byte ^ key);
    [0x81, 0x80 | length(text)].into_iter().chain(KEY).chain(masked).collect()
}

fn from_server(text: &str) -> Vec<u8> {
    [&[0x81, length(text)], text.as_bytes()].concat()
}

/// The length of a text in a frame, which has one byte for it.
fn length(text: &str) -> u8 {
    assert!(text.len() < 126, "longer ones have another length");
    u8::try_from(text.len()).expect("it is short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_what_the_specifications_say() {
        assert_eq!(Wire::Native.call(2), b"\x94\0\xce\0\x01\0\x02\xa4echo\x91\xb0sixteen byte txt");
        assert_eq!(Wire::Native.reply(2), b"\x94\x01\xce\0\x01\0\x02\xc0\xb0sixteen byte txt");
        assert_eq!(Wire::Native.event("note"), b"\x93\x02\xa4note\x91\xb0sixteen byte txt");
        assert_eq!(Wire::SocketIo.reply(2), b"\x81\x1a431002[\"sixteen byte txt\"]");
        assert_eq!(from_client("40"), [0x81, 0x82, 0x9c, 0x35, 0xe2, 0x7b, 0x9c ^ b'4', 0x35 ^ b'0']);
    }
}
