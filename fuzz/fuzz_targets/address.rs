//! Addresses: what is read can be printed and read again.
#![no_main]

use jidda_runtime::transport::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match text.parse::<Address>() {
    Ok(address) => assert_eq!(address.to_string().parse(), Ok(address)),
    // A password that may be in it is not shown.
    Err(error) => assert!(text.contains('@') || error.to_string().contains(text), "{error}"),
});
