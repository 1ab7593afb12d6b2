//! `#[namespace]` on an `impl` block or a module: collects the handlers inside and writes their stub.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{
    Generics, Ident, ImplItem, ImplItemFn, Item, ItemFn, ItemImpl, ItemMod, LitStr, Meta, PathArguments,
    Type, TypePath, Visibility, parse_quote,
};

use crate::attribute::{Attribute, Options, Side};
use crate::check::Errors;
use crate::contract;
use crate::entry::Callee;
use crate::function::{Function, Seen, is_ours, take_on};
use crate::handler::{Handler, Home};
use crate::on::Free;
use crate::runtime::{path, quiet, signature_lints};
use crate::signature::Place;
use crate::stub;
use crate::variants::variants;
use crate::waiting;

/// Expands the attribute.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) if block.trait_.is_some() => contract::fulfil(&attribute, block),
        Ok(Item::Impl(block)) => of_type(attribute, block),
        Ok(Item::Mod(module)) => of_module(attribute, module),
        Ok(Item::Trait(contract)) => contract::declare(attribute, contract),
        _ => {
            let mut errors = Errors::default();
            errors
                .push(&item, "`#[namespace]` marks an `impl` block, a trait or a module that holds handlers");
            let errors = errors.into_tokens();
            quote!(#errors #item)
        }
    }
}

/// Reads the attribute of a block that says where its handlers belong.
pub(crate) fn read_home(attribute: TokenStream, errors: &mut Errors) -> Home {
    let options = Options::read(Attribute::Namespace, attribute, errors);
    if options.leading.is_none() && errors.is_empty() {
        errors.push_at(Span::call_site(), "the namespace is missing: `#[namespace(\"/chat\")]`");
    }
    Home {
        namespace: options.leading.as_ref().map_or_else(|| "/".to_owned(), LitStr::value),
        ..Home::of(&options)
    }
}

/// Says that what the block says cannot be said again by a handler of it.
pub(crate) fn check_inner_options(options: &Options, errors: &mut Errors) {
    for name in ["namespace", "app", "side"] {
        if let Some(given) = options.find(name) {
            errors
                .push(given, format!("`{name}` is said once, by the `#[namespace]` around: remove it here"));
        }
    }
}

/// Says what clashes within a block: two handlers of one event, a handler with a name of the stub's.
pub(crate) fn check_together<'a>(handlers: impl Iterator<Item = &'a Handler>, errors: &mut Errors) {
    let mut seen: Vec<&Handler> = Vec::new();
    for handler in handlers {
        let name = handler.signature.name.to_string();
        if handler.is_callable() && stub::OF_THE_STUB.contains(&name.as_str()) {
            errors.push(
                &handler.signature.name,
                format!(
                    "the stub has a function `{name}` of its own: rename this one and keep its event with \
                     `#[on(\"{}\")]`",
                    handler.event
                ),
            );
        }
        // Under `#[cfg]` at most one of them may be there.
        let permissions = handler.options.permissions();
        let same = |other: &&&Handler| {
            other.event == handler.event
                && other.carried.cfg.is_empty()
                && other.options.permissions() == permissions
        };
        if let Some(first) = seen.iter().find(same)
            && handler.carried.cfg.is_empty()
        {
            let (event, first) = (&handler.event, &first.signature.name);
            let message = if permissions.is_empty() {
                format!(
                    "the event `{event}` is handled by `{first}` already: an event has one handler, or several \
                     that differ in `allow`"
                )
            } else {
                let permissions = permissions.join("` or `");
                format!(
                    "the event `{event}` is handled for `{permissions}` by `{first}` already: only the first one \
                     could ever run"
                )
            };
            errors.push_at(handler.event_span, message);
        }
        seen.push(handler);
    }
}

pub(crate) fn check_generics(generics: &Generics, errors: &mut Errors) {
    if !generics.params.is_empty() {
        errors
            .push(generics, "handlers cannot be generic: each stands in the program once, under known types");
    } else if let Some(clause) = &generics.where_clause {
        errors.push(clause, "handlers cannot have a `where` clause: their types must be known");
    }
}

