//! Reading of failures: whatever a peer sends as an error becomes one, and survives being sent on.
#![no_main]

use jidda_runtime::wire::{Decoder, Limits, Packet, Protocol, Wire};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let wire = Wire::MessagePackRpc;
    let failure = wire.read_failure(bytes);
    let mut out = Vec::new();
    let told = failure.told(usize::MAX);
    wire.failure(&mut out, "/", 7, &told);
    let limits = Limits::new(usize::MAX, usize::MAX);
    let mut decoder = Decoder::default();
    let written = out.len();
    let (packet, length) = wire.decode(&mut decoder, &mut out, limits).expect("ours").expect("whole");
    assert_eq!(length, written);
    let Packet::Reply { id: 7, outcome: Err(error) } = packet else { panic!("{packet:?}") };
    let again = wire.read_failure(error);
    // Texts are cut once, and the same from then on.
    assert_eq!(format!("{:?}", again.told(usize::MAX)), format!("{told:?}"));
});
