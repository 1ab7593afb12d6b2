//! The attribute macros of jidda. Programs use them through the `jidda` crate, which re-exports them.

mod attribute;
mod check;
mod configure_socket;
mod contract;
mod derive;
mod entry;
mod function;
mod handler;
mod middleware;
mod namespace;
mod on;
mod runtime;
mod signature;
mod stub;
mod variants;

use proc_macro::TokenStream;

/// on
#[proc_macro_attribute]
pub fn on(attribute: TokenStream, item: TokenStream) -> TokenStream {
    on::expand(attribute.into(), item.into()).into()
}

/// namespace
#[proc_macro_attribute]
pub fn namespace(attribute: TokenStream, item: TokenStream) -> TokenStream {
    namespace::expand(attribute.into(), item.into()).into()
}

/// middleware
#[proc_macro_attribute]
pub fn middleware(attribute: TokenStream, item: TokenStream) -> TokenStream {
    middleware::expand(attribute.into(), item.into()).into()
}

/// configure_socket
#[proc_macro_attribute]
pub fn configure_socket(attribute: TokenStream, item: TokenStream) -> TokenStream {
    configure_socket::expand(attribute.into(), item.into()).into()
}

/// derive
#[proc_macro_derive(FromConnection)]
pub fn derive_from_connection(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}