/// The name of the type whose methods are handlers, if it is one that can be.
pub(crate) fn service_name<'a>(block: &'a ItemImpl, errors: &mut Errors) -> Option<&'a Ident> {
    if block.generics.params.is_empty() && block.generics.where_clause.is_none() {
        return type_name(&block.self_ty, errors);
    }
    check_generics(&block.generics, errors);
    None
}

fn type_name<'a>(ty: &'a Type, errors: &mut Errors) -> Option<&'a Ident> {
    match ty {
        Type::Group(group) => type_name(&group.elem, errors),
        Type::Path(TypePath { qself: None, path, .. }) => {
            let last = path.segments.last()?;
            if let PathArguments::None = last.arguments {
                return Some(&last.ident);
            }
            errors.push(ty, "a service has one known type: wrap this in a struct of its own");
            None
        }
        _ => {
            errors.push(ty, "a service is a struct or an enum with a name");
            None
        }
    }
}

fn of_type(attribute: TokenStream, mut block: ItemImpl) -> TokenStream {
    let mut errors = Errors::default();
    let mut seen = Seen::default();
    let home = read_home(attribute, &mut errors);
    let self_type = (*block.self_ty).clone();
    let name = service_name(&block, &mut errors).cloned();

    let mut handlers: Vec<Handler> = Vec::new();
    let mut firsts = Vec::new();
    let mut items = Vec::new();
    for item in std::mem::take(&mut block.items) {
        let ImplItem::Fn(mut method) = item else {
            items.push(item);
            continue;
        };
        let Some(options) = take_on(&mut method.attrs, &mut seen, &mut errors) else {
            items.push(ImplItem::Fn(method));
            continue;
        };
        check_inner_options(&options, &mut errors);
        let first = handlers.len();
        for (method, handler) in method_variants(&method, &options, &self_type, &mut errors) {
            items.push(ImplItem::Fn(method));
            handlers.push(handler);
        }
        handlers[first].check(&mut errors);
        firsts.push(first);
    }
    block.items = items;
    check_together(firsts.iter().map(|&index| &handlers[index]), &mut errors);

    let stub = name.map(|name| {
        let client = format_ident!("{name}Client");
        let docs = format!(
            "Calls the handlers of [`{name}`] in the namespace `{}` through whatever carries a call.",
            home.namespace
        );
        let stub = stub::client(&client, &parse_quote!(pub), &docs, &handlers, &home);
        let entries = if errors.is_empty() {
            stub::entries(&handlers, Callee::Method(&self_type), Some(&home))
        } else {
            quote!(&[])
        };
        let associated = associated(&client, &handlers, &home, &entries);
        quote!(#stub #associated)
    });
    let (errors, seen) = (errors.into_tokens(), seen.tokens());
    quote!(#errors #seen #block #stub)
}

/// A method once for each variant of its arguments, with its handler. The first one tells the mistakes.
pub(crate) fn method_variants(
    method: &ImplItemFn,
    options: &Options,
    self_type: &Type,
    errors: &mut Errors,
) -> Vec<(ImplItemFn, Handler)> {
    let mut first = true;
    let variants = variants(&method.sig, errors).into_iter().map(|variant| {
        let mut method = method.clone();
        method.attrs.extend(variant.cfg);
        method.attrs.push(signature_lints());
        method.sig = variant.signature;
        let mut repeated = Errors::default();
        let errors = if std::mem::take(&mut first) { &mut *errors } else { &mut repeated };
        let mut handler = Handler::read(
            options.clone(),
            &method.attrs,
            &mut method.sig,
            Place::Method,
            Some(self_type),
            errors,
        );
        handler.may_wait = waiting::may_wait(&method.attrs, method.block.to_token_stream());
        (method, handler)
    });
    variants.collect()
}

/// The functions of the stub that need no target.
fn associated(client: &Ident, handlers: &[Handler], home: &Home, entries: &TokenStream) -> TokenStream {
    let runtime = path();
    let quiet = quiet();
    let connect = (home.side == Side::Server).then(|| stub::connect(client, handlers, home));
    quote! {
        #quiet
        impl #client<()> {
            #connect

            /// The handlers themselves, to build a table of chosen ones.
            pub fn handlers() -> &'static [&'static #runtime::HandlerEntry] {
                #entries
            }
        }
    }
}

