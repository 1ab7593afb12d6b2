//! The heads of WebSocket frames: they are the same however much follows, and what is written is read again.
#![no_main]

use jidda_runtime::wire::websocket::{CONTROL, frame, head, mask, opcode};
use libfuzzer_sys::fuzz_target;

/// The longest head.
const LONGEST: usize = 14;

fn check_head(bytes: &[u8]) {
    let whole = head(bytes);
    for end in 0..bytes.len().min(LONGEST + 1) {
        let part = head(&bytes[..end]);
        match whole {
            Ok(Some(read)) if end >= read.size => assert_eq!(part, whole),
            // A head that is not there whole says nothing yet, or what is wrong with it.
            Ok(_) => assert_eq!(part, Ok(None)),
            Err(_) => assert!(part == Ok(None) || part == whole),
        }
    }
    let Ok(Some(read)) = whole else { return };
    assert!((2..=LONGEST).contains(&read.size) && read.size <= bytes.len());
    assert_eq!(read.is_final, bytes[0] & 0x80 != 0);
    assert_eq!(read.mask.is_some(), bytes[1] & 0x80 != 0);
    assert!(read.size.checked_add(read.length).is_some());
    match read.opcode {
        opcode::CONTINUATION..=opcode::BINARY => {}
        opcode::CLOSE..=opcode::PONG => assert!(read.is_final && read.length <= CONTROL),
        other => panic!("{other}"),
    }
}

fuzz_target!(|input: (&[u8], [u8; 4], u16)| {
    let (bytes, key, repeated) = input;
    check_head(bytes);

    let mut masked = bytes.to_vec();
    mask(&mut masked, key);
    let expected = bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    assert!(masked.iter().copied().eq(expected));
    // In pieces, too, as long as the key is turned with them.
    let at = usize::from(repeated) % (bytes.len() + 1);
    let (first, second) = masked.split_at_mut(at);
    mask(first, key);
    let mut turned = key;
    turned.rotate_left(at % 4);
    mask(second, turned);
    assert_eq!(masked, bytes);

    // Behind something else, of any size.
    let payload = bytes.repeat(1 + usize::from(repeated) % 700);
    let mut out = bytes.to_vec();
    frame(&mut out, opcode::BINARY, |out| out.extend_from_slice(&payload));
    let out = &out[bytes.len()..];
    let read = head(out).unwrap().unwrap();
    assert_eq!(
        (read.opcode, read.is_final, read.mask, read.length),
        (opcode::BINARY, true, None, payload.len())
    );
    assert_eq!(out[read.size..], payload);
    // No form is longer than it has to be.
    let size = match payload.len() {
        0..126 => 2,
        126..=65_535 => 4,
        _ => 10,
    };
    assert_eq!(read.size, size);
});
