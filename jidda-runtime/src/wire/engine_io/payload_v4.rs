//! The payloads of version 4: packets with `\x1e` between them, bytes in base64 behind a `b`.
