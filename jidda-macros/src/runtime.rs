//! How generated code names the runtime, and how its own names stay out of the user's way.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, parse_quote};

/// The path that everything generated is named through: it holds with any imports, any prelude and under
/// whatever name the program knows jidda.
pub(crate) fn path() -> TokenStream {
    path_at(Span::call_site())
}

/// The same path in code whose errors belong at `span`: an error is shown where the code begins.
pub(crate) fn path_at(span: Span) -> TokenStream {
    let name = ["jidda", "jidda-runtime"].into_iter().find_map(|package| match crate_name(package) {
        // jidda's own tests and examples meet it as a crate like any other.
        Ok(FoundCrate::Itself) => Some(package.replace('-', "_")),
        Ok(FoundCrate::Name(name)) => Some(name),
        Err(_) => None,
    });
    let name = Ident::new(name.as_deref().unwrap_or("jidda"), span);
    quote_spanned!(span=> ::#name::__private)
}

/// Whether the program has a dependency that its code knows under this name.
pub(crate) fn is_crate(name: &str) -> bool {
    [name.to_owned(), name.replace('_', "-")].iter().any(|package| match crate_name(package) {
        Ok(FoundCrate::Name(known)) => known == name,
        Ok(FoundCrate::Itself) | Err(_) => false,
    })
}

/// A local variable that nothing of the user's can be mistaken for.
pub(crate) fn hygienic_ident(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// A span for generated code whose errors belong at `span`.
pub(crate) fn errors_at(span: Span) -> Span {
    span.resolved_at(Span::mixed_site())
}

/// Where the item at `span` is written.
pub(crate) fn location(span: Span) -> TokenStream {
    let runtime = path();
    let line = quote_spanned!(span=> ::core::line!());
    quote! {
        #runtime::Location {
            file: ::core::file!(),
            line: #line,
            module: ::core::module_path!(),
            package: ::core::env!("CARGO_PKG_NAME"),
        }
    }
}

/// An `Option` in generated code.
pub(crate) fn option(value: Option<impl ToTokens>) -> TokenStream {
    value.map_or_else(
        || quote!(::core::option::Option::None),
        |value| quote!(::core::option::Option::Some(#value)),
    )
}

/// An expression that says whether a type is a `Result`: what an alias stands for only rustc knows.
pub(crate) fn is_result(ty: &impl ToTokens) -> TokenStream {
    let runtime = path();
    quote! {{
        #[allow(unused_imports)]
        use #runtime::No as _;
        #runtime::IsResult::<#ty>::YES
    }}
}

/// An expression for the shape of what a handler returns: a value, a `Result`, or one whose error stays here.
pub(crate) fn shape(ty: &impl ToTokens) -> TokenStream {
    let runtime = path();
    quote! {{
        #[allow(unused_imports)]
        use #runtime::No as _;
        #runtime::shape(#runtime::IsResult::<#ty>::YES, #runtime::IsOpaque::<#ty>::YES)
    }}
}

/// An expression that says whether a handler that returns this has no value for its caller.
pub(crate) fn is_unit(ty: &impl ToTokens) -> TokenStream {
    let runtime = path();
    quote! {{
        #[allow(unused_imports)]
        use #runtime::No as _;
        #runtime::IsUnit::<#ty>::YES
    }}
}

/// For a handler's function: these lints ask for another signature, but the signature is the interface.
pub(crate) fn signature_lints() -> Attribute {
    parse_quote! {
        #[allow(
            clippy::needless_pass_by_value,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self
        )]
    }
}

/// For code that the user did not write: it is not theirs to tidy up.
pub(crate) fn allow_lints() -> TokenStream {
    quote! {
        #[allow(
            deprecated,
            dead_code,
            missing_debug_implementations,
            missing_docs,
            non_camel_case_types,
            non_snake_case,
            non_upper_case_globals,
            private_bounds,
            private_interfaces,
            unreachable_pub,
            unused_mut,
            unused_variables,
            clippy::all,
            clippy::nursery,
            clippy::pedantic
        )]
    }
}
