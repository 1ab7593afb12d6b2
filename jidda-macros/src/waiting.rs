//! Whether a handler may have to wait: one that never does is run where it is called, without a future of its own.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use syn::Attribute;

/// Words before a `!` that is no macro's.
const KEYWORDS: &[&str] = &["break", "else", "if", "in", "match", "return", "while"];

/// Attributes that leave what they stand on as it is.
const ATTRIBUTES: &[&str] = &[
    "allow",
    "cfg",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "on",
    "rustfmt",
    "track_caller",
    "warn",
];

/// Whether a function with this body can be pending when it is polled: when it has an `.await` of its own, or something
/// in it that may write one.
pub(crate) fn may_wait(attributes: &[Attribute], body: TokenStream) -> bool {
    let is_passive = |attribute: &Attribute| {
        attribute.path().segments.first().is_some_and(|first| is_one_of(&first.ident, ATTRIBUTES))
    };
    !attributes.iter().all(is_passive) || waits(body)
}

fn is_one_of(ident: &Ident, names: &[&str]) -> bool {
    names.iter().any(|name| ident == name)
}

fn waits(tokens: TokenStream) -> bool {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let skipped = match (token, &tokens[at + 1..]) {
            // An `.await` in there is of another future: this function waits only if it awaits that one.
            (TokenTree::Ident(word), [TokenTree::Group(block), ..]) if is_async(word, block) => 2,
            (TokenTree::Ident(word), [TokenTree::Ident(second), TokenTree::Group(block), ..])
                if is_async(word, block) && second == "move" =>
            {
                3
            }
            (TokenTree::Ident(word), _) if word == "await" || word == "macro_rules" => return true,
            (TokenTree::Ident(name), [TokenTree::Punct(mark), TokenTree::Group(_), ..])
                if mark.as_char() == '!' && !is_one_of(name, KEYWORDS) =>
            {
                return true;
            }
            (TokenTree::Punct(mark), [TokenTree::Group(attribute), ..])
                if mark.as_char() == '#' && attribute.delimiter() == Delimiter::Bracket =>
            {
                match attribute.stream().into_iter().next() {
                    Some(TokenTree::Ident(name)) if is_one_of(&name, ATTRIBUTES) => 2,
                    _ => return true,
                }
            }
            (TokenTree::Group(group), _) if waits(group.stream()) => return true,
            _ => 1,
        };
        at += skipped;
    }
    false
}

fn is_async(word: &Ident, block: &Group) -> bool {
    word == "async" && block.delimiter() == Delimiter::Brace
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn what_has_no_await_does_not_wait() {
        for body in [
            quote!({ text }),
            quote!({ if !(a) != b { text.len() } else { return !{ a } } }),
            quote!({
                tokio::spawn(async move {
                    later().await;
                });
                spawn(async { now().await })
            }),
            quote!({
                #[allow(unused)]
                let x = 1;
                #[cfg(test)]
                x
            }),
        ] {
            assert!(!waits(body.clone()), "{body}");
        }
    }

    #[test]
    fn what_may_have_one_does() {
        for body in [
            quote!({ later().await }),
            quote!({ async { 1 }.await }),
            quote!({
                if a {
                    let x = (f(g[h.await]),);
                }
            }),
            quote!({
                tokio::select! { x = y => 1 }
            }),
            // Any macro: another one may bear the name of one that is known.
            quote!({ format!("{a}") }),
            quote!({
                #[odd]
                let x = 1;
            }),
            quote!({
                macro_rules! vec {
                    () => {
                        x.await
                    };
                }
                vec![]
            }),
        ] {
            assert!(waits(body.clone()), "{body}");
        }
    }

    #[test]
    fn an_attribute_that_is_not_known_may_write_anything() {
        let known: Attribute = parse_quote!(#[doc = "says what it does"]);
        let unknown: Attribute = parse_quote!(#[tracing::instrument]);
        assert!(!may_wait(std::slice::from_ref(&known), quote!({ 1 })));
        assert!(may_wait(&[known, unknown], quote!({ 1 })));
    }
}
