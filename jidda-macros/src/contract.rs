//! `#[namespace]` on a trait: a contract, which says what may be called.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Ident, ItemTrait, ReturnType, TraitItem, TraitItemFn, parse_quote};

use crate::attribute::Options;
use crate::check::Errors;
use crate::entry::{contract_constant, events_constant};
use crate::expansion::Expansion;
use crate::function::Function;
use crate::model::{Handler, Mount};
use crate::runtime::{allow_lints, errors_at, option, path};
use crate::signature::Place;
use crate::stream;

/// The function that only `#[namespace]` writes: without it rustc names it as missing, and the name says why.
pub(crate) fn entries_function() -> Ident {
    Ident::new("__put_the_attribute_namespace_on_this_impl", Span::call_site())
}

/// Expands the attribute: the trait as it can be implemented, and its stub.
pub(crate) fn expand(mount: &Mount, mut contract: ItemTrait, errors: Errors) -> TokenStream {
    let mut expansion = Expansion::new(Place::Contract, None, errors);
    let mut items = Vec::new();
    for item in std::mem::take(&mut contract.items) {
        let TraitItem::Fn(mut method) = item else {
            items.push(item);
            continue;
        };
        let options = expansion.take_on(&mut method.attrs);
        if options.is_none() {
            expansion.errors.push(
                &method.sig.ident,
                "each method of a contract is an event: add `#[on]`, or move it out of the trait",
            );
        }
        let options = options.unwrap_or_default();
        check_method(&method, &options, &mut expansion.errors);
        if method.default.take().is_some() {
            method.semi_token = Some(<syn::Token![;]>::default());
        }
        for (mut method, _) in expansion.add(&Function::from(&method), &options) {
            make_send(&mut method);
            // One that each `impl` borrows something for is called as a method of the type.
            items.push(TraitItem::Verbatim(quote!(#[allow(dead_code)] #method)));
        }
    }
    contract.items = items;
    expansion.check();
    let stub = stub(&contract, &expansion, mount);
    add_hidden_items(&mut contract, &expansion.handlers, mount);
    let prelude = expansion.prelude();
    quote!(#prelude #contract #stub)
}

fn check_method(method: &TraitItemFn, options: &Options, errors: &mut Errors) {
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

/// Has each `impl` of the method run on any thread.
fn make_send(method: &mut Function) {
    let signature = &mut method.signature;
    if let ReturnType::Type(_, ty) = &mut signature.output {
        stream::make_send(ty);
    }
    if signature.asyncness.take().is_some() {
        let output = match &signature.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) => ty.to_token_stream(),
        };
        let span = errors_at(signature.ident.span());
        let future = quote_spanned! {span=>
            impl ::core::future::Future<Output = #output> + ::core::marker::Send
        };
        signature.output = parse_quote!(-> #future);
    }
}

/// What the `impl` blocks ask of the contract, and what they must have from `#[namespace]`.
fn add_hidden_items(contract: &mut ItemTrait, handlers: &[Handler], mount: &Mount) {
    let runtime = path();
    let allow_lints = allow_lints();
    let (constant, events, entries) = (contract_constant(), events_constant(), entries_function());
    let (namespace, side, app) = (&mount.namespace(), mount.side(), mount.app());
    let listed = handlers.iter().map(|handler| {
        let cfg = handler.forwarded.cfg();
        let name = handler.signature.name.unraw().to_string();
        let (event, docs) = (&handler.event, handler.forwarded.text());
        let allow = &handler.options.allow;
        let timeout = option(handler.options.timeout_ms);
        let sequential = handler.options.sequential.is_some();
        let deprecated = handler.forwarded.deprecated.is_some();
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
        #allow_lints
        const #constant: #runtime::Contract =
            #runtime::Contract { namespace: #namespace, side: #side, app: #app };
    });
    contract.items.push(parse_quote! {
        #[doc(hidden)]
        #allow_lints
        const #events: &'static [(&'static str, #runtime::ContractEvent)] = &[#(#listed),*];
    });
    contract.items.push(parse_quote! {
        #[doc(hidden)]
        #allow_lints
        fn #entries() -> &'static [&'static #runtime::HandlerEntry]
        where
            Self: ::core::marker::Sized;
    });
}

fn stub(contract: &ItemTrait, expansion: &Expansion<'_>, mount: &Mount) -> TokenStream {
    let runtime = path();
    let name = &contract.ident;
    let entries = entries_function();
    let docs = format!(
        "Calls what [`{name}`] promises in the namespace `{}` through whatever carries a call.",
        mount.namespace()
    );
    let handlers = quote! {
        /// The handlers of one type that fulfils the contract, to build a table of chosen ones.
        pub fn handlers<Service: #name>() -> &'static [&'static #runtime::HandlerEntry] {
            <Service as #name>::#entries()
        }
    };
    expansion.client(&format_ident!("{name}Client"), &contract.vis, &docs, mount, &handlers)
}
