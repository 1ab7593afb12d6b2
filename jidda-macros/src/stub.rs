//! Typed stubs: what a caller uses in the handler's place.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, Type, Visibility};

use crate::attribute::Side;
use crate::entry::{entry, entry_name};
use crate::glue::Callee;
use crate::model::{Handler, Mount};
use crate::pattern::Parameter;
use crate::runtime::{allow_lints, hygienic_ident, path, shape};

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

/// What a caller gives for the arguments of a handler: each is the handler's type, or what may be passed for it, such as
/// a reference to it.
struct Given {
    /// The type parameters with their bounds.
    generics: TokenStream,
    /// The parameters of the function.
    parameters: TokenStream,
    /// The types of the values, as one tuple.
    types: TokenStream,
    /// The values, as one tuple.
    values: TokenStream,
}

impl Given {
    fn of(handler: &Handler) -> Self {
        let runtime = path();
        let arguments: Vec<_> = handler.signature.owned().collect();
        let names: Vec<_> = arguments.iter().map(|input| &input.name).collect();
        let types: Vec<_> = arguments.iter().map(|input| &input.ty).collect();
        let parameters: Vec<_> = (1..=arguments.len()).map(|index| format_ident!("__A{index}")).collect();
        Self {
            generics: quote!(#(#parameters: #runtime::ArgumentFor<#types>),*),
            parameters: quote!(#(#names: #parameters),*),
            types: quote!((#(#parameters,)*)),
            values: quote!((#(#names,)*)),
        }
    }
}

/// The handler's own types that its stub mentions.
fn mentioned(handler: &Handler) -> TokenStream {
    let types = handler.signature.owned().map(|input| &input.ty);
    let outcome = handler.outcome();
    quote!(#(#types)* #outcome)
}

/// The type of a free handler's own name, with the functions of its stub.
///
/// It stands in a module of its own and is imported from there: so an item beside it that bears the same name, such as
/// a module or an import, hides it instead of clashing with it.
///
/// The bounds of what is sent and read are on the target, so that a program whose payloads are only ever
/// read needs no `Serialize` for them.
pub(crate) fn function(handler: &Handler, mount: &Mount, visibility: &Visibility) -> TokenStream {
    let name = &handler.signature.name;
    let attributes = handler.forwarded.all();
    let (cfg, allow_lints, module) = (handler.forwarded.cfg(), allow_lints(), &handler.stub_module);
    let namespace = mount.namespace();
    let note = format!("\n\nThe event `{}` of the namespace `{namespace}`, to be called.", handler.event);
    let is_callable = handler.is_callable() && handler.signature.is_sound;
    let functions = is_callable.then(|| functions(handler, namespace));
    quote! {
        #cfg
        #allow_lints
        mod #module {
            #attributes
            #[doc = #note]
            pub struct #name {}
        }

        #cfg
        #allow_lints
        #[allow(unused_imports)]
        #visibility use #module::*;

        #functions
    }
}

/// The type of a free handler's name, whatever else has the name.
pub(crate) fn function_path(handler: &Handler) -> TokenStream {
    let (module, name) = (&handler.stub_module, &handler.signature.name);
    quote!(#module::#name)
}

fn functions(handler: &Handler, namespace: &str) -> TokenStream {
    let runtime = path();
    let (cfg, allow_lints) = (handler.forwarded.cfg(), allow_lints());
    let stub = function_path(handler);
    let event = &handler.event;
    let Given { generics, parameters, types, values } = Given::of(handler);
    let (bound, shape) = handler.target_bounds(&types);
    let parameter = free_parameter(["C", "CallTarget"], &mentioned(handler));
    let target = hygienic_ident("target");
    if handler.is_streaming() {
        return quote! {
            #cfg
            #allow_lints
            impl #stub {
                /// Calls the handler: each item is asked for with `next`.
                #[must_use = "a call is sent when its first item is asked for"]
                pub fn call<#parameter, #generics>(
                    #target: &#parameter,
                    #parameters
                ) -> <#parameter as #shape>::Stream
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
        #allow_lints
        impl #stub {
            /// Calls the handler: awaiting it gives the reply.
            #[must_use = "a call does nothing until it is awaited"]
            pub fn call<#parameter, #generics>(
                #target: &#parameter,
                #parameters
            ) -> <#parameter as #shape>::Call
            where
                #parameter: #bound,
            {
                <#parameter as #bound>::call(#target, #namespace, #event, #values)
            }

            /// Sends the event without asking for a reply.
            #[must_use = "an event is not sent until it is awaited"]
            pub fn emit<#parameter, #generics>(
                #target: &#parameter,
                #parameters
            ) -> <#parameter as #runtime::Emits<#types>>::Emit
            where
                #parameter: #runtime::Emits<#types>,
            {
                <#parameter as #runtime::Emits<#types>>::emit(#target, #namespace, #event, #values)
            }
        }
    }
}

/// The function of a free handler's stub that gives its entry, which stands inside of it.
///
/// Where something is wrong there is no entry, only a function that can be named.
pub(crate) fn function_entry(handler: &Handler, mount: &Mount, is_sound: bool) -> TokenStream {
    let runtime = path();
    let name = &handler.signature.name;
    let (cfg, allow_lints, entry_name) = (handler.forwarded.cfg(), allow_lints(), entry_name(name));
    let stub = function_path(handler);
    let body = if is_sound {
        let entry = entry(handler, Callee::Function, Some(mount));
        quote!(#entry &#entry_name)
    } else {
        quote!(::core::unreachable!())
    };
    quote! {
        #cfg
        #allow_lints
        impl #stub {
            /// The handler itself, to build a table of chosen handlers.
            pub const fn handler() -> &'static #runtime::HandlerEntry {
                #body
            }
        }
    }
}

/// Functions that the stub of several handlers has anyway.
pub(crate) const OF_THE_STUB: [&str; 6] = ["new", "call_target", "handlers", "connect", "namespace", "of"];

/// A stub of several handlers: its type, and a method for each that has a name to call.
pub(crate) fn client(
    name: &Ident,
    visibility: &Visibility,
    docs: &str,
    handlers: &[Handler],
    mount: &Mount,
) -> TokenStream {
    let runtime = path();
    let allow_lints = allow_lints();
    let callable = || {
        handlers.iter().filter(|handler| {
            let is_own = OF_THE_STUB.contains(&handler.signature.name.to_string().as_str());
            handler.is_callable() && handler.signature.is_sound && !is_own
        })
    };
    let parameter = free_parameter(["C", "CallTarget"], &callable().map(mentioned).collect());
    let methods = callable().map(|handler| method(handler, mount, &parameter));
    quote! {
        #[doc = #docs]
        #allow_lints
        #[::core::prelude::v1::derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #visibility struct #name<#parameter = ()> {
            target: #parameter,
        }

        #allow_lints
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

fn method(handler: &Handler, mount: &Mount, parameter: &Ident) -> TokenStream {
    let name = &handler.signature.name;
    let attributes = handler.forwarded.all();
    let Given { generics, parameters, types, values } = Given::of(handler);
    let (event, namespace) = (&handler.event, mount.namespace());
    let (bound, shape) = handler.target_bounds(&types);
    let (output, function, must_use) = if handler.is_streaming() {
        (quote!(Stream), quote!(stream), "a call is sent when its first item is asked for")
    } else {
        (quote!(Call), quote!(call), "a call does nothing until it is awaited")
    };
    quote! {
        #attributes
        #[must_use = #must_use]
        pub fn #name<#generics>(&self, #parameters) -> <#parameter as #shape>::#output
        where
            #parameter: #bound,
        {
            <#parameter as #bound>::#function(&self.target, #namespace, #event, #values)
        }
    }
}

/// What a caller gives for the parameters of a family of namespaces.
struct Path {
    /// The parameters of the function, each with a comma behind it.
    parameters: TokenStream,
    /// The same as arguments.
    arguments: TokenStream,
    /// An expression for the namespace's name, or an error if a value has no place in it.
    name: TokenStream,
}

impl Path {
    fn of(mount: &Mount) -> Self {
        let runtime = path();
        let (pattern, parameters) = (mount.namespace(), &mount.namespace.parameters);
        let names: Vec<_> = parameters.iter().map(|parameter| &parameter.name).collect();
        let types = parameters.iter().map(Parameter::caller_type);
        Self {
            parameters: quote!(#(#names: #types,)*),
            arguments: quote!(#(#names,)*),
            name: quote!(#runtime::namespace_path(#pattern, &[#(&#names),*])),
        }
    }
}

impl Parameter {
    /// The type that a caller gives.
    fn caller_type(&self) -> Type {
        self.ty.clone().unwrap_or_else(|| syn::parse_quote!(impl ::core::fmt::Display))
    }
}

/// The functions of a stub that name its namespace.
pub(crate) fn namespace(name: &Ident, mount: &Mount) -> TokenStream {
    let runtime = path();
    let text = mount.namespace();
    let is_family = !mount.namespace.parameters.is_empty();
    let path = Path::of(mount);
    let (parameters, arguments, expression) = (&path.parameters, &path.arguments, &path.name);
    let own = if is_family {
        quote! {
            /// The name of the namespace with these parameters.
            ///
            /// # Errors
            ///
            /// When the text of one is empty or has a slash in it: it would name another namespace.
            pub fn namespace(
                #parameters
            ) -> ::core::result::Result<::std::string::String, #runtime::NamespaceError> {
                #expression
            }
        }
    } else {
        quote! {
            /// The name of the namespace.
            pub const fn namespace() -> &'static str {
                #text
            }
        }
    };
    // What clients handle, a server calls.
    let of = (mount.side == Side::Client).then(|| {
        let server = hygienic_ident("server");
        let parameter = hygienic_ident("Namespaces");
        if is_family {
            quote! {
                /// The stub over every socket in the namespace with these parameters: what it calls is a broadcast.
                ///
                /// # Errors
                ///
                /// When the text of a parameter is empty or has a slash in it.
                pub fn of<#parameter: #runtime::Namespaces>(
                    #server: &#parameter,
                    #parameters
                ) -> ::core::result::Result<#name<#parameter::Selection>, #runtime::NamespaceError> {
                    let namespace = Self::namespace(#arguments)?;
                    ::core::result::Result::Ok(#name::new(#runtime::Namespaces::of(#server, &namespace)))
                }
            }
        } else {
            quote! {
                /// The stub over every socket in the namespace: what it calls is a broadcast.
                pub fn of<#parameter: #runtime::Namespaces>(
                    #server: &#parameter
                ) -> #name<#parameter::Selection> {
                    #name::new(#runtime::Namespaces::of(#server, #text))
                }
            }
        }
    });
    quote!(#own #of)
}

/// How a caller gets a stub by joining the namespace: with what `connect` takes, if it is handled.
pub(crate) fn connect(name: &Ident, handlers: &[Handler], mount: &Mount) -> TokenStream {
    let mut connects: Vec<_> = handlers.iter().filter(|handler| handler.event == "connect").collect();
    // Of several, chosen by permission, the stub's is the one that is open to everyone, or else the first.
    let open = connects.iter().find(|handler| handler.options.allow.is_empty());
    if let Some(permissions) = open.or(connects.first()).map(|handler| handler.options.permissions()) {
        connects.retain(|handler| handler.options.permissions() == permissions);
    }
    // Two that are always there are a mistake that is reported already.
    let mut is_there = false;
    connects.retain(|handler| !handler.forwarded.cfg.is_empty() || !std::mem::replace(&mut is_there, true));
    // Without a handler, or while none of several is there, there is nothing to send.
    let absent: Vec<_> = connects.iter().flat_map(|handler| &handler.forwarded.cfg).collect();
    let mut functions: Vec<_> =
        connects.iter().map(|handler| connect_function(name, Some(handler), mount)).collect();
    if connects.is_empty() {
        functions.push(connect_function(name, None, mount));
    } else if absent.len() == connects.len() {
        let predicates: Vec<_> =
            absent.iter().filter_map(|cfg| cfg.parse_args::<TokenStream>().ok()).collect();
        let function = connect_function(name, None, mount);
        functions.push(quote!(#[cfg(not(any(#(#predicates),*)))] #function));
    }
    quote!(#(#functions)*)
}

fn connect_function(name: &Ident, handler: Option<&Handler>, mount: &Mount) -> TokenStream {
    let runtime = path();
    let auth = handler.and_then(|handler| handler.signature.owned().next());
    let forwarded = handler.map(|handler| handler.forwarded.all()).unwrap_or_default();
    let outcome = handler.map_or_else(|| quote!(()), Handler::outcome);
    let shape = shape(&outcome);
    let given = format_ident!("__A1");
    let (auth_generics, auth_type, auth_parameter, auth_value) = match auth {
        Some(input) => {
            let (name, ty) = (&input.name, &input.ty);
            (
                quote!(, #given: #runtime::ArgumentFor<#ty>),
                quote!(#given),
                quote!(#name: #given,),
                quote!(#name),
            )
        }
        None => (TokenStream::new(), quote!(()), TokenStream::new(), quote!(())),
    };
    let connector = hygienic_ident("connector");
    let mentioned = handler.map(mentioned).unwrap_or_default();
    let parameter = free_parameter(["T", "JoinTarget"], &mentioned);
    let bound = quote!(#runtime::Joins<#auth_type, #outcome, #shape>);
    let path = Path::of(mount);
    let (parameters, naming, namespace) = if mount.namespace.parameters.is_empty() {
        let text = mount.namespace();
        (TokenStream::new(), TokenStream::new(), quote!(#text))
    } else {
        let name = path.name;
        let variable = hygienic_ident("namespace");
        // A statement of its own: the references to the parameters are not `Send`, and must not live while it joins.
        let naming = quote! {
            let #variable = match #name {
                ::core::result::Result::Ok(namespace) => namespace,
                ::core::result::Result::Err(error) => {
                    return ::core::result::Result::Err(<#parameter as #bound>::unnamed(error));
                }
            };
        };
        (path.parameters, naming, quote!(&#variable))
    };
    quote! {
        #forwarded
        /// Joins the namespace and gives the stub over its socket.
        pub async fn connect<#parameter #auth_generics>(
            #connector: &#parameter,
            #parameters
            #auth_parameter
        ) -> ::core::result::Result<
            #name<<#parameter as #bound>::CallTarget>,
            <#parameter as #bound>::Error,
        >
        where
            #parameter: #bound,
        {
            #naming
            <#parameter as #bound>::join(#connector, #namespace, #auth_value).await.map(#name::new)
        }
    }
}
