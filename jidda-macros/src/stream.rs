//! Replies that are streams: how a signature says so, and what their items are.

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit_mut::VisitMut;
use syn::{AssocType, GenericArgument, Path, PathArguments, Type, TypeParamBound, TypePath};

use crate::check::Errors;
use crate::runtime;
use crate::signature::{ReplaceSelf, borrowed_lifetime, check_named, names_result, type_arguments};
use crate::type_text::type_text;

/// A reply that is a stream, or a result of one.
#[derive(Clone)]
pub(crate) struct StreamOutput {
    /// What the stream gives: a value, or a result of one.
    pub(crate) item: Type,
    /// The whole return type where it is a result.
    pub(crate) result: Option<Type>,
}

impl StreamOutput {
    /// Reads a return type. `items` is what the handler's options say of the items; without it the type itself has to
    /// name `Stream`.
    pub(crate) fn read(
        ty: &Type,
        self_type: Option<&Type>,
        items: Option<&Type>,
        errors: &mut Errors,
    ) -> Option<Self> {
        let result = match ty {
            Type::Path(TypePath { path, .. }) if names_result(path) => Some(ty),
            _ => None,
        };
        let arguments = type_arguments(ty);
        let stream = if result.is_some() { arguments.first().copied() } else { Some(ty) };
        let written = stream.and_then(find_item);
        let mut item = match (written, items) {
            (None, None) => return None,
            (Some(_), Some(items)) => {
                errors.push(items, "the type of the reply says that it is a stream: remove `stream`");
                items.clone()
            }
            (None, Some(items)) => {
                check_named(ty, "a stream whose items are named apart", errors);
                items.clone()
            }
            (Some(Err(())), None) => {
                errors.push(ty, "a stream says what its items are: `impl Stream<Item = u32>`");
                return Some(Self { item: syn::parse_quote!(()), result: None });
            }
            (Some(Ok(item)), None) => item.clone(),
        };
        check_named(&item, "an item", errors);
        if let Some(lifetime) = borrowed_lifetime(&item) {
            errors.push(lifetime, "an item owns its data: send `String` for `&str`, `Vec<T>` for `&[T]`");
        }
        // The error of a result, with its value left out: that is the stream, which may borrow.
        for error in result.iter().flat_map(|_| arguments.iter().skip(1)) {
            check_named(error, "an error", errors);
            if let Some(lifetime) = borrowed_lifetime(error) {
                errors.push(lifetime, "an error owns its data: return `String` for `&str`");
            }
        }
        let mut result = result.cloned();
        if let Some(self_type) = self_type {
            ReplaceSelf(self_type).visit_type_mut(&mut item);
            if let Some(result) = &mut result {
                ReplaceSelf(self_type).visit_type_mut(result);
            }
        }
        Some(Self { item, result })
    }

    /// Whether an item may be the stream's error.
    fn is_item_fallible(&self) -> bool {
        matches!(&self.item, Type::Path(TypePath { path, .. }) if names_result(path))
    }

    /// The function of the outlet that sends the items.
    pub(crate) fn function(&self) -> &'static str {
        match (self.result.is_some(), self.is_item_fallible()) {
            (false, false) => "items",
            (false, true) => "results",
            (true, false) => "items_of_outcome",
            (true, true) => "results_of_outcome",
        }
    }

    /// One item as a `Result`, with the error that the stream may end with.
    pub(crate) fn outcome(&self) -> TokenStream {
        let runtime = runtime::path();
        let item = &self.item;
        if self.is_item_fallible() {
            return quote!(#item);
        }
        match &self.result {
            None => quote!(::core::result::Result<#item, #runtime::Error>),
            Some(result) => match with_value(result, item) {
                Some(result) => quote!(#result),
                None => quote! {
                    ::core::result::Result<#item, <#result as #runtime::Outcome>::Error>
                },
            },
        }
    }

    /// The names of the items' and the error's types, for listings.
    pub(crate) fn texts(&self) -> (String, Option<String>) {
        let is_fallible = self.is_item_fallible();
        let item = match type_arguments(&self.item).first() {
            Some(value) if is_fallible => type_text(value),
            _ => type_text(&self.item),
        };
        let result = if is_fallible { Some(&self.item) } else { self.result.as_ref() };
        let error = result.map(|result| match type_arguments(result).get(1) {
            Some(error) => type_text(error),
            None => "Error".to_owned(),
        });
        (item, error)
    }
}

/// Has each stream that a contract promises go to any thread, as its handlers' futures do.
pub(crate) fn make_send(ty: &mut Type) {
    struct MakeSend;

    impl VisitMut for MakeSend {
        fn visit_type_impl_trait_mut(&mut self, of: &mut syn::TypeImplTrait) {
            if of.bounds.iter().any(|bound| bound_item(bound).is_some()) {
                of.bounds.push(syn::parse_quote!(::core::marker::Send));
            }
        }
    }

    MakeSend.visit_type_mut(ty);
}

/// The same result of another value; nothing if it is an alias that hides its value.
fn with_value(result: &Type, value: &Type) -> Option<Type> {
    let mut result = result.clone();
    let Type::Path(TypePath { path, .. }) = &mut result else { return None };
    let PathArguments::AngleBracketed(arguments) = &mut path.segments.last_mut()?.arguments else {
        return None;
    };
    let first = arguments.args.iter_mut().find(|argument| matches!(argument, GenericArgument::Type(_)))?;
    *first = GenericArgument::Type(value.clone());
    Some(result)
}

/// The type of a stream's items, if this type is one that names `Stream`.
fn find_item(ty: &Type) -> Option<Result<&Type, ()>> {
    match ty {
        Type::Group(group) => find_item(&group.elem),
        Type::Paren(paren) => find_item(&paren.elem),
        Type::ImplTrait(of) => of.bounds.iter().find_map(bound_item),
        Type::TraitObject(of) => of.bounds.iter().find_map(bound_item),
        Type::Path(TypePath { path, .. }) => {
            let name = path.segments.last()?.ident.to_string();
            match name.as_str() {
                "BoxStream" | "LocalBoxStream" => Some(type_arguments(ty).first().copied().ok_or(())),
                "Pin" | "Box" => find_item(type_arguments(ty).first()?),
                _ => None,
            }
        }
        _ => None,
    }
}

fn bound_item(bound: &TypeParamBound) -> Option<Result<&Type, ()>> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    is_stream(&bound.path).then(|| {
        let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last().ok_or(())?.arguments
        else {
            return Err(());
        };
        let items = arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Item" => Some(ty),
            _ => None,
        });
        items.ok_or(())
    })
}

