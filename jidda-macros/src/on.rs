//! `#[on]` on a function of its own.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::attribute::{Attribute, Options};
use crate::check::Errors;
use crate::expansion::Expansion;
use crate::function::{Function, is_consumed};
use crate::model::{Handler, Mount};
use crate::runtime::signature_lints;
use crate::signature::Place;
use crate::stub;

/// Expands the attribute.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    if is_consumed(&attribute) {
        return TokenStream::new();
    }
    let mut errors = Errors::default();
    let Ok(function) = syn::parse2::<Function>(item.clone()) else {
        errors.push(&item, "`#[on]` marks a function: it is the handler of an event");
        let errors = errors.into_tokens();
        return quote!(#errors #item);
    };
    let options = Options::read(Attribute::On, attribute, &mut errors);
    let mount = Mount::of(&options);
    let mut expansion = Expansion::new(Place::Free, None, errors);
    let functions = expansion.add(&function, &options);
    expansion.check();
    let is_sound = expansion.errors.is_empty();
    let functions = functions.iter().map(|(function, handler)| free(function, handler, &mount, is_sound));
    let functions: TokenStream = functions.collect();
    let prelude = expansion.prelude();
    quote!(#prelude #functions)
}

/// A free handler: the function, its stub and, if nothing is wrong, its entry.
pub(crate) fn free(function: &Function, handler: &Handler, mount: &Mount, is_sound: bool) -> TokenStream {
    let lints = signature_lints();
    if handler.signature.has_receiver {
        // Inside an `impl` block nothing else may stand beside it.
        return quote!(#lints #function);
    }
    let stub = stub::function(handler, mount, &function.visibility);
    let entry = stub::function_entry(handler, mount, is_sound);
    let function = function.to_token_stream();
    quote!(#lints #function #stub #entry)
}
