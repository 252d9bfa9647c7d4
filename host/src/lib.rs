//! The host: joins the core, the store and the guests behind the HTTP interface of Azure Durable Functions.
//!
//! - [`cli`]: the command line, and the settings behind it.
//! - [`access`]: who may do what.
//! - [`app`]: what people deploy. [`http`]: what clients see. [`client_host`]: what client functions may do.
//! - [`cron`], [`schedules`]: when a timer is due, and the timers of the current deployment at work.
//! - [`rpc`]: the listener for client libraries.
//! - The engine that runs instances is a crate of its own, `longhaul-engine`. [`duration`]: lengths of time as people write them.
//! - [`files`], [`descriptors`]: files that the host reads and writes, and how many may be open.
//! - [`output`]: the log, and what else the process writes.

pub mod access;
pub mod app;
pub mod cli;
pub mod client_host;
pub mod cron;
pub mod descriptors;
pub mod duration;
pub mod files;
pub mod http;
pub mod output;
pub mod rpc;
pub mod schedules;