fn of_module(attribute: TokenStream, mut module: ItemMod) -> TokenStream {
    let mut errors = Errors::default();
    let mut seen = Seen::default();
    let home = read_home(attribute.clone(), &mut errors);
    let Some((_, content)) = &mut module.content else {
        errors.push(
            &module,
            format!(
                "`#[namespace]` has to see the functions: write them here, `mod {} {{ .. }}`, or put \
                 `namespace = \"{}\"` on each `#[on]`",
                module.ident, home.namespace
            ),
        );
        let errors = errors.into_tokens();
        return quote!(#errors #module);
    };
    let mut items = Vec::new();
    let mut found = Vec::new();
    for item in std::mem::take(content) {
        let Item::Fn(mut function) = item else {
            items.push(item);
            continue;
        };
        place_middleware(&mut function, &attribute);
        let Some(options) = take_on(&mut function.attrs, &mut seen, &mut errors) else {
            items.push(Item::Fn(function));
            continue;
        };
        check_inner_options(&options, &mut errors);
        found.push(Free::read(into_function(function), options, home.clone(), &mut errors));
    }
    check_together(found.iter().map(Free::first), &mut errors);

    let all_is_well = errors.is_empty();
    let functions: Vec<_> = found.iter().map(|free| free.tokens(all_is_well)).collect();
    let handlers: Vec<_> = found.into_iter().flat_map(Free::into_handlers).collect();
    let client = format_ident!("Client");
    let docs =
        format!("Calls the handlers of the namespace `{}` through whatever carries a call.", home.namespace);
    let visibility: Visibility = parse_quote!(pub);
    let stub = stub::client(&client, &visibility, &docs, &handlers, &home);
    let entries = if all_is_well { list_of_functions(&handlers) } else { quote!(&[]) };
    let associated = associated(&client, &handlers, &home, &entries);
    let (errors, seen) = (errors.into_tokens(), seen.tokens());
    items.push(Item::Verbatim(quote!(#(#functions)* #seen #stub #associated)));
    *content = items;
    quote!(#errors #module)
}

/// The entries of free handlers, which stand inside of the functions that give them.
fn list_of_functions(handlers: &[Handler]) -> TokenStream {
    let runtime = path();
    let listed = handlers.iter().map(|handler| {
        let (cfg, name) = (handler.carried.cfg(), &handler.signature.name);
        quote!(#cfg #name::handler())
    });
    quote! {
        const LIST: &[&#runtime::HandlerEntry] = &[#(#listed),*];
        LIST
    }
}

fn into_function(function: ItemFn) -> Function {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    Function::new(attrs, vis, sig, block.into_token_stream())
}

/// Gives a middleware of the module the module's place, unless it says its own.
fn place_middleware(function: &mut ItemFn, place: &TokenStream) {
    for attribute in function.attrs.iter_mut().filter(|attribute| is_ours(attribute, "middleware")) {
        let own = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let mut errors = Errors::default();
        let inner = Options::read(Attribute::Middleware, own.clone(), &mut errors);
        let outer = Options::read(Attribute::Namespace, place.clone(), &mut errors);
        let mut added = TokenStream::new();
        if let (None, Some(namespace)) = (&inner.namespace, &outer.leading) {
            added.extend(quote!(namespace = #namespace,));
        }
        if let (None, Some(app)) = (&inner.app, &outer.app) {
            added.extend(quote!(app = #app,));
        }
        if let (None, Some(Side::Client)) = (inner.side, outer.side) {
            added.extend(quote!(side = client,));
        }
        let path = attribute.path().clone();
        *attribute = parse_quote!(#[#path(#added #own)]);
    }
}
