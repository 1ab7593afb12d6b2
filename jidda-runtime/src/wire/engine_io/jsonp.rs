//! JSONP (Engine.IO 3, "Transports"): payloads as calls of a script's function, and in the fields of forms.

use std::io;

use serde::Serialize as _;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::PayloadError;

/// Two ends of lines that JSON has in its strings and `JavaScript` long had not.
const LINE_ENDS: [char; 2] = ['\u{2028}', '\u{2029}'];

/// Writes a payload as the call of the function that waits for it. Of `index`, the client's number of that
/// function, only digits are taken: it is program text.
pub fn response(out: &mut Vec<u8>, index: &str, payload: &str) {
    out.extend_from_slice(b"___eio[");
    out.extend(index.bytes().filter(u8::is_ascii_digit));
    out.extend_from_slice(b"](");
    quote(out, payload);
    out.extend_from_slice(b");");
}

fn quote(out: &mut Vec<u8>, text: &str) {
    let mut serializer = Serializer::with_formatter(out, JavaScript);
    text.serialize(&mut serializer).expect("a string in memory is serializable");
}

/// JSON that is `JavaScript` too.
struct JavaScript;

impl Formatter for JavaScript {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        mut text: &str,
    ) -> io::Result<()> {
        while let Some(at) = text.find(LINE_ENDS) {
            let (before, from) = text.split_at(at);
            writer.write_all(before.as_bytes())?;
            let (escape, after) = match from.strip_prefix(LINE_ENDS[0]) {
                Some(after) => (br"\u2028", after),
                None => (br"\u2029", &from[LINE_ENDS[1].len_utf8()..]),
            };
            writer.write_all(escape)?;
            text = after;
        }
        writer.write_all(text.as_bytes())
    }
}

/// The payload that a form has in its field `d`.
///
/// # Errors
///
/// When the form has no such field, or several.
pub fn request(body: &[u8]) -> Result<String, PayloadError> {
    let mut fields = form_urlencoded::parse(body).filter(|(name, _)| name == "d");
    match (fields.next(), fields.next()) {
        (Some((_, text)), None) => Ok(unescape(&text)),
        _ => Err(PayloadError("a form has one field d")),
    }
}

/// Browsers turn `\n` into `\r\n` in the fields of forms, so clients write a newline as `\n` in two characters,
/// and what was written like that already as `\\n`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split('n');
    let mut before = parts.next().unwrap_or_default();
    for after in parts {
        match before.strip_suffix('\\') {
            None => out.extend([before, "n"]),
            Some(escaped) if escaped.ends_with('\\') => out.extend([escaped, "n"]),
            Some(plain) => out.extend([plain, "\n"]),
        }
        before = after;
    }
    out + before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(index: &str, payload: &str) -> String {
        let mut out = Vec::new();
        response(&mut out, index, payload);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_response_is_a_call() {
        assert_eq!(written("0", "0:"), r#"___eio[0]("0:");"#);
        assert_eq!(written("12", "6:4hello"), r#"___eio[12]("6:4hello");"#);
        assert_eq!(
            written("1", "4\"\\\n\r\t\u{8}\u{c}\u{1}</script>é\u{2028}\u{2029}\u{7f}"),
            "___eio[1](\"4\\\"\\\\\\n\\r\\t\\b\\f\\u0001</script>é\\u2028\\u2029\u{7f}\");"
        );
    }

    #[test]
    fn an_index_is_a_number() {
        assert_eq!(written("0](alert(1))//", "0:"), r#"___eio[01]("0:");"#);
        assert_eq!(written("", "0:"), r#"___eio[]("0:");"#);
    }

    #[test]
    fn a_request_is_a_form() {
        assert_eq!(request(b"d=6%3A4hello").unwrap(), "6:4hello");
        assert_eq!(request(b"x=1&d=8:4a+b%20%E2%82%AC&&y").unwrap(), "8:4a b €");
        assert_eq!(request(b"d=").unwrap(), "");
        for body in [&b""[..], b"6:4hello", b"D=1", b"d=1&d=2", b"&&&&"] {
            assert!(request(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn newlines_are_restored() {
        assert_eq!(unescape(r"a\nb"), "a\nb");
        assert_eq!(unescape(r"a\\nb"), r"a\nb");
        assert_eq!(unescape(r"a\\\nb"), r"a\\nb");
        assert_eq!(unescape(r"n\n\n\\n\"), "n\n\n\\n\\");
        assert_eq!(unescape(r"\t\\ nothing"), r"\t\\ nothing");
    }
}
