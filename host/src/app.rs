//! Apps: what people deploy.
//!
//! - [`manifest`]: what `longhaul.toml` says.
//! - [`folder`]: the files of its folder. [`read`]: the folder read into what is deployed.
//! - [`bundle`]: a manifest and its components on their way to a host.
//! - [`load`]: components made ready to run.
//! - [`registry`]: the deployments in memory, and which of them is current.
//! - [`deployment`]: taking a new deployment, as a whole or not at all.
//! - [`secrets`]: what the operator gives to functions and nobody writes down.
//! - `guests`: the functions as the engine calls them. `http_activity`: the one that needs no guest.
//! - [`listing`]: the list of functions that people see.

pub mod bundle;
pub mod deployment;
pub mod folder;
mod guests;
mod http_activity;
pub mod listing;
pub mod load;
pub mod manifest;
pub mod read;
pub mod registry;
pub mod secrets;

pub use load::{ActivityFunction, App, ClientFunction, Function};
pub use registry::{LoadError, Operator, Registry};
