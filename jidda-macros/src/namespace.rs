//! `#[namespace]`: what it stands on decides what it does.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Generics, Ident, Item, ItemImpl, PathArguments, Type, TypePath};

use crate::attribute::{Attribute, Options};
use crate::check::Errors;
use crate::model::Mount;
use crate::{contract, contract_impl, module, service};

/// Expands the attribute.
pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => {
            let name = service_name(&block, &mut errors).cloned();
            if block.trait_.is_some() {
                return contract_impl::expand(&attribute, block, errors);
            }
            let mount = read_mount(attribute, &mut errors);
            service::expand(&mount, block, name.as_ref(), errors)
        }
        Ok(Item::Mod(module)) => {
            let mount = read_mount(attribute.clone(), &mut errors);
            module::expand(&attribute, &mount, module, errors)
        }
        Ok(Item::Trait(contract)) => {
            let mount = read_mount(attribute, &mut errors);
            check_generics(&contract.generics, &mut errors);
            contract::expand(&mount, contract, errors)
        }
        _ => {
            errors
                .push(&item, "`#[namespace]` marks an `impl` block, a trait or a module that holds handlers");
            let errors = errors.into_tokens();
            quote!(#errors #item)
        }
    }
}

/// Reads the attribute of a block that says where its handlers belong.
fn read_mount(attribute: TokenStream, errors: &mut Errors) -> Mount {
    let options = Options::read(Attribute::Namespace, attribute, errors);
    if options.leading.is_none() && errors.is_empty() {
        errors.push_at(Span::call_site(), "the namespace is missing: `#[namespace(\"/chat\")]`");
    }
    Mount::of(&options)
}

fn check_generics(generics: &Generics, errors: &mut Errors) {
    if !generics.params.is_empty() {
        errors
            .push(generics, "handlers cannot be generic: each stands in the program once, under known types");
    } else if let Some(clause) = &generics.where_clause {
        errors.push(clause, "handlers cannot have a `where` clause: their types must be known");
    }
}

/// The name of the type whose methods are handlers, if it is one that can be.
fn service_name<'a>(block: &'a ItemImpl, errors: &mut Errors) -> Option<&'a Ident> {
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
