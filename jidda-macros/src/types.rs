//! What can be read of a type as it is written.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericArgument, Lifetime, Path, PathArguments, QSelf, Type, TypePath, TypeReference, parse_quote,
};

use crate::check::Errors;
use crate::runtime;
use crate::type_text::type_text;

/// The names of a type's value and error: those of its parameters, if it turns out to be a `Result`. `whole` is what the
/// value is called if it is not.
pub(crate) fn outcome_texts(ty: &Type, whole: &Type) -> (TokenStream, TokenStream) {
    let none = quote!(::core::option::Option::None);
    let text = type_text(whole);
    let arguments = type_arguments(ty);
    let Some(value) = arguments.first() else { return (quote!(#text), none) };
    let value = if type_text(ty) == text { type_text(value) } else { text.clone() };
    let error = arguments.get(1).map_or_else(|| "Error".to_owned(), type_text);
    let is_result = runtime::is_result(ty);
    (
        quote!(if #is_result { #value } else { #text }),
        quote!(if #is_result { ::core::option::Option::Some(#error) } else { #none }),
    )
}

pub(crate) fn type_arguments(ty: &Type) -> Vec<&Type> {
    let Type::Path(TypePath { path, .. }) = ty else { return Vec::new() };
    let Some(PathArguments::AngleBracketed(arguments)) = path.segments.last().map(|last| &last.arguments)
    else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Says that a type has no name where it needs one.
pub(crate) fn check_named(ty: &Type, what: &str, errors: &mut Errors) {
    struct Unnamed(Option<TokenStream>);

    impl VisitMut for Unnamed {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            match ty {
                Type::ImplTrait(_) | Type::Infer(_) => self.0 = Some(ty.to_token_stream()),
                _ => visit_mut::visit_type_mut(self, ty),
            }
        }
    }

    let mut unnamed = Unnamed(None);
    unnamed.visit_type_mut(&mut ty.clone());
    if let Some(tokens) = unnamed.0 {
        errors.push(tokens, format!("{what} is sent over the wire or looked up by its type: name the type"));
    }
}

/// A lifetime other than `'static`, or a `&` without one.
pub(crate) fn borrowed_lifetime(ty: &Type) -> Option<TokenStream> {
    struct Borrowed(Option<TokenStream>);

    impl VisitMut for Borrowed {
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            if reference.lifetime.is_none() {
                self.0.get_or_insert_with(|| reference.to_token_stream());
            }
            visit_mut::visit_type_reference_mut(self, reference);
        }

        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                self.0.get_or_insert_with(|| lifetime.to_token_stream());
            }
        }

        // `fn(&str)` borrows nothing.
        fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    }

    let mut borrowed = Borrowed(None);
    borrowed.visit_type_mut(&mut ty.clone());
    borrowed.0
}

/// Writes the type for `Self`.
pub(crate) struct ReplaceSelf<'a>(pub(crate) &'a Type);

impl VisitMut for ReplaceSelf<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(TypePath { qself: qself @ None, path, .. }) = ty
            && path.segments.first().is_some_and(|first| first.ident == "Self")
        {
            if path.segments.len() == 1 {
                *ty = self.0.clone();
                return;
            }
            let rest = path.segments.iter().skip(1).cloned().collect();
            *path = Path { leading_colon: Some(parse_quote!(::)), segments: rest };
            let owner = self.0;
            let parsed: TypePath = parse_quote!(<#owner>::placeholder);
            *qself = parsed.qself.map(|qself| QSelf { position: 0, ..qself });
        }
        visit_mut::visit_type_mut(self, ty);
    }
}
