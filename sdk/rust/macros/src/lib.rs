//! The attribute macros of `longhaul-sdk`, which re-exports them.
//!
//! Each leaves the function or `impl` block as it is, so that tests can call it, and adds an
//! implementation of the SDK's trait for that kind of function. For a function the trait is
//! implemented by a type of the function's own name: types and functions live in different
//! namespaces, so one `use` brings both.

use proc_macro::TokenStream;

mod arguments;
mod entity;
mod function;

use arguments::Arguments;

/// Makes an `async fn` an orchestrator.
///
/// The function takes a `Context` and, if it wants one, an input that can be deserialized. It
/// returns a value that can be serialized, or a `Result` of one; the error may be a `Failure`, any
/// `std::error::Error`, or anything that can be shown.
///
/// `#[orchestrator(name = "Name")]` sets the name; the default is the function's in
/// `UpperCamelCase`. `#[orchestrator(export = false)]` leaves the export to
/// `export_orchestrators!`.
///
/// ```
/// use longhaul::{Context, Failure};
///
/// #[longhaul::orchestrator]
/// async fn greet_twice(ctx: Context, name: String) -> Result<Vec<String>, Failure> {
///     let first = ctx.call_activity("SayHello", &name).await?;
///     let second = ctx.call_activity("SayHello", &first).await?;
///     Ok(vec![first, second])
/// }
/// # assert_eq!(<greet_twice as longhaul::Orchestrator>::NAME, "GreetTwice");
/// ```
#[proc_macro_attribute]
pub fn orchestrator(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, function::orchestrator)
}

/// Makes a function an activity.
///
/// The function takes, if it wants them, an `ActivityContext` and then an input. What it may return
/// is as for an orchestrator.
///
/// `#[activity(name = "Name")]` sets the name; the default is the function's in `UpperCamelCase`.
/// `#[activity(export = false)]` leaves the export to `export_activities!`.
///
/// ```
/// #[longhaul::activity]
/// fn say_hello(name: String) -> String {
///     format!("Hello {name}!")
/// }
/// # assert_eq!(say_hello("Ann".into()), "Hello Ann!");
/// ```
#[proc_macro_attribute]
pub fn activity(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, function::activity)
}

/// Makes the methods of a state type the operations of an entity.
///
/// The type implements `Default`, which is the state of an entity that does not exist yet,
/// `Serialize` and `Deserialize`. Every method with a receiver is an operation, called by its name
/// ignoring case and underscores. It takes, if it wants them, a `ctx: &mut EntityContext` and then
/// an input. What it may return is as for an orchestrator. Methods with `&self` do not bring an
/// entity into being. `delete` works without a method of that name. Helpers go into another `impl`
/// block.
///
/// `#[entity(name = "Name")]` sets the name; the default is the type's. `#[entity(export = false)]`
/// leaves the export to `export_entities!`.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize)]
/// struct Counter {
///     value: i64,
/// }
///
/// #[longhaul::entity]
/// impl Counter {
///     fn add(&mut self, n: i64) -> i64 {
///         self.value += n;
///         self.value
///     }
///
///     fn get(&self) -> i64 {
///         self.value
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn entity(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, entity::entity)
}

/// Makes a function a client function, which answers HTTP requests.
///
/// The function takes a `Request` and returns a `Response` or a `Result` of one. An error that came
/// from the `client` module answers with its status and text; any other with 500 and a text that
/// points to the log.
///
/// ```
/// use longhaul::{Failure, Request, Response, client};
///
/// #[longhaul::client]
/// fn start_hello(request: Request) -> Result<Response, Failure> {
///     let id = client::start("HelloSequence", &())?;
///     Ok(client::create_check_status_response(&request, &id)?)
/// }
/// ```
#[proc_macro_attribute]
pub fn client(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand(arguments, item, function::client)
}

fn expand<I: syn::parse::Parse>(
    arguments: TokenStream,
    item: TokenStream,
    macro_body: fn(Arguments, I) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    let expanded = syn::parse(arguments).and_then(|arguments| macro_body(arguments, syn::parse(item)?));
    expanded.unwrap_or_else(|error| error.into_compile_error()).into()
}
