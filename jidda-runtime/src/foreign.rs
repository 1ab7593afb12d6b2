//! Text of foreign origin: names, reasons and errors of peers. How much of it is passed on, and how it is shown.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// The longest text that is sent to a peer, as JSON writes it.
pub(crate) const TEXT: usize = 1024;
/// The largest part of a foreign name that is repeated in an error.
const NAME: usize = 256;
/// The most of one text in a line of a log.
const SHOWN: usize = 1024;
/// The most of a text of the program's own.
const WHOLE: usize = 64 * 1024;

/// As much of a text as takes so many bytes when it is written as JSON, which a control character makes six of.
pub(crate) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    const END: &str = "…";
    if text.len() * 6 <= limit {
        return text.into();
    }
    let (mut size, mut kept) = (0, 0);
    for (index, character) in text.char_indices() {
        if size + END.len() <= limit {
            kept = index;
        }
        size += match character {
            '"' | '\\' => 2,
            character if character.is_ascii_control() => 6,
            character => character.len_utf8(),
        };
        if size > limit {
            return format!("{}{END}", &text[..kept]).into();
        }
    }
    text.into()
}

/// A name, as it is sent back to its sender in a sentence, or as that of an event.
pub(crate) fn short_name(name: &str) -> Cow<'_, str> {
    cut(name, NAME)
}

/// The name of a namespace, as it is sent back to its sender: whole, where it is one that a peer may join.
pub(crate) fn namespace_name(name: &str) -> Cow<'_, str> {
    if name.len() <= TEXT { name.into() } else { cut(name, NAME) }
}

/// Shows what may hold text of foreign origin in one line: what ends lines, moves a terminal's cursor, changes the
/// direction of writing or is not seen at all is escaped, and what is long is cut.
///
/// Every text of a peer that goes to a log or into the text of an error goes through it.
pub(crate) fn printable<T: fmt::Display>(text: T) -> Printable<T> {
    Printable { text, most: SHOWN }
}

/// The same for a text that the program chose, of which little is cut.
pub(crate) fn in_one_line<T: fmt::Display>(text: T) -> Printable<T> {
    Printable { text, most: WHOLE }
}

/// The same as a text, which subscribers put in quotes.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.len() < SHOWN && !text.chars().any(is_hidden) {
        text.into()
    } else {
        printable(text).to_string().into()
    }
}

/// What is [printed in one line](printable).
pub(crate) struct Printable<T> {
    text: T,
    most: usize,
}

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line { out: f, left: self.most };
        let result = write!(line, "{}", self.text);
        // Ended by this side, not by the formatter.
        if line.left == 0 { f.write_char('…') } else { result }
    }
}

/// The same as [`Display`](fmt::Display).
impl<T: fmt::Display> fmt::Debug for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Line<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    left: usize,
}

impl Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            self.left = self.left.saturating_sub(character.len_utf8());
            if self.left == 0 {
                return Err(fmt::Error);
            }
            if is_hidden(character) {
                write!(self.out, "{}", character.escape_default())?;
            } else {
                self.out.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Whether a character does something else than to be seen where it stands.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Soft hyphens, marks of direction, joiners and other spaces without a width.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            // Separators of lines and paragraphs, embeddings, overrides and isolates.
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Annotations, and letters that only programs see.
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_hidden_is_shown() {
        let text = "a\nb\r\u{1b}[0m\u{202e}\u{2028}\u{200f}\u{85}\u{feff} c é 語";
        let shown = "a\\nb\\r\\u{1b}[0m\\u{202e}\\u{2028}\\u{200f}\\u{85}\\u{feff} c é 語";
        assert_eq!(printable(text).to_string(), shown);
        assert_eq!(format!("{:?}", printable(text)), shown);
        assert_eq!(super::shown(text), shown);
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = "x".repeat(10_000);
        assert_eq!(printable(&long).to_string().chars().count(), SHOWN);
        assert_eq!(cut(&long, 100), format!("{}…", &long[..97]));
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("\0\0", 11), "\0…");
        assert_eq!(cut("", 0), "");
        assert_eq!(namespace_name(&long[..TEXT]).len(), TEXT);
        assert!(namespace_name(&long).len() <= NAME && short_name(&long[..TEXT]).len() <= NAME);
    }

    proptest! {
        #[test]
        fn a_cut_text_fits_as_json(text in ".{0,80}|[\\x00-\\x1f\"\\\\]{0,80}|\\PC{0,80}", limit in 3_usize..200) {
            let kept = cut(&text, limit);
            prop_assert!(serde_json::to_string(&kept).unwrap().len() - 2 <= limit);
            let fits = serde_json::to_string(&text).unwrap().len() - 2 <= limit;
            let is_whole = kept == text;
            // Some control characters have a short form, which is not counted on.
            prop_assert!(!is_whole || fits);
            prop_assert!(text.starts_with(kept.strip_suffix('…').unwrap_or(&kept)) || is_whole);
        }

        #[test]
        fn a_shown_text_is_one_line(text in any::<String>()) {
            prop_assert!(!printable(&text).to_string().chars().any(is_hidden));
            prop_assert_eq!(shown(&text), printable(&text).to_string());
        }
    }
}
