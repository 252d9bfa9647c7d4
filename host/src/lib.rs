//! The host: joins the core, the store and the guests behind the HTTP interface of Azure Durable Functions.
//!
//! - [`cli`], [`config`]: the command line and the settings behind it.
//! - [`serve`], [`deploy`], [`client_binding`], [`keys_command`]: its commands; [`admin_client`] is how all but the first talk to a host.
//! - [`access`]: who may do what.
//! - [`rpc`], [`address_file`]: the listener for client libraries, and where tools find it.
//! - The engine that runs instances is a crate of its own, `longhaul-engine`.
//! - [`app`]: what people deploy. [`http`]: what clients see. [`client_host`]: what client functions may do.
//! - [`duration`]: lengths of time as people write them.
//! - [`descriptors`]: file descriptors, and what is kept of them.
//! - [`data_folder`], [`given_file`]: where the host keeps its data, and files that it is told to read.
//! - [`machine`]: how much memory there is.
//! - [`output`]: the log, and what else the process writes.

pub mod access;
pub mod address_file;
pub mod admin_client;
pub mod app;
pub mod cli;
pub mod client_binding;
pub mod client_host;
pub mod config;
pub mod data_folder;
pub mod deploy;
pub mod descriptors;
pub mod duration;
pub mod given_file;
pub mod http;
pub mod keys_command;
pub mod machine;
pub mod output;
pub mod rpc;
pub mod serve;
pub mod timers;
