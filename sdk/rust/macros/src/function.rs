//! Orchestrators, activities and clients: attributes of functions.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, Result, Type};

use crate::arguments::{Arguments, upper_camel_case};

/// Adds `impl Orchestrator`.
pub fn orchestrator(arguments: Arguments, function: ItemFn) -> Result<TokenStream> {
    if function.sig.asyncness.is_none() {
        return Err(Error::new(function.sig.span(), "an orchestrator is an `async fn`"));
    }
    let types = parameter_types(&function)?;
    let (context, input) = match types.as_slice() {
        [context] => (context, None),
        [context, input] => (context, Some(input)),
        _ => return Err(Error::new(function.sig.inputs.span(), "an orchestrator takes a `Context` and at most one input")),
    };
    if !is_named(context, "Context") {
        return Err(Error::new(context.span(), "an orchestrator's first parameter is a `Context`"));
    }
    let ident = &function.sig.ident;
    let input_value = input.copied().map(read_input);
    let call = input.map_or_else(|| quote!(#ident(ctx).await), |_| quote!(#ident(ctx, input).await));
    let output = write_output(&call);
    let body = quote! {
        fn run(ctx: ::longhaul::Context, input: ::std::string::String) -> ::longhaul::__private::Run {
            ::std::boxed::Box::pin(async move {
                let input: &str = &input;
                #input_value
                #output
            })
        }
    };
    Ok(with_trait(&arguments, &function, "Orchestrator", "export_orchestrators", &body))
}

/// Adds `impl Activity`.
pub fn activity(arguments: Arguments, function: ItemFn) -> Result<TokenStream> {
    refuse_async(&function, "an activity")?;
    let types = parameter_types(&function)?;
    let (takes_context, input) = match types.as_slice() {
        [] => (false, None),
        [only] if is_named(only, "ActivityContext") => (true, None),
        [only] => (false, Some(only)),
        [context, input] if is_named(context, "ActivityContext") => (true, Some(input)),
        _ => {
            return Err(Error::new(
                function.sig.inputs.span(),
                "an activity takes at most an `ActivityContext` and one input, in this order",
            ));
        }
    };
    let ident = &function.sig.ident;
    let input_value = input.copied().map(read_input);
    let context_argument = takes_context.then(|| quote!(ctx,));
    let input_argument = input.map(|_| quote!(input));
    let output = write_output(&quote!(#ident(#context_argument #input_argument)));
    let body = quote! {
        fn run(
            ctx: ::longhaul::ActivityContext,
            input: &str,
        ) -> ::std::result::Result<::std::string::String, ::longhaul::Failure> {
            let _ = &ctx;
            #input_value
            #output
        }
    };
    Ok(with_trait(&arguments, &function, "Activity", "export_activities", &body))
}

/// Adds `impl Client`.
pub fn client(arguments: Arguments, function: ItemFn) -> Result<TokenStream> {
    refuse_async(&function, "a client function")?;
    if parameter_types(&function)?.len() != 1 {
        return Err(Error::new(function.sig.inputs.span(), "a client function takes one parameter, a `Request`"));
    }
    let ident = &function.sig.ident;
    let split = split_returned(&quote!(#ident(request)));
    let body = quote! {
        fn respond(request: ::longhaul::Request) -> ::longhaul::Response {
            #split
            ::longhaul::__private::respond(Self::NAME, returned)
        }
    };
    Ok(with_trait(&arguments, &function, "Client", "export_client", &body))
}

/// The function, a type of its name that implements the trait, and the export.
fn with_trait(arguments: &Arguments, function: &ItemFn, trait_name: &str, export_name: &str, body: &TokenStream) -> TokenStream {
    let (ident, visibility) = (&function.sig.ident, &function.vis);
    let trait_ident = format_ident!("{trait_name}");
    let name = arguments.name.clone().unwrap_or_else(|| upper_camel_case(&ident.to_string()));
    let export_ident = format_ident!("{export_name}");
    let export = arguments.export.then(|| quote!(::longhaul::#export_ident!(#ident);));
    let doc = format!("The function `{ident}` as the SDK sees it.");
    quote! {
        #function

        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code)]
        #visibility struct #ident {}

        impl ::longhaul::#trait_ident for #ident {
            const NAME: &'static str = #name;

            #body
        }

        #export
    }
}

/// Shadows the text `input` with the value that it holds.
pub fn read_input(input_type: &Type) -> TokenStream {
    quote_spanned! {input_type.span()=>
        let input: #input_type = {
            #[allow(unused_imports)]
            use ::longhaul::__private::{ReadOrDefault as _, ReadStrictly as _};
            (&&::longhaul::__private::Probe::<#input_type>::new()).read_input(Self::NAME, input)?
        };
    }
}

/// An expression of type `Result<String, Failure>`: what the call returned, as JSON.
pub fn write_output(call: &TokenStream) -> TokenStream {
    let split = split_returned(call);
    quote! {
        #split
        ::longhaul::__private::write_output(Self::NAME, returned)
    }
}

/// Binds `returned` to a `Result` with a `Failure`, whatever the call returned.
fn split_returned(call: &TokenStream) -> TokenStream {
    quote! {
        let returned = #call;
        let returned = {
            #[allow(unused_imports)]
            use ::longhaul::__private::{ReturnsFailure as _, ReturnsMessage as _, ReturnsValue as _};
            (&&&::longhaul::__private::Probe::of(&returned)).kind().split(returned)
        };
    }
}

fn parameter_types(function: &ItemFn) -> Result<Vec<&Type>> {
    let types = function.sig.inputs.iter().map(|parameter| match parameter {
        FnArg::Typed(typed) => Ok(&*typed.ty),
        FnArg::Receiver(receiver) => Err(Error::new(receiver.span(), "this attribute is for functions, not for methods")),
    });
    types.collect()
}

fn refuse_async(function: &ItemFn, what: &str) -> Result<()> {
    match function.sig.asyncness {
        Some(keyword) => Err(Error::new(keyword.span(), format!("{what} is a plain `fn`: it blocks while it waits"))),
        None => Ok(()),
    }
}

/// True for a path that ends in this name, or a reference to one.
pub fn is_named(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == name),
        Type::Reference(reference) => is_named(&reference.elem, name),
        _ => false,
    }
}
