//! Typed stubs: what a caller uses in the handler's place.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Visibility};

use crate::entry::{Callee, entry, entry_name};
use crate::handler::{Handler, Home};
use crate::runtime::{local, path, quiet, shape};

/// A name for a type parameter that nothing in `tokens` uses.
fn free_parameter(names: [&str; 2], tokens: &TokenStream) -> Ident {
    fn mentions(tokens: TokenStream, name: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(ident) => ident == name,
            proc_macro2::TokenTree::Group(group) => mentions(group.stream(), name),
            _ => false,
        })
    }
    let free = names.into_iter().find(|name| !mentions(tokens.clone(), name));
    format_ident!("{}", free.unwrap_or("JiddaParameter"))
}

/// The types a caller's values must have, as one tuple, and the parameters to take them by.
fn caller_arguments(handler: &Handler) -> (TokenStream, TokenStream, TokenStream) {
    let (names, types): (Vec<_>, Vec<_>) =
        handler.signature.owned().map(|input| (&input.name, &input.ty)).unzip();
    (quote!((#(#types,)*)), quote!(#(#names: #types),*), quote!((#(#names,)*)))
}

/// The type of a free handler's own name, with the functions of its stub.
///
/// The bounds of what is sent and read are on the target, so that a program whose payloads are only ever
/// read needs no `Serialize` for them.
pub(crate) fn function(handler: &Handler, home: &Home, visibility: &Visibility) -> TokenStream {
    let runtime = path();
    let name = &handler.signature.name;
    let attributes = handler.carried.all();
    let (cfg, quiet) = (handler.carried.cfg(), quiet());
    let note =
        format!("\n\nThe event `{}` of the namespace `{}`, to be called.", handler.event, home.namespace);
    let functions = (handler.is_callable() && handler.signature.is_sound).then(|| {
        let (types, parameters, values) = caller_arguments(handler);
        let outcome = handler.outcome();
        let (event, namespace) = (&handler.event, &home.namespace);
        let parameter = free_parameter(["C", "CallTarget"], &quote!(#types #outcome));
        let target = local("target");
        let bound = handler.target_bound(&types);
        if handler.is_streaming() {
            return quote! {
                #cfg
                #quiet
                impl #name {
                    /// Calls the handler: each item is asked for with `next`.
                    #[must_use = "a call is sent when its first item is asked for"]
                    pub fn call<#parameter>(
                        #target: &#parameter,
                        #parameters
                    ) -> <#parameter as #bound>::Stream
                    where
                        #parameter: #bound,
                    {
                        <#parameter as #bound>::stream(#target, #namespace, #event, #values)
                    }
                }
            };
        }
        quote! {
            #cfg
            #quiet
            impl #name {
                /// Calls the handler: awaiting it gives the reply.
                #[must_use = "a call does nothing until it is awaited"]
                pub fn call<#parameter>(
                    #target: &#parameter,
                    #parameters
                ) -> <#parameter as #bound>::Call
                where
                    #parameter: #bound,
                {
                    <#parameter as #bound>::call(#target, #namespace, #event, #values)
                }

                /// Sends the event without asking for a reply.
                #[must_use = "an event is not sent until it is awaited"]
                pub fn emit<#parameter>(
                    #target: &#parameter,
                    #parameters
                ) -> <#parameter as #runtime::Emits<#types>>::Emit
                where
                    #parameter: #runtime::Emits<#types>,
                {
                    #runtime::Emits::<#types>::emit(#target, #namespace, #event, #values)
                }
            }
        }
    });
    quote! {
        #attributes
        #[doc = #note]
        #quiet
        #visibility struct #name {}
        #functions
    }
}

/// The function of a free handler's stub that gives its entry, which stands inside of it.
///
/// Where something is wrong there is no entry, only a function that can be named.
pub(crate) fn function_entry(handler: &Handler, home: &Home, all_is_well: bool) -> TokenStream {
    let runtime = path();
    let name = &handler.signature.name;
    let (cfg, quiet, entry_name) = (handler.carried.cfg(), quiet(), entry_name(name));
    let body = if all_is_well {
        let entry = entry(handler, Callee::Function, Some(home));
        quote!(#entry &#entry_name)
    } else {
        quote!(::core::unreachable!())
    };
    quote! {
        #cfg
        #quiet
        impl #name {
            /// The handler itself, to build a table of chosen handlers.
            pub const fn handler() -> &'static #runtime::HandlerEntry {
                #body
            }
        }
    }
}

