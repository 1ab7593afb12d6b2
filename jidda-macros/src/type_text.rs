//! Types as listings print them.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// A type as people write it: `Option<String>`, where tokens alone would print `Option < String >`.
pub(crate) fn type_text(ty: &impl ToTokens) -> String {
    let mut text = String::new();
    write_tokens(ty.to_token_stream(), &mut text);
    text
}

fn write_tokens(tokens: TokenStream, text: &mut String) {
    let is_word = |last: char| last.is_alphanumeric() || last == '_';
    let mut joint = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write_tokens(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => {
                let arrow = punct.as_char() == '>' && joint;
                match punct.as_char() {
                    character @ (',' | ';') => text.extend([character, ' ']),
                    '-' | '+' | '=' if !text.ends_with(' ') => text.extend([' ', punct.as_char()]),
                    character => text.push(character),
                }
                joint = punct.as_char() == '-' && punct.spacing() == Spacing::Joint;
                if arrow || matches!(punct.as_char(), '+' | '=') {
                    text.push(' ');
                }
                continue;
            }
            word => {
                if text.ends_with(is_word) {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
        joint = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn types_are_printed_as_people_write_them() {
        let text = |tokens: TokenStream| type_text(&tokens);
        assert_eq!(text(quote!(Option<String>)), "Option<String>");
        assert_eq!(text(quote!(HashMap<String, Vec<[u8; 4]>>)), "HashMap<String, Vec<[u8; 4]>>");
        assert_eq!(text(quote!(&'static str)), "&'static str");
        assert_eq!(text(quote!(Box<dyn Fn(u8) -> u8 + Send>)), "Box<dyn Fn(u8) -> u8 + Send>");
        assert_eq!(text(quote!(a::b::C)), "a::b::C");
        assert_eq!(text(quote!((u8, r#type::X))), "(u8, r#type::X)");
        assert_eq!(text(quote!(Iter<Item = u8>)), "Iter<Item = u8>");
    }
}
