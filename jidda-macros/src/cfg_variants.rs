//! `#[cfg]` on arguments: rustc leaves it to the macro, so the handler is written once for each way it can go.

use proc_macro2::TokenStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Signature, parse_quote};

use crate::check::Errors;

/// One way a handler's arguments can go.
#[derive(Clone)]
pub(crate) struct Variant {
    /// When this is the one; `None` if it is the only one.
    pub(crate) cfg: Option<Attribute>,
    pub(crate) signature: Signature,
}

/// More predicates than this make more copies of a handler than anybody means to write.
const MOST: usize = 3;

/// The variants of a signature; the first one has all arguments.
pub(crate) fn cfg_variants(signature: &Signature, errors: &mut Errors) -> Vec<Variant> {
    let mut predicates: Vec<TokenStream> = Vec::new();
    let mut surplus = None;
    for (attribute, predicate) in signature.inputs.iter().flat_map(conditions) {
        if !predicates.iter().any(|known| known.to_string() == predicate.to_string()) {
            if predicates.len() == MOST {
                surplus.get_or_insert(attribute);
            }
            predicates.push(predicate);
        }
    }
    if let Some(attribute) = surplus {
        errors.push(
            attribute,
            "a handler's arguments can have three different `#[cfg]`s: write two handlers, each under its own",
        );
        predicates.clear();
        let mut signature = signature.clone();
        signature.inputs.iter_mut().for_each(strip);
        return vec![Variant { cfg: None, signature }];
    }
    if predicates.is_empty() {
        return vec![Variant { cfg: None, signature: signature.clone() }];
    }
    let count = 1_usize << predicates.len();
    (0..count).map(|absent| variant(signature, &predicates, absent)).collect()
}

/// The variant in which the predicates whose bit is set in `absent` do not hold.
fn variant(signature: &Signature, predicates: &[TokenStream], absent: usize) -> Variant {
    let is_absent = |index: usize| absent & (1 << index) != 0;
    let terms = predicates.iter().enumerate().map(|(index, predicate)| -> TokenStream {
        if is_absent(index) { parse_quote!(not(#predicate)) } else { parse_quote!(#predicate) }
    });
    let cfg: Attribute = parse_quote!(#[cfg(all(#(#terms),*))]);
    let mut signature = signature.clone();
    signature.inputs = std::mem::take(&mut signature.inputs)
        .into_iter()
        .filter(|input| {
            !conditions(input).any(|(_, predicate)| {
                let index = predicates.iter().position(|known| known.to_string() == predicate.to_string());
                index.is_some_and(is_absent)
            })
        })
        .collect::<Punctuated<_, _>>();
    signature.inputs.iter_mut().for_each(strip);
    Variant { cfg: Some(cfg), signature }
}

fn attributes(input: &FnArg) -> &[Attribute] {
    match input {
        FnArg::Receiver(receiver) => &receiver.attrs,
        FnArg::Typed(typed) => &typed.attrs,
    }
}

fn conditions(input: &FnArg) -> impl Iterator<Item = (&Attribute, TokenStream)> {
    attributes(input)
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .filter_map(|attribute| Some((attribute, attribute.parse_args().ok()?)))
}

fn strip(input: &mut FnArg) {
    let attributes = match input {
        FnArg::Receiver(receiver) => &mut receiver.attrs,
        FnArg::Typed(typed) => &mut typed.attrs,
    };
    attributes.retain(|attribute| !attribute.path().is_ident("cfg"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::{ToTokens, quote};

    fn written(tokens: TokenStream) -> Vec<String> {
        let mut errors = Errors::default();
        let variants = cfg_variants(&syn::parse2(tokens).unwrap(), &mut errors);
        assert!(errors.is_empty());
        let text = |variant: Variant| {
            let Variant { cfg, signature } = variant;
            quote!(#cfg #signature).to_string()
        };
        variants.into_iter().map(text).collect()
    }

    #[test]
    fn without_cfg_there_is_one() {
        assert_eq!(written(quote!(fn f(a: u8))), ["fn f (a : u8)"]);
    }

    #[test]
    fn each_combination_has_its_arguments() {
        let all = written(quote!(fn f(#[cfg(unix)] a: u8, b: u8, #[cfg(test)] c: u8, #[cfg(unix)] d: u8)));
        let expected = [
            quote!(#[cfg(all(unix, test))] fn f(a: u8, b: u8, c: u8, d: u8)),
            quote!(#[cfg(all(not(unix), test))] fn f(b: u8, c: u8)),
            quote!(#[cfg(all(unix, not(test)))] fn f(a: u8, b: u8, d: u8)),
            quote!(#[cfg(all(not(unix), not(test)))] fn f(b: u8)),
        ];
        let without_last_comma = |text: String| text.replace(", )", ")").replace(",)", ")");
        assert_eq!(
            all.into_iter().map(without_last_comma).collect::<Vec<_>>(),
            expected.map(|tokens| without_last_comma(tokens.to_string()))
        );
    }

    #[test]
    fn four_predicates_are_too_many() {
        let mut errors = Errors::default();
        let signature: Signature = parse_quote!(
            fn f(#[cfg(a)] a: u8, #[cfg(b)] b: u8, #[cfg(c)] c: u8, #[cfg(d)] d: u8)
        );
        let variants = cfg_variants(&signature, &mut errors);
        assert_eq!(errors.texts().len(), 1);
        assert_eq!(variants.len(), 1);
        assert!(!variants[0].signature.to_token_stream().to_string().contains("cfg"));
    }
}
