//! JSONP: a response is one call whose argument is the payload, and a form gives no more than it has.
#![no_main]

use jidda_runtime::wire::engine_io::jsonp::{request, response};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &[u8])| {
    let (index, payload, form) = input;
    let mut out = Vec::new();
    response(&mut out, index, payload);
    let call = std::str::from_utf8(&out).unwrap();
    assert!(!call.contains(['\u{2028}', '\u{2029}', '\n', '\r']));
    let (digits, call) = call.strip_prefix("___eio[").unwrap().split_once("](").unwrap();
    assert!(digits.bytes().all(|digit| digit.is_ascii_digit()));
    let argument = call.strip_suffix(");").unwrap();
    assert_eq!(serde_json::from_str::<String>(argument).unwrap(), payload);

    if let Ok(payload) = request(form) {
        // A byte that is no UTF-8 becomes a character of three.
        assert!(payload.len() <= 3 * form.len());
    }
    // As clients write it; a backslash before a newline they cannot.
    if !payload.contains("\\\n") {
        let escaped = payload.replace("\\n", "\\\n").replace('\n', "\\n");
        let percent: String = escaped.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(request(format!("d={percent}").as_bytes()).unwrap(), payload);
    }
});