fn is_stream(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == "Stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ty: &str, items: Option<&str>) -> (Option<StreamOutput>, Vec<String>) {
        let mut errors = Errors::default();
        let items: Option<Type> = items.map(|items| syn::parse_str(items).unwrap());
        let output = StreamOutput::read(&syn::parse_str(ty).unwrap(), None, items.as_ref(), &mut errors);
        (output, errors.texts())
    }

    #[test]
    fn streams_are_told_by_their_types() {
        for (ty, items, function, texts, outcome) in [
            ("impl Stream<Item = u32>", None, "items", ("u32", None), ""),
            ("impl futures::Stream<Item = u8> + Send + use<'_>", None, "items", ("u8", None), ""),
            ("BoxStream<'_, String>", None, "items", ("String", None), ""),
            ("Pin<Box<dyn Stream<Item = u8> + Send + '_>>", None, "items", ("u8", None), ""),
            ("impl Stream<Item = Result<u8, Odd>>", None, "results", ("u8", Some("Odd")), "Result<u8, Odd>"),
            (
                "Result<impl Stream<Item = u8>, Odd>",
                None,
                "items_of_outcome",
                ("u8", Some("Odd")),
                "Result<u8, Odd>",
            ),
            (
                "jidda::Result<impl Stream<Item = u8>>",
                None,
                "items_of_outcome",
                ("u8", Some("Error")),
                "jidda::Result<u8>",
            ),
            (
                "Result<BoxStream<'static, Result<u8, Odd>>, Odd>",
                None,
                "results_of_outcome",
                ("u8", Some("Odd")),
                "Result<u8, Odd>",
            ),
            ("Ticks", Some("u8"), "items", ("u8", None), ""),
            ("Ticks", Some("Result<u8, Odd>"), "results", ("u8", Some("Odd")), "Result<u8, Odd>"),
        ] {
            let (output, errors) = read(ty, items);
            let output = output.unwrap_or_else(|| panic!("{ty} is a stream"));
            assert_eq!(errors, [""; 0], "{ty}");
            assert_eq!(output.function(), function, "{ty}");
            let (item, error) = output.texts();
            assert_eq!((item.as_str(), error.as_deref()), texts, "{ty}");
            if !outcome.is_empty() {
                assert_eq!(type_text(&output.outcome()), outcome, "{ty}");
            }
        }
    }

    #[test]
    fn what_names_no_stream_is_none() {
        for ty in ["u32", "Option<u8>", "Result<u8, Odd>", "Streaming", "Pin<Box<u8>>", "impl Serialize"] {
            assert!(read(ty, None).0.is_none(), "{ty}");
        }
    }

    #[test]
    fn items_have_a_name_and_own_their_data() {
        assert_eq!(
            read("impl Stream", None).1,
            ["a stream says what its items are: `impl Stream<Item = u32>`"]
        );
        assert_eq!(read("impl Stream<Item = &str>", None).1.len(), 1);
        assert_eq!(read("impl Stream<Item = impl Serialize>", None).1.len(), 1);
        assert_eq!(read("impl Stream<Item = u8>", Some("u8")).1.len(), 1);
        assert_eq!(read("Result<impl Stream<Item = u8>, &str>", None).1.len(), 1);
    }
}
