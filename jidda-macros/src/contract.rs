//! `#[namespace]` on a trait, which says what may be called, and on the `impl` blocks that fulfil it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, ImplItem, ItemImpl, ItemTrait, ReturnType, TraitItem, TraitItemFn, parse_quote};

use crate::attribute::{Options, Side};
use crate::check::Errors;
use crate::entry::{Callee, contract_constant, events_constant};
use crate::function::{Seen, is_ours, take_on};
use crate::handler::{Handler, Home};
use crate::namespace::{
    check_generics, check_inner_options, check_together, method_variants, read_home, service_name,
};
use crate::runtime::{errors_at, option, path, quiet};
use crate::signature::Place;
use crate::stream;
use crate::stub;
use crate::variants::variants;

/// The function that only `#[namespace]` writes: without it rustc names it as missing, and the name says why.
fn entries_function() -> Ident {
    Ident::new("__put_the_attribute_namespace_on_this_impl", Span::call_site())
}

/// A contract: the trait as it can be implemented, and its stub.
pub(crate) fn declare(attribute: TokenStream, mut contract: ItemTrait) -> TokenStream {
    let mut errors = Errors::default();
    let mut seen = Seen::default();
    let home = read_home(attribute, &mut errors);
    check_generics(&contract.generics, &mut errors);

    let mut handlers: Vec<Handler> = Vec::new();
    let mut firsts = Vec::new();
    let mut items = Vec::new();
    for item in std::mem::take(&mut contract.items) {
        let TraitItem::Fn(mut method) = item else {
            items.push(item);
            continue;
        };
        let options = take_on(&mut method.attrs, &mut seen, &mut errors);
        if options.is_none() {
            errors.push(
                &method.sig.ident,
                "each method of a contract is an event: add `#[on]`, or move it out of the trait",
            );
        }
        let options = options.unwrap_or_default();
        check_method(&method, &options, &mut errors);
        if method.default.take().is_some() {
            method.semi_token = Some(<syn::Token![;]>::default());
        }
        let first = handlers.len();
        for (method, handler) in trait_variants(&method, &options, &mut errors) {
            items.push(TraitItem::Fn(method));
            handlers.push(handler);
        }
        handlers[first].check(&mut errors);
        firsts.push(first);
    }
    contract.items = items;
    check_together(firsts.iter().map(|&index| &handlers[index]), &mut errors);
    let stub = contract_stub(&contract, &handlers, &home);
    add_hidden_items(&mut contract, &handlers, &home);
    let (errors, seen) = (errors.into_tokens(), seen.tokens());
    quote!(#errors #seen #contract #stub)
}

fn check_method(method: &TraitItemFn, options: &Options, errors: &mut Errors) {
    check_inner_options(options, errors);
    if let Some(span) = options.blocking {
        errors.push_at(
            span,
            "a contract says what is called, not how it runs: use `tokio::task::spawn_blocking` where it is fulfilled",
        );
    }
    if let Some(items) = &options.stream {
        errors.push(
            items,
            "the type has to say it, so that the `impl` is known to stream as well: return \
             `impl Stream<Item = T>` or `BoxStream<'static, T>`",
        );
    }
    if let Some(body) = &method.default {
        errors.push_at(
            body.brace_token.span.open(),
            "a contract has no bodies, so that no event is left out by mistake: end the signature with `;`",
        );
    }
    let arguments = method.sig.inputs.iter().skip(1).map(ToTokens::to_token_stream);
    let output = method.sig.output.to_token_stream();
    if let Some(found) = arguments.chain([output]).find_map(find_self) {
        errors.push(found, "a contract's stub knows no `Self`: name the type");
    }
}

fn find_self(tokens: TokenStream) -> Option<TokenTree> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Ident(ref ident) if ident == "Self" => Some(token),
        TokenTree::Group(group) => find_self(group.stream()),
        _ => None,
    })
}

