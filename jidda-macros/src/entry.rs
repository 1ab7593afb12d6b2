//! The static entry of a handler, which a program finds its handlers by.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::glue::{Callee, glue};
use crate::model::{Handler, Mount, item_name};
use crate::runtime::{allow_lints, hygienic_ident, location, path, path_at};
use crate::signature::Input;
use crate::type_text::type_text;

/// The name of a handler's entry, for lists of them.
pub(crate) fn entry_name(name: &Ident) -> Ident {
    item_name("__JIDDA_ENTRY_", name)
}

/// The constant in which a contract says where it belongs.
pub(crate) fn contract_constant() -> Ident {
    Ident::new("__JIDDA_CONTRACT", Span::call_site())
}

/// The constant in which a contract lists its events.
pub(crate) fn events_constant() -> Ident {
    Ident::new("__JIDDA_EVENTS", Span::call_site())
}

/// Writes the entry and submits it. `mount` is `None` under a contract, which says it itself.
pub(crate) fn entry(handler: &Handler, callee: Callee<'_>, mount: Option<&Mount>) -> TokenStream {
    let runtime = path();
    let cfg = handler.forwarded.cfg();
    let allow_lints = allow_lints();
    let entry = entry_name(&handler.signature.name);
    let glue = glue(handler, callee);
    let event = &handler.event;
    let location = location(handler.signature.name.span());
    let calls = entry_calls(handler, callee, mount);
    quote! {
        #cfg
        #allow_lints
        static #entry: #runtime::HandlerEntry = {
            #glue
            #runtime::HandlerEntry::new(
                #event,
                __jidda_glue,
                #location,
            )
            #calls
        };
        #cfg
        #runtime::inventory::submit! { #runtime::Registered(&#entry) }
    }
}

fn entry_calls(handler: &Handler, callee: Callee<'_>, mount: Option<&Mount>) -> TokenStream {
    let runtime = path();
    let options = &handler.options;
    let mut calls = mount.map(Mount::entry_calls).unwrap_or_default();
    if !options.allow.is_empty() {
        let permissions = &options.allow;
        calls.extend(quote!(.allowing(&[#(#permissions),*])));
    }
    if options.sequential.is_some() {
        calls.extend(quote!(.sequentially()));
    }
    if options.blocking.is_some() {
        calls.extend(quote!(.on_blocking_pool()));
    }
    if let Some(milliseconds) = options.timeout_ms {
        calls.extend(quote!(.within_ms(#milliseconds)));
    }
    let docs = handler.forwarded.text();
    if !docs.is_empty() {
        calls.extend(quote!(.documented(#docs)));
    }
    if handler.forwarded.deprecated.is_some() {
        calls.extend(quote!(.marked_deprecated()));
    }
    let owned: Vec<_> = handler.signature.owned().collect();
    if !owned.is_empty() {
        let names = owned.iter().map(|input| input.name.unraw().to_string());
        let types = owned.iter().map(|input| type_text(&input.ty));
        calls.extend(quote! {
            .taking(&[#(#runtime::ArgumentEntry { name: #names, type_name: #types }),*])
        });
    }
    if handler.is_streaming() {
        calls.extend(quote!(.with_stream()));
    }
    let (reply, error) = handler.signature.output.texts();
    calls.extend(quote!(.returning(#reply, #error)));
    calls.extend(needs(handler));
    calls.extend(service(callee));
    if let Callee::Contract(ty, contract) = callee {
        let (constant, events) = (contract_constant(), events_constant());
        let name = handler.signature.name.unraw().to_string();
        calls.extend(quote! {
            .under(
                <#ty as #contract>::#constant,
                #runtime::contract_event(<#ty as #contract>::#events, #name),
            )
        });
    }
    calls
}

/// What the borrowed arguments need the server to have.
fn needs(handler: &Handler) -> TokenStream {
    let needs = hygienic_ident("needs");
    let calls: Vec<_> = handler
        .signature
        .borrowed()
        .map(|Input { ty, .. }| {
            let span = ty.span();
            let runtime = path_at(span);
            quote_spanned!(span=> <#ty as #runtime::FromConnection>::needs(#needs);)
        })
        .collect();
    if calls.is_empty() {
        return TokenStream::new();
    }
    quote!(.needing(|#needs| { #(#calls)* }))
}

/// The service whose method it is, and its default if it has one.
fn service(callee: Callee<'_>) -> TokenStream {
    let runtime = path();
    let (Callee::Method(ty) | Callee::Contract(ty, _)) = callee else { return TokenStream::new() };
    quote! {
        .of_service(#runtime::ServiceKey::of::<#ty>(|| {
            use #runtime::{WithDefault as _, WithoutDefault as _};
            (&#runtime::Probe::<#ty>::new()).default_service()
        }))
    }
}
