//! `#[configure_socket]`: a function that sees each listening socket before it listens.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{FnArg, ReturnType, Type};

use crate::attribute::{Attribute, Options};
use crate::check::Errors;
use crate::function::Function;
use crate::model::{ForwardedAttributes, Mount};
use crate::runtime::{allow_lints, errors_at, location, path};

const FORM: &str = "a socket hook is `fn (socket: &SockRef<'_>) -> std::io::Result<()>`";

/// Expands the attribute.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        errors.push(&item, format!("`#[configure_socket]` marks a function: {FORM}"));
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    let options = Options::read(Attribute::ConfigureSocket, attribute, &mut errors);
    if !has_form(&function.signature) {
        errors.push(&function.signature, FORM);
    }
    let entry = if errors.is_empty() { entry(&function, &options) } else { TokenStream::new() };
    let errors = errors.into_tokens();
    quote!(#errors #function #entry)
}

fn has_form(signature: &syn::Signature) -> bool {
    let borrows_one = signature.inputs.len() == 1
        && matches!(
            signature.inputs.first(),
            Some(FnArg::Typed(typed))
                if matches!(&*typed.ty, Type::Reference(reference) if reference.mutability.is_none())
        );
    let returns = matches!(&signature.output, ReturnType::Type(..));
    let plain = signature.asyncness.is_none() && signature.generics.params.is_empty();
    borrows_one && returns && plain
}

fn entry(function: &Function, options: &Options) -> TokenStream {
    let runtime = path();
    let allow_lints = allow_lints();
    let name = &function.signature.ident;
    let cfg = ForwardedAttributes::read(&function.attributes).cfg();
    let location = location(name.span());
    let in_app = options.app.as_ref().map(|_| {
        let app = Mount::of(options).app();
        quote!(.in_app(#app))
    });
    let run = quote_spanned!(errors_at(name.span())=> #name);
    quote! {
        #cfg
        #allow_lints
        const _: () = {
            static __JIDDA_ENTRY: #runtime::ConfigureSocketEntry = #runtime::ConfigureSocketEntry::new(
                #run,
                #location,
            )
            #in_app;

            #runtime::inventory::submit! { #runtime::RegisteredConfigureSocket(&__JIDDA_ENTRY) }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_checked() {
        let checked = |tokens: TokenStream| has_form(&syn::parse2(tokens).unwrap());
        assert!(checked(quote!(fn f(socket: &SockRef<'_>) -> std::io::Result<()>)));
        assert!(!checked(quote!(async fn f(socket: &SockRef<'_>) -> std::io::Result<()>)));
        assert!(!checked(quote!(fn f(socket: SockRef<'_>) -> std::io::Result<()>)));
        assert!(!checked(quote!(fn f(socket: &SockRef<'_>))));
        assert!(!checked(quote!(fn f())));
    }
}