/// The body of a function that gives the entries of several handlers, which stand inside of it.
pub(crate) fn entries(handlers: &[Handler], callee: Callee<'_>, home: Option<&Home>) -> TokenStream {
    let entries = handlers.iter().map(|handler| entry(handler, callee, home));
    let listed = handlers.iter().map(|handler| {
        let (cfg, name) = (handler.carried.cfg(), entry_name(&handler.signature.name));
        quote!(#cfg &#name)
    });
    let runtime = path();
    quote! {
        #(#entries)*
        const LIST: &[&#runtime::HandlerEntry] = &[#(#listed),*];
        LIST
    }
}

/// Functions that the stub of several handlers has anyway.
pub(crate) const OF_THE_STUB: [&str; 4] = ["new", "call_target", "handlers", "connect"];

/// A stub of several handlers: its type, and a method for each that has a name to call.
pub(crate) fn client(
    name: &Ident,
    visibility: &Visibility,
    docs: &str,
    handlers: &[Handler],
    home: &Home,
) -> TokenStream {
    let runtime = path();
    let quiet = quiet();
    let callable = || {
        handlers.iter().filter(|handler| {
            let is_own = OF_THE_STUB.contains(&handler.signature.name.to_string().as_str());
            handler.is_callable() && handler.signature.is_sound && !is_own
        })
    };
    let mentioned: TokenStream = callable()
        .map(|handler| {
            let (types, _, _) = caller_arguments(handler);
            let outcome = handler.outcome();
            quote!(#types #outcome)
        })
        .collect();
    let parameter = free_parameter(["C", "CallTarget"], &mentioned);
    let methods = callable().map(|handler| method(handler, home, &parameter));
    quote! {
        #[doc = #docs]
        #quiet
        #[::core::prelude::v1::derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #visibility struct #name<#parameter = ()> {
            target: #parameter,
        }

        #quiet
        impl<#parameter: #runtime::CallTarget> #name<#parameter> {
            /// The stub over whatever carries its calls: a socket, a client, a broadcast selection.
            pub fn new(target: #parameter) -> Self {
                Self { target }
            }

            /// What carries the calls.
            pub fn call_target(&self) -> &#parameter {
                &self.target
            }

            #(#methods)*
        }
    }
}

fn method(handler: &Handler, home: &Home, parameter: &Ident) -> TokenStream {
    let name = &handler.signature.name;
    let attributes = handler.carried.all();
    let (types, parameters, values) = caller_arguments(handler);
    let (event, namespace) = (&handler.event, &home.namespace);
    let bound = handler.target_bound(&types);
    let (output, function) =
        if handler.is_streaming() { (quote!(Stream), quote!(stream)) } else { (quote!(Call), quote!(call)) };
    let must_use = if handler.is_streaming() {
        "a call is sent when its first item is asked for"
    } else {
        "a call does nothing until it is awaited"
    };
    quote! {
        #attributes
        #[must_use = #must_use]
        pub fn #name(&self, #parameters) -> <#parameter as #bound>::#output
        where
            #parameter: #bound,
        {
            <#parameter as #bound>::#function(&self.target, #namespace, #event, #values)
        }
    }
}

/// How a caller gets a stub by joining the namespace: with what `connect` takes, if it is handled.
pub(crate) fn connect(name: &Ident, handlers: &[Handler], home: &Home) -> TokenStream {
    let mut connects: Vec<_> = handlers.iter().filter(|handler| handler.event == "connect").collect();
    // Of several, chosen by permission, the stub's is the one that is open to everyone, or else the first.
    let open = connects.iter().find(|handler| handler.options.allow.is_empty());
    if let Some(permissions) = open.or(connects.first()).map(|handler| handler.options.permissions()) {
        connects.retain(|handler| handler.options.permissions() == permissions);
    }
    // Two that are always there are a mistake that is told already.
    let mut is_there = false;
    connects.retain(|handler| !handler.carried.cfg.is_empty() || !std::mem::replace(&mut is_there, true));
    // Without a handler, or while none of several is there, there is nothing to send.
    let absent: Vec<_> = connects.iter().flat_map(|handler| &handler.carried.cfg).collect();
    let mut functions: Vec<_> =
        connects.iter().map(|handler| connect_function(name, Some(handler), home)).collect();
    if connects.is_empty() {
        functions.push(connect_function(name, None, home));
    } else if absent.len() == connects.len() {
        let predicates: Vec<_> =
            absent.iter().filter_map(|cfg| cfg.parse_args::<TokenStream>().ok()).collect();
        let function = connect_function(name, None, home);
        functions.push(quote!(#[cfg(not(any(#(#predicates),*)))] #function));
    }
    quote!(#(#functions)*)
}

fn connect_function(name: &Ident, handler: Option<&Handler>, home: &Home) -> TokenStream {
    let runtime = path();
    let auth = handler.and_then(|handler| handler.signature.owned().next());
    let carried = handler.map(|handler| handler.carried.all()).unwrap_or_default();
    let outcome = handler.map_or_else(|| quote!(()), Handler::outcome);
    let shape = shape(&outcome);
    let (auth_type, auth_parameter, auth_value) = match auth {
        Some(input) => {
            let (name, ty) = (&input.name, &input.ty);
            (quote!(#ty), quote!(, #name: #ty), quote!(#name))
        }
        None => (quote!(()), TokenStream::new(), quote!(())),
    };
    let (connector, namespace) = (local("connector"), local("namespace"));
    let parameter = free_parameter(["T", "JoinTarget"], &quote!(#auth_type #outcome));
    let (namespace_parameter, namespace_value) = if home.is_family() {
        (quote!(, #namespace: &str), quote!(#namespace))
    } else {
        let text = &home.namespace;
        (TokenStream::new(), quote!(#text))
    };
    let bound = quote!(#runtime::Joins<#auth_type, #outcome, #shape>);
    quote! {
        #carried
        /// Joins the namespace and gives the stub over its socket.
        pub async fn connect<#parameter>(
            #connector: &#parameter
            #namespace_parameter
            #auth_parameter
        ) -> ::core::result::Result<
            #name<<#parameter as #bound>::CallTarget>,
            <#parameter as #bound>::Error,
        >
        where
            #parameter: #bound,
        {
            <#parameter as #bound>::join(#connector, #namespace_value, #auth_value).await.map(#name::new)
        }
    }
}
