//! Entities: an attribute of an `impl` block.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, FnArg, ImplItem, ImplItemFn, ItemImpl, Result, Type};

use crate::arguments::{Arguments, upper_camel_case};
use crate::function::{is_named, read_input, write_output};

/// Adds `impl Entity`.
pub fn entity(arguments: Arguments, block: ItemImpl) -> Result<TokenStream> {
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new(path.span(), "an entity is an `impl` block of the state type itself, not of a trait"));
    }
    let state = &block.self_ty;
    let name = match arguments.name {
        Some(name) => name,
        None => type_name(state)?,
    };
    let operations = block.items.iter().filter_map(operation).collect::<Result<Vec<_>>>()?;
    let (names, arms): (Vec<_>, Vec<_>) = operations.into_iter().unzip();
    let export = arguments.export.then(|| quote!(::longhaul::export_entities!(#state);));
    Ok(quote! {
        #block

        impl ::longhaul::Entity for #state {
            const NAME: &'static str = #name;
            const OPERATIONS: &'static [&'static str] = &[#(#names),*];

            fn run_operation(
                &mut self,
                ctx: &mut ::longhaul::EntityContext,
                input: &str,
            ) -> ::std::option::Option<::longhaul::__private::Applied> {
                let _ = input;
                #(#arms)*
                ::std::option::Option::None
            }
        }

        #export
    })
}

fn type_name(state: &Type) -> Result<String> {
    match state {
        Type::Path(path) if let Some(last) = path.path.segments.last() => Ok(last.ident.to_string()),
        _ => Err(Error::new(state.span(), "give the entity a name: `#[entity(name = \"...\")]`")),
    }
}

/// An operation's name and the code that runs it if it is the one asked for. `None` for what is not
/// a method.
fn operation(item: &ImplItem) -> Option<Result<(String, TokenStream)>> {
    let ImplItem::Fn(method) = item else { return None };
    let receiver = method.sig.receiver()?;
    if receiver.reference.is_none() {
        return Some(Err(Error::new(receiver.span(), "an operation takes `&self` or `&mut self`")));
    }
    let may_change = receiver.mutability.is_some();
    Some(arm(method, may_change))
}

fn arm(method: &ImplItemFn, may_change: bool) -> Result<(String, TokenStream)> {
    if let Some(keyword) = method.sig.asyncness {
        return Err(Error::new(keyword.span(), "an operation is a plain `fn`: there is nothing that it could wait for"));
    }
    let types = method.sig.inputs.iter().filter_map(|parameter| match parameter {
        FnArg::Typed(typed) => Some(&*typed.ty),
        FnArg::Receiver(_) => None,
    });
    let types: Vec<_> = types.collect();
    let (takes_context, input) = match types.as_slice() {
        [] => (false, None),
        [only] if is_named(only, "EntityContext") => (true, None),
        [only] => (false, Some(*only)),
        [context, input] if is_named(context, "EntityContext") => (true, Some(*input)),
        _ => {
            return Err(Error::new(
                method.sig.inputs.span(),
                "an operation takes at most a `&mut EntityContext` and one input, in this order",
            ));
        }
    };
    let ident = &method.sig.ident;
    let name = upper_camel_case(&ident.to_string());
    let input_value = input.map(read_input);
    let context_argument = takes_context.then(|| quote!(ctx,));
    let input_argument = input.map(|_| quote!(input));
    let output = write_output(&quote!(self.#ident(#context_argument #input_argument)));
    let arm = quote! {
        if ::longhaul::__private::same_operation(ctx.operation(), #name) {
            #[allow(unused_mut)]
            let mut run = || -> ::std::result::Result<::std::string::String, ::longhaul::Failure> {
                #input_value
                #output
            };
            let result = run();
            return ::std::option::Option::Some(::longhaul::__private::Applied { result, may_change: #may_change });
        }
    };
    Ok((name, arm))
}
