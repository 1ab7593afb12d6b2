//! Packets of Socket.IO as the text on either side of an id.

use super::size::Size;

/// Ids have as many digits as each other.
pub const DIGITS: usize = 7;

/// What answers a call.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// This packet.
    Packet(Packet),
    /// What was sent, from a server that knows nothing of it. It is looked at up to its id, and starts like this.
    Sent(&'static str),
}

/// A packet with an id in it.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// What is in front of the id.
    pub before: &'static str,
    /// What is between the id and the text.
    pub between: &'static str,
    /// The text, if there is one behind the id.
    pub text: Option<Size>,
    /// What is behind the text.
    pub after: &'static str,
}

impl Packet {
    /// Its id, if `text` is this packet.
    #[inline]
    pub fn id(self, text: &[u8]) -> Option<u32> {
        let (id, rest) = text.strip_prefix(self.before.as_bytes())?.split_at_checked(DIGITS)?;
        let argument = self.text.map_or("", Size::text).as_bytes();
        let rest = rest.strip_prefix(self.between.as_bytes())?.strip_prefix(argument)?;
        if rest == self.after.as_bytes() { number(id) } else { None }
    }
}

/// The id behind `before`, if `text` starts like this.
pub fn id_behind(before: &str, text: &[u8]) -> Option<u32> {
    number(text.strip_prefix(before.as_bytes())?.get(..DIGITS)?)
}

fn number(digits: &[u8]) -> Option<u32> {
    let is_number = digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_in_its_packet_only() {
        let packet = Packet { before: "43", between: r#"[""#, text: Some(Size::Small), after: r#""]"# };
        assert_eq!(packet.id(br#"431234567["sixteen byte txt"]"#), Some(1_234_567));
        assert_eq!(packet.id(br#"431234567["another text"]"#), None);
        assert_eq!(packet.id(br#"43["sixteen byte txt"]"#), None);
        assert_eq!(id_behind("42", br#"421234567["echo"]"#), Some(1_234_567));
        assert_eq!(id_behind("42", br#"42["note","sixteen"]"#), None);
    }
}
