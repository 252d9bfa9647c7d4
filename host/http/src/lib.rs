//! What clients see: the management routes of Azure Durable Functions, the app's client functions, and deploying.
//!
//! - [`server`]: connections. [`rpc`]: the listener for client libraries. [`descriptors`]: how many files and sockets may be open.
//!   [`request`], [`bodies`], [`content`], [`query`], [`date`]: reading what was asked.
//! - [`routes`]: every route with what it needs, how it is described, and its handler. [`router`]: which route a request takes.
//!   `answering`: the way of a request to its answer.
//! - [`openapi`]: the table of routes as a document, in the words of [`describe`].
//! - [`context`], [`config`]: what handlers may use, and the settings.
//! - `idempotency`: requests that may be sent again. [`pages`]: lists page by page. [`binding`]: what client libraries are configured with.
//! - [`auth`]: keys, tokens in addresses, and the secrets behind them. [`authorize`]: whether a request is let in, and on what terms. `credentials`: taking keys and tokens out of what functions see.
//!   `cors`: pages of other sites.
//! - [`answer`], [`payload`], [`links`], `metrics`: what goes back. [`azure`]: the contract's JSON, names and sentences. [`origin`]: by which address a caller reached the host.

pub mod answer;
pub mod auth;
pub mod authorize;
pub mod azure;
pub mod binding;
pub mod bodies;
pub mod config;
pub mod content;
pub mod context;
pub mod date;
pub mod describe;
pub mod descriptors;
pub mod links;
pub mod openapi;
pub mod origin;
pub mod pages;
pub mod payload;
pub mod query;
pub mod request;
pub mod router;
pub mod routes;
pub mod rpc;
pub mod server;

mod answering;
mod cors;
mod credentials;
mod idempotency;
mod metrics;

pub use config::{Addresses, ClientPlaces, HttpConfig, HttpMemory};
pub use context::{Api, Behind};

/// Private readers of what callers send, for `tests/fuzz`.
#[doc(hidden)]
pub mod for_fuzzing {
    use super::request::Surface;
    use super::{authorize, pages};

    /// The key in a path of the local RPC listener, and the path without it.
    pub fn key_in_rpc_path(path: &str) -> (Option<String>, String) {
        let (key, rest) = authorize::key_in_path(Surface::LocalRpc, path);
        (key, rest.into_owned())
    }

    /// The token of the page behind `id`.
    pub fn page_token_of(id: &str) -> String {
        pages::token_of(id)
    }

    /// Behind which id the page of this token begins.
    pub fn read_page_token(text: &str) -> Option<String> {
        pages::read_token(text).map(|id| id.to_string())
    }
}
