//! Addresses: what is read can be printed and read again.
#![no_main]

use jidda_runtime::transport::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match text.parse::<Address>() {
    Ok(address) => assert_eq!(address.to_string().parse(), Ok(address)),
    Err(error) => {
        let sentence = error.to_string();
        assert!(!sentence.is_empty() && !sentence.contains(char::is_control), "{sentence:?}");
    }
});
