//! Peers that use another protocol at an encrypted port.

/// A refusal in the peer's protocol, as far as its first byte identifies that; empty if it does not.
pub(super) fn answer(first: u8) -> &'static [u8] {
    match first {
        // A method of HTTP.
        b'A'..=b'Z' => {
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: 23\r\nconnection: close\r\n\r\n\
              this port speaks noise\n"
        }
        // An array: a message of the native wire. This is one, too: `[2, "$/close", ["this port speaks noise"]]`.
        0x90..=0x9f | 0xdc | 0xdd => b"\x93\x02\xa7$/close\x91\xb6this port speaks noise",
        // The hello of TLS: a fatal alert, the handshake failed.
        0x16 => b"\x15\x03\x03\x00\x02\x02\x28",
        _ => b"",
    }
}

/// The protocol's name, for the log.
pub(super) fn name(first: u8) -> &'static str {
    match first {
        b'A'..=b'Z' => "HTTP",
        0x90..=0x9f | 0xdc | 0xdd => "MessagePack-RPC in clear text",
        0x16 => "TLS",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_one_of_its_protocol() {
        let http = std::str::from_utf8(answer(b'G')).unwrap();
        let (head, body) = http.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{http}");
        let mut native = answer(0x94);
        let value = rmpv::decode::read_value(&mut native).unwrap();
        assert_eq!(value.to_string(), r#"[2, "$/close", ["this port speaks noise"]]"#);
        assert!(native.is_empty());
        let tls = answer(0x16);
        assert_eq!(usize::from(tls[4]), tls.len() - 5);
        assert!(answer(0).is_empty());
    }
}
