//! The host: joins the core, the store and the guests behind the HTTP interface of Azure Durable Functions.
//!
//! - [`cli`], [`config`]: the command line and the settings behind it.
//! - [`serve`], [`deploy`]: its two commands.
//! - [`app`]: what people deploy. [`http`]: what clients see. [`client_host`]: what client functions may do.
//! - [`dispatch`]: the engine that runs instances.

pub mod app;
pub mod cli;
pub mod client_host;
pub mod clock;
pub mod config;
pub mod deploy;
pub mod dispatch;
pub mod http;
pub mod serve;
