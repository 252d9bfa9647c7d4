//! Apps: what people deploy.
//!
//! This crate knows how a manifest is written and how its functions become guests. The engine calls them through its ports,
//! which `guests` implements. It knows nothing of HTTP routes, keys or the command line.
//!
//! - [`manifest`]: what `longhaul.toml` says.
//! - [`folder`]: the files of its folder. [`read`]: the folder read into what is deployed.
//! - [`package`]: a manifest and its components on their way to a host.
//! - [`load`]: components made ready to run.
//! - [`registry`]: the deployments in memory, and which of them is current.
//! - [`deployment`]: taking a new deployment, as a whole or not at all.
//! - [`secrets`]: what the operator gives to functions and nobody writes down.
//! - `guests`: the functions as the engine calls them. `http_activity`: the one that needs no guest.
//! - [`listing`]: the list of functions that people see.
//! - [`cron`], [`schedules`]: when a timer is due, and the timers of the current deployment at work.
//! - [`guest_calls`]: what a client function's caller has to know of guests.
//! - [`files`], [`duration`], [`origin`]: files that the host reads and writes; lengths of time and
//!   addresses as people write them.

pub mod cron;
pub mod deployment;
pub mod duration;
pub mod files;
pub mod folder;
pub mod guest_calls;
pub mod listing;
pub mod load;
pub mod manifest;
pub mod origin;
pub mod package;
pub mod read;
pub mod registry;
pub mod schedules;
pub mod secrets;

mod guests;
mod http_activity;

pub use load::{ActivityFunction, App, ClientFunction, Function};
pub use registry::{LoadError, Operator, Registry};
