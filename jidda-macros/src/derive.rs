//! `#[derive(FromConnection)]`: a value that is kept with the socket.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, GenericParam, parse_quote};

use crate::check::Errors;
use crate::runtime::{errors_at, hygienic_ident, path};

/// Expands the derive.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let runtime = path();
    let mut input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    for parameter in &input.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            errors.push(
                lifetime,
                "a value kept with a socket borrows nothing: own the data, or share it in an `Arc`",
            );
        }
    }
    if !errors.is_empty() {
        return errors.into_tokens();
    }
    if !input.generics.params.is_empty() {
        let clause = input.generics.make_where_clause();
        clause.predicates.push(parse_quote! {
            Self: ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync + 'static
        });
    }
    let (generics, arguments, clause) = input.generics.split_for_impl();
    let (name, context) = (&input.ident, hygienic_ident("context"));
    let require = quote_spanned!(errors_at(name.span())=> #context.require::<Self>());
    quote! {
        #[automatically_derived]
        impl #generics #runtime::FromConnection for #name #arguments #clause {
            async fn from_connection(
                #context: &#runtime::Context,
            ) -> ::core::result::Result<Self, #runtime::Error> {
                #require
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_are_bound_and_lifetimes_refused() {
        let text = expand(quote!(
            struct User<T>(T);
        ))
        .to_string();
        assert!(text.contains("where Self : :: core :: clone :: Clone"), "{text}");
        let text = expand(quote!(
            struct User(String);
        ))
        .to_string();
        assert!(!text.contains("where"), "{text}");
        let text = expand(quote!(
            struct User<'a>(&'a str);
        ))
        .to_string();
        assert!(text.contains("compile_error"), "{text}");
    }
}
