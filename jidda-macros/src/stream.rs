//! Replies that are streams: how a signature says so, and what their items are.

use proc_macro2::{Span, TokenStream};
use syn::visit_mut::VisitMut;
use syn::{AssocType, GenericArgument, Path, PathArguments, Type, TypeParamBound, TypePath, parse_quote};

use crate::check::Errors;
use crate::types::{ReplaceSelf, borrowed_lifetime, check_named, outcome_texts, type_arguments};

/// A reply that is a stream, or a result of one.
#[derive(Clone)]
pub(crate) struct StreamOutput {
    /// What the stream gives: a value, or a result of one.
    pub(crate) item: Type,
    /// What stands for the whole return type, which may have no name: the same `Result` of an item, or `()` for a bare
    /// stream.
    pub(crate) whole: Type,
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
        let arguments = type_arguments(ty);
        let bare = find_item(ty);
        let inside = arguments.first().filter(|_| bare.is_none()).and_then(|first| find_item(first));
        let written = bare.or(inside);
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
                return Some(Self { item: parse_quote!(()), whole: parse_quote!(()) });
            }
            (Some(Ok(item)), None) => item.clone(),
        };
        check_named(&item, "an item", errors);
        if let Some(lifetime) = borrowed_lifetime(&item) {
            errors.push(lifetime, "an item owns its data: send `String` for `&str`, `Vec<T>` for `&[T]`");
        }
        // What stands beside the stream is the error of a result. The stream itself may borrow.
        for error in inside.iter().flat_map(|_| arguments.iter().skip(1)) {
            check_named(error, "an error", errors);
            if let Some(lifetime) = borrowed_lifetime(error) {
                errors.push(lifetime, "an error owns its data: return `String` for `&str`");
            }
        }
        let mut whole = match (inside, items) {
            (Some(_), _) => with_value(ty, &item),
            (None, Some(_)) => without_borrows(ty),
            (None, None) => parse_quote!(()),
        };
        if let Some(self_type) = self_type {
            ReplaceSelf(self_type).visit_type_mut(&mut item);
            ReplaceSelf(self_type).visit_type_mut(&mut whole);
        }
        Some(Self { item, whole })
    }

    /// The names of the items' and the error's types, for listings: two expressions.
    pub(crate) fn texts(&self) -> (TokenStream, TokenStream) {
        let (item, error) = outcome_texts(&self.item, &self.item);
        if type_arguments(&self.whole).is_empty() {
            return (item, error);
        }
        let (_, outer) = outcome_texts(&self.whole, &self.item);
        (item, outer)
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

/// The same generic type with another first parameter.
fn with_value(ty: &Type, value: &Type) -> Type {
    let mut ty = ty.clone();
    if let Type::Path(TypePath { path, .. }) = &mut ty
        && let Some(last) = path.segments.last_mut()
        && let PathArguments::AngleBracketed(arguments) = &mut last.arguments
        && let Some(first) =
            arguments.args.iter_mut().find(|argument| matches!(argument, GenericArgument::Type(_)))
    {
        *first = GenericArgument::Type(value.clone());
    }
    ty
}

/// The type as it can be asked what it is: with `'static` for each lifetime.
fn without_borrows(ty: &Type) -> Type {
    struct Static;

    impl VisitMut for Static {
        fn visit_lifetime_mut(&mut self, lifetime: &mut syn::Lifetime) {
            *lifetime = syn::Lifetime::new("'static", lifetime.span());
        }

        fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
            reference.lifetime = Some(syn::Lifetime::new("'static", Span::call_site()));
            syn::visit_mut::visit_type_reference_mut(self, reference);
        }
    }

    let mut ty = ty.clone();
    Static.visit_type_mut(&mut ty);
    ty
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
    use crate::type_text::type_text;

    fn read(ty: &str, items: Option<&str>) -> (Option<StreamOutput>, Vec<String>) {
        let mut errors = Errors::default();
        let items: Option<Type> = items.map(|items| syn::parse_str(items).unwrap());
        let output = StreamOutput::read(&syn::parse_str(ty).unwrap(), None, items.as_ref(), &mut errors);
        (output, errors.texts())
    }

    #[test]
    fn streams_are_recognized_by_their_types() {
        for (ty, items, item, whole) in [
            ("impl Stream<Item = u32>", None, "u32", "()"),
            ("impl futures::Stream<Item = u8> + Send + use<'_>", None, "u8", "()"),
            ("BoxStream<'_, String>", None, "String", "()"),
            ("Pin<Box<dyn Stream<Item = u8> + Send + '_>>", None, "u8", "()"),
            ("impl Stream<Item = Result<u8, Odd>>", None, "Result<u8, Odd>", "()"),
            ("Result<impl Stream<Item = u8>, Odd>", None, "u8", "Result<u8, Odd>"),
            ("jidda::Result<impl Stream<Item = u8>>", None, "u8", "jidda::Result<u8>"),
            (
                "Result<BoxStream<'static, Result<u8, Odd>>, Odd>",
                None,
                "Result<u8, Odd>",
                "Result<Result<u8, Odd>, Odd>",
            ),
            ("Ticks<'_>", Some("u8"), "u8", "Ticks<'static>"),
            ("Ticks", Some("Result<u8, Odd>"), "Result<u8, Odd>", "Ticks"),
        ] {
            let (output, errors) = read(ty, items);
            let output = output.unwrap_or_else(|| panic!("{ty} is a stream"));
            assert_eq!(errors, [""; 0], "{ty}");
            assert_eq!((&*type_text(&output.item), &*type_text(&output.whole)), (item, whole), "{ty}");
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
