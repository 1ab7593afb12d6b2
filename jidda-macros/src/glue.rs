//! The glue of a handler: all that runs between a message and the handler's function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Ident, Path, Type};

use crate::model::Handler;
use crate::runtime::{self, errors_at, hygienic_ident, path, path_at};
use crate::signature::{Origin, Output};
use crate::stream::StreamOutput;

/// How generated code reaches the handler's function.
#[derive(Clone, Copy)]
pub(crate) enum Callee<'a> {
    /// A function in scope.
    Function,
    /// A method of the type, or an associated function.
    Method(&'a Type),
    /// A method in the type's `impl` of a contract.
    Contract(&'a Type, &'a Path),
}

/// The glue: decodes the owned arguments, then runs the handler at once where it has nothing to wait for, or gives its
/// future.
pub(crate) fn glue(handler: &Handler, callee: Callee<'_>) -> TokenStream {
    let runtime = path();
    let (context, arguments) = (hygienic_ident("context"), hygienic_ident("arguments"));
    let decode = decode(handler, &context, &arguments);
    let run = if let Output::Stream(stream) = &handler.signature.output {
        run_stream(handler, callee, &context, stream)
    } else if handler.options.blocking.is_some() {
        run_blocking(handler, callee, &context)
    } else {
        let can_be_ready = !(handler.signature.is_async && handler.may_wait);
        match (can_be_ready, handler.signature.borrowed().next().is_some()) {
            (false, _) => run_future(handler, callee, &context),
            (true, false) => run_at_once(handler, callee, &context),
            (true, true) => {
                let (at_once, future) =
                    (run_borrowing(handler, callee, &context), run_future(handler, callee, &context));
                quote!(#at_once #future)
            }
        }
    };
    quote! {
        fn __jidda_glue(#context: &#runtime::Context, #arguments: #runtime::Arguments<'_>) -> #runtime::Dispatch {
            #decode
            #run
        }
    }
}

fn decode(handler: &Handler, context: &Ident, arguments: &Ident) -> TokenStream {
    let runtime = path();
    let owned: Vec<_> = handler.signature.owned().collect();
    // The others are given what belongs to the event, whether or not they take it.
    let ends = handler.is_callable();
    if owned.is_empty() {
        return if ends { quote!(#arguments.end(#context);) } else { TokenStream::new() };
    }
    let (reader, error) = (hygienic_ident("reader"), hygienic_ident("error"));
    let refuse = quote! {
        ::core::result::Result::Err(#error) => return #runtime::Dispatch::refused(#error)
    };
    let names = owned.iter().map(|input| input.name.unraw().to_string());
    let takes = handler.signature.inputs.iter().enumerate().filter_map(|(index, input)| {
        let Origin::Message { or_default } = input.origin else { return None };
        let (ty, value) = (&input.ty, argument_name(index));
        let take = if or_default { quote!(take_or_default) } else { quote!(take) };
        Some(quote_spanned! {errors_at(ty.span())=>
            let #value = match #reader.#take::<#ty>() {
                ::core::result::Result::Ok(#value) => #value,
                #refuse,
            };
        })
    });
    let end = ends.then(|| quote!(#reader.end(#context);));
    quote! {
        let mut #reader = match #arguments.reader(&[#(#names),*]) {
            ::core::result::Result::Ok(#reader) => #reader,
            #refuse,
        };
        #(#takes)*
        #end
    }
}

/// A value by the argument's position: the user's name for it may be anything.
fn argument_name(index: usize) -> Ident {
    hygienic_ident(&format!("argument_{index}"))
}

/// Code for each borrowed argument: what takes its value from the connection, given its position and type.
///
/// The span is the type's own, as if the user had written the code: rustc says the same thing at the same place
/// once, and a type that cannot be borrowed is in the way of all of it.
fn each_borrowed(handler: &Handler, write: impl Fn(Span, usize, &Type) -> TokenStream) -> Vec<TokenStream> {
    let inputs = handler.signature.inputs.iter().enumerate();
    let borrowed = inputs.filter(|(_, input)| input.origin == Origin::Connection);
    borrowed.map(|(index, input)| write(input.ty.span(), index, &input.ty)).collect()
}

/// Waits for the value of a borrowed argument, or ends with its refusal.
fn extract(span: Span, context: &Ident, ty: &Type) -> TokenStream {
    let runtime = path_at(span);
    let (value, error) = (hygienic_ident("value"), hygienic_ident("error"));
    quote_spanned! {span=>
        match <#ty as #runtime::FromConnection>::from_connection(#context).await {
            ::core::result::Result::Ok(#value) => #value,
            ::core::result::Result::Err(#error) => return #runtime::Reply::error(#error),
        }
    }
}

fn slot_name(index: usize) -> Ident {
    hygienic_ident(&format!("slot_{index}"))
}

/// A handler that has nothing to wait for needs no future that outlives the call.
fn run_at_once(handler: &Handler, callee: Callee<'_>, context: &Ident) -> TokenStream {
    let reply = reply(handler, callee, context);
    let runtime = path();
    if handler.signature.is_async {
        quote!(#runtime::Dispatch::at_once(async move { #reply }))
    } else {
        quote!(#runtime::Dispatch::Ready(#reply))
    }
}

/// The same for one that borrows, if the connection has at hand what it borrows; else the next way is tried.
fn run_borrowing(handler: &Handler, callee: Callee<'_>, context: &Ident) -> TokenStream {
    let borrow = each_borrowed(handler, |span, index, ty| {
        let runtime = path_at(span);
        let value = argument_name(index);
        quote_spanned! {span=>
            let ::core::option::Option::Some(#value) = <#ty as #runtime::FromConnection>::borrow_from(#context)
            else {
                break 'at_once;
            };
        }
    });
    let run = run_at_once(handler, callee, context);
    quote! {
        'at_once: {
            #(#borrow)*
            return #run;
        }
    }
}

fn run_future(handler: &Handler, callee: Callee<'_>, context: &Ident) -> TokenStream {
    let borrow = borrow(handler, context);
    let reply = reply(handler, callee, context);
    let keep = keep(context);
    // A future that is not `Send` is an error at the handler's name.
    let span = errors_at(handler.signature.name.span());
    let runtime = path_at(span);
    quote_spanned! {span=>
        #keep
        #runtime::Dispatch::future(async move {
            let #context = &#context;
            #(#borrow)*
            #reply
        })
    }
}

/// A context for a future, which outlives the one it is made from.
fn keep(context: &Ident) -> TokenStream {
    quote!(let #context = ::core::clone::Clone::clone(#context);)
}

/// The future holds what the stream borrows, and sends its items to an outlet.
fn run_stream(handler: &Handler, callee: Callee<'_>, context: &Ident, stream: &StreamOutput) -> TokenStream {
    let borrow = borrow(handler, context);
    let call = call(handler, callee, context);
    let keep = keep(context);
    let span = errors_at(handler.signature.name.span());
    let (outlet, output) = (Ident::new("outlet", span), Ident::new("output", span));
    let runtime = path_at(span);
    let StreamOutput { item, whole } = stream;
    let (whole_shape, item_shape) = (runtime::shape(whole), runtime::shape(item));
    quote_spanned! {span=>
        #keep
        const _: () = #runtime::check_stream::<#whole, #item, #whole_shape, #item_shape>();
        #runtime::Dispatch::stream(move |#outlet| async move {
            #[allow(unused_imports)]
            use #runtime::kinds::*;
            let #context = &#context;
            #(#borrow)*
            let #output = #call;
            match (&&&&&&#runtime::Returned::of(&#output)).kind().begin(#context, #output) {
                ::core::result::Result::Ok(#output) => {
                    let write = (&&&&&&#runtime::Returned::<#item>::new()).kind().writer(#context);
                    #outlet.send(#output, write).await
                }
                ::core::result::Result::Err(reply) => reply,
            }
        })
    }
}

/// What the handler borrows, each in a variable of its own.
fn borrow(handler: &Handler, context: &Ident) -> Vec<TokenStream> {
    each_borrowed(handler, |span, index, ty| {
        let runtime = path_at(span);
        let (value, slot, extract) = (argument_name(index), slot_name(index), extract(span, context, ty));
        quote_spanned! {span=>
            let #slot;
            let #value: &#ty = match <#ty as #runtime::FromConnection>::borrow_from(#context) {
                ::core::option::Option::Some(#value) => #value,
                ::core::option::Option::None => {
                    #slot = #extract;
                    &#slot
                }
            };
        }
    })
}

fn run_blocking(handler: &Handler, callee: Callee<'_>, context: &Ident) -> TokenStream {
    let take = each_borrowed(handler, |span, index, ty| {
        let (slot, extract) = (slot_name(index), extract(span, context, ty));
        quote_spanned!(span=> let #slot = #extract;)
    });
    let borrow = each_borrowed(handler, |span, index, _| {
        let (value, slot) = (argument_name(index), slot_name(index));
        quote_spanned!(span=> let #value = &#slot;)
    });
    let reply = reply(handler, callee, context);
    let keep = keep(context);
    let span = errors_at(handler.signature.name.span());
    let runtime = path_at(span);
    quote_spanned! {span=>
        #keep
        #runtime::Dispatch::future(async move {
            let #context = &#context;
            #(#take)*
            let #context = ::core::clone::Clone::clone(#context);
            #runtime::blocking(move || {
                let #context = &#context;
                #(#borrow)*
                #reply
            })
            .await
        })
    }
}

/// Calls the handler, and waits for it if it is asynchronous.
fn call(handler: &Handler, callee: Callee<'_>, context: &Ident) -> TokenStream {
    let signature = &handler.signature;
    let name = &signature.name;
    let span = errors_at(name.span());
    let function = match callee {
        Callee::Function => quote!(#name),
        Callee::Method(ty) => quote!(<#ty>::#name),
        // What borrows is no method of the contract: see `contract_impl`.
        Callee::Contract(ty, _) if signature.borrowed().next().is_some() => quote!(<#ty>::#name),
        Callee::Contract(ty, contract) => quote!(<#ty as #contract>::#name),
    };
    let service = match callee {
        Callee::Method(ty) | Callee::Contract(ty, _) if signature.has_receiver => {
            quote!(#context.service::<#ty>(),)
        }
        _ => TokenStream::new(),
    };
    let values = (0..signature.inputs.len()).map(argument_name);
    let wait = signature.is_async.then(|| quote_spanned!(span=> .await));
    quote_spanned!(span=> #function(#service #(#values),*) #wait)
}

/// Calls the handler and makes a reply of what it returns.
fn reply(handler: &Handler, callee: Callee<'_>, context: &Ident) -> TokenStream {
    let call = call(handler, callee, context);
    let span = errors_at(handler.signature.name.span());
    let span = match &handler.signature.output {
        // A stream is not replied with as a whole: see `run_stream`.
        Output::Nothing | Output::Stream(_) => span,
        Output::Value(ty) => errors_at(first_span(ty)),
    };
    let output = Ident::new("output", span);
    let runtime = path_at(span);
    quote_spanned! {span=>
        {
            #[allow(unused_imports)]
            use #runtime::kinds::*;
            let #output = #call;
            (&&&&&&#runtime::Returned::of(&#output)).kind().reply(#context, #output)
        }
    }
}

fn first_span(ty: &Type) -> Span {
    ty.to_token_stream().into_iter().next().map_or_else(Span::call_site, |token| token.span())
}
