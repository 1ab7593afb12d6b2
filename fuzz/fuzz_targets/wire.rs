//! The wire's decoder: bytes in any pieces give the packets that they give in one.
#![no_main]

use jidda_runtime::wire::{Decoder, Limits, Protocol, Wire, WireError};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits::new(4096, 16);

fn decode(bytes: &[u8], mut piece: impl FnMut() -> usize) -> (Vec<String>, Result<usize, WireError>) {
    let mut decoder = Decoder::default();
    let (mut packets, mut start, mut end) = (Vec::new(), 0, 0);
    loop {
        match Wire::MessagePackRpc.decode(&mut decoder, &mut bytes[start..end].to_vec(), LIMITS) {
            Ok(Some((packet, length))) => {
                assert!(length > 0 && length <= LIMITS.size && start + length <= end);
                packets.push(format!("{packet:?}"));
                start += length;
            }
            Ok(None) if end == bytes.len() => return (packets, Ok(end - start)),
            Ok(None) => end = (end + piece().max(1)).min(bytes.len()),
            Err(error) => return (packets, Err(error)),
        }
    }
}

fuzz_target!(|input: (Vec<u8>, Vec<u8>)| {
    let (bytes, sizes) = input;
    let whole = decode(&bytes, || bytes.len());
    let mut sizes = sizes.into_iter().cycle();
    let pieces = decode(&bytes, || sizes.next().unwrap_or(1).into());
    assert_eq!(whole.0, pieces.0);
    match (whole.1, pieces.1) {
        (Ok(left), Ok(other)) => assert_eq!(left, other),
        // With less of the message there, less of it may be known.
        (Err(error), Err(other)) => assert_eq!(error.code(), other.code()),
        (whole, pieces) => panic!("{whole:?} in one piece, {pieces:?} in several"),
    }
});
