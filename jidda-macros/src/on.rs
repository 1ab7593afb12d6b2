//! `#[on]` on a function of its own.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::attribute::{Attribute, Options};
use crate::check::Errors;
use crate::function::{Function, is_seen};
use crate::handler::{Handler, Home};
use crate::runtime::signature_lints;
use crate::signature::Place;
use crate::stub;
use crate::variants::variants;

/// Expands the attribute.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if is_seen(&attribute) {
        return TokenStream::new();
    }
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        let mut errors = Errors::default();
        errors.push(&item, "`#[on]` marks a function: it is the handler of an event");
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    let mut errors = Errors::default();
    let options = Options::read(Attribute::On, attribute, &mut errors);
    let home = Home::of(&options);
    let output = Free::read(function, options, home, &mut errors);
    let written = output.tokens(errors.is_empty());
    let errors = errors.into_tokens();
    quote!(#errors #written)
}

/// A free handler, once for each variant of its arguments.
pub(crate) struct Free {
    home: Home,
    variants: Vec<(Function, Handler)>,
}

impl Free {
    pub(crate) fn read(function: Function, options: Options, home: Home, errors: &mut Errors) -> Self {
        let mut first = true;
        let variants = variants(&function.signature, errors).into_iter().map(|variant| {
            let mut function = function.clone();
            function.attributes.extend(variant.cfg);
            function.attributes.push(signature_lints());
            function.signature = variant.signature;
            // The first variant has all arguments: it tells every mistake of the others.
            let mut repeated = Errors::default();
            let errors = if std::mem::take(&mut first) { &mut *errors } else { &mut repeated };
            let mut handler = Handler::read(
                options.clone(),
                &function.attributes,
                &mut function.signature,
                Place::Free,
                None,
                errors,
            );
            handler.may_wait = function.may_wait();
            handler.check(errors);
            (function, handler)
        });
        Self { home, variants: variants.collect() }
    }

    /// The handlers, once for each variant.
    pub(crate) fn into_handlers(self) -> impl Iterator<Item = Handler> {
        self.variants.into_iter().map(|(_, handler)| handler)
    }

    /// The first variant: the one with all arguments.
    pub(crate) fn first(&self) -> &Handler {
        &self.variants[0].1
    }

    /// The function, its stub and its entry.
    pub(crate) fn tokens(&self, all_is_well: bool) -> TokenStream {
        let variants = self.variants.iter().map(|(function, handler)| {
            if handler.signature.has_receiver {
                // Inside an `impl` block nothing else may stand beside it.
                return function.to_token_stream();
            }
            let stub = stub::function(handler, &self.home, &function.visibility);
            let entry = stub::function_entry(handler, &self.home, all_is_well);
            quote!(#function #stub #entry)
        });
        quote!(#(#variants)*)
    }
}
