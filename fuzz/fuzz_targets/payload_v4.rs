//! The payloads of version 4: what is read can be written and read again.
#![no_main]

use jidda_runtime::wire::engine_io::PayloadPacket;
use jidda_runtime::wire::engine_io::payload_v4::{packets, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let read: Vec<_> = packets(body).collect();
    assert!(!read.is_empty() && read.len() <= body.len() / 2 + 1);
    assert!(read[..read.len() - 1].iter().all(Result::is_ok));
    let good: Vec<PayloadPacket<'_>> = read.into_iter().map_while(Result::ok).collect();
    if !good.is_empty() {
        let mut out = Vec::new();
        write(&mut out, good.iter().cloned());
        assert!(packets(&out).map(Result::unwrap).eq(good));
    }
});
