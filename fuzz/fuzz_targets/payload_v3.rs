//! The payloads of version 3: what is read in one form can be written in both and read again.
#![no_main]

use jidda_runtime::wire::engine_io::PayloadPacket;
use jidda_runtime::wire::engine_io::payload_v3::{Form, packets, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for is_binary in [false, true] {
        let read: Vec<_> = packets(body, is_binary).collect();
        assert!(read.len() <= body.len() / 2 + 1);
        assert!(read.iter().rev().skip(1).all(Result::is_ok));
        let good: Vec<PayloadPacket<'_>> = read.into_iter().map_while(Result::ok).collect();
        for form in [Form::Text, Form::Binary] {
            let mut out = Vec::new();
            write(&mut out, form, good.iter().cloned());
            assert!(packets(&out, form == Form::Binary).map(Result::unwrap).eq(good.iter().cloned()));
        }
    }
});