/// A method once for each variant of its arguments, written so that any `impl` of it can run on any thread.
fn trait_variants(
    method: &TraitItemFn,
    options: &Options,
    errors: &mut Errors,
) -> Vec<(TraitItemFn, Handler)> {
    let mut first = true;
    let variants = variants(&method.sig, errors).into_iter().map(|variant| {
        let mut method = method.clone();
        method.attrs.extend(variant.cfg);
        method.sig = variant.signature;
        let mut repeated = Errors::default();
        let errors = if std::mem::take(&mut first) { &mut *errors } else { &mut repeated };
        let handler =
            Handler::read(options.clone(), &method.attrs, &mut method.sig, Place::Contract, None, errors);
        if let ReturnType::Type(_, ty) = &mut method.sig.output {
            stream::make_send(ty);
        }
        if method.sig.asyncness.take().is_some() {
            let output = match &method.sig.output {
                ReturnType::Default => quote!(()),
                ReturnType::Type(_, ty) => ty.to_token_stream(),
            };
            let span = errors_at(method.sig.ident.span());
            let future = quote_spanned! {span=>
                impl ::core::future::Future<Output = #output> + ::core::marker::Send
            };
            method.sig.output = parse_quote!(-> #future);
        }
        (method, handler)
    });
    variants.collect()
}

/// What the `impl` blocks ask of the contract, and what they must have from `#[namespace]`.
fn add_hidden_items(contract: &mut ItemTrait, handlers: &[Handler], home: &Home) {
    let runtime = path();
    let quiet = quiet();
    let (constant, events, entries) = (contract_constant(), events_constant(), entries_function());
    let (namespace, side, app) = (&home.namespace, home.side(), home.app());
    let listed = handlers.iter().map(|handler| {
        let cfg = handler.carried.cfg();
        let name = handler.signature.name.unraw().to_string();
        let (event, docs) = (&handler.event, handler.carried.text());
        let allow = &handler.options.allow;
        let timeout = option(handler.options.timeout_ms);
        let sequential = handler.options.sequential.is_some();
        let deprecated = handler.carried.deprecated.is_some();
        quote! {
            #cfg
            (#name, #runtime::ContractEvent {
                event: #event,
                allow: &[#(#allow),*],
                sequential: #sequential,
                timeout_ms: #timeout,
                docs: #docs,
                deprecated: #deprecated,
            })
        }
    });
    contract.colon_token.get_or_insert_default();
    contract.supertraits.extend::<[syn::TypeParamBound; 3]>([
        parse_quote!(::core::marker::Send),
        parse_quote!(::core::marker::Sync),
        parse_quote!('static),
    ]);
    contract.items.push(parse_quote! {
        #[doc(hidden)]
        #quiet
        const #constant: #runtime::Contract =
            #runtime::Contract { namespace: #namespace, side: #side, app: #app };
    });
    contract.items.push(parse_quote! {
        #[doc(hidden)]
        #quiet
        const #events: &'static [(&'static str, #runtime::ContractEvent)] = &[#(#listed),*];
    });
    contract.items.push(parse_quote! {
        #[doc(hidden)]
        #quiet
        fn #entries() -> &'static [&'static #runtime::HandlerEntry]
        where
            Self: ::core::marker::Sized;
    });
}

fn contract_stub(contract: &ItemTrait, handlers: &[Handler], home: &Home) -> TokenStream {
    let runtime = path();
    let quiet = quiet();
    let name = &contract.ident;
    let client = format_ident!("{name}Client");
    let entries = entries_function();
    let docs = format!(
        "Calls what [`{name}`] promises in the namespace `{}` through whatever carries a call.",
        home.namespace
    );
    let stub = stub::client(&client, &contract.vis, &docs, handlers, home);
    let connect = (home.side == Side::Server).then(|| stub::connect(&client, handlers, home));
    quote! {
        #stub

        #quiet
        impl #client<()> {
            #connect

            /// The handlers of one type that fulfils the contract, to build a table of chosen ones.
            pub fn handlers<Service: #name>() -> &'static [&'static #runtime::HandlerEntry] {
                <Service as #name>::#entries()
            }
        }
    }
}

/// An `impl` of a contract: its methods are handlers under the contract's names.
pub(crate) fn fulfil(attribute: &TokenStream, mut block: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    if !attribute.is_empty() {
        errors.push(
            attribute,
            "the contract says where its handlers belong: write `#[namespace]` alone on an `impl` of it",
        );
    }
    let self_type = (*block.self_ty).clone();
    service_name(&block, &mut errors);
    let Some((contract, _)) = block.trait_.clone() else { return block.into_token_stream() };

    let mut handlers = Vec::new();
    let mut items = Vec::new();
    let mut seen = Seen::default();
    for item in std::mem::take(&mut block.items) {
        let ImplItem::Fn(mut method) = item else {
            items.push(item);
            continue;
        };
        if let Some(on) = method.attrs.iter().find(|attribute| is_ours(attribute, "on")) {
            errors.push_at(
                on.path().span(),
                "the event's name and options belong to the contract: remove `#[on]` here",
            );
            // Its options are not told as well: it goes away with them.
            take_on(&mut method.attrs, &mut seen, &mut Errors::default());
        }
        for (method, handler) in method_variants(&method, &Options::default(), &self_type, &mut errors) {
            items.push(ImplItem::Fn(method));
            handlers.push(handler);
        }
    }
    block.items = items;
    let runtime = path();
    let (quiet, function) = (quiet(), entries_function());
    let entries = if errors.is_empty() {
        stub::entries(&handlers, Callee::Contract(&self_type, &contract), None)
    } else {
        quote!(&[])
    };
    block.items.push(parse_quote! {
        #[doc(hidden)]
        #quiet
        fn #function() -> &'static [&'static #runtime::HandlerEntry] {
            #entries
        }
    });
    let (errors, seen) = (errors.into_tokens(), seen.tokens());
    quote!(#errors #seen #block)
}
