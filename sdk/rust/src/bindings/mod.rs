//! The component's side of the interfaces in `wit/`: generated bindings, and the conversions
//! between them and this crate's types.

use std::panic::PanicHookInfo;
use std::sync::Once;

use crate::log::{self, Level};

mod activity_component;
mod client_component;
mod convert;
mod entity_component;
pub mod host;
mod orchestrator_component;
mod outgoing;

pub use activity_component::ActivityComponent;
pub use client_component::ClientComponent;
pub use entity_component::EntityComponent;
pub use orchestrator_component::OrchestratorComponent;
pub(crate) use outgoing::send;
pub use wasip2;

/// The world of client functions, and with it the types and the log that all worlds share.
#[allow(missing_docs, unsafe_code, clippy::all)]
pub mod client {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "client-function",
    });
}

/// The generated code of a world. Its `export!` puts the world's exports into the crate that
/// invokes it; without that, nothing of the world is linked but the imports in use.
macro_rules! world {
    ($module:ident, $world:literal, $path:literal) => {
        #[allow(missing_docs, unsafe_code, clippy::all)]
        pub mod $module {
            wit_bindgen::generate!({
                path: "../../wit",
                world: $world,
                pub_export_macro: true,
                default_bindings_module: $path,
                with: {
                    "longhaul:durable/types@0.1.0": crate::bindings::client::longhaul::durable::types,
                    "longhaul:durable/log@0.1.0": crate::bindings::client::longhaul::durable::log,
                },
            });
        }
    };
}

world!(orchestrator, "orchestrator-function", "longhaul::__private::bindings::orchestrator");
world!(activity, "activity-function", "longhaul::__private::bindings::activity");
world!(entity, "entity-function", "longhaul::__private::bindings::entity");

use client::longhaul::durable::log as host_log;
use client::longhaul::durable::types;

/// Writes a line to the host's log.
pub fn log(level: Level, message: &str) {
    let level = match level {
        Level::Trace => host_log::Level::Trace,
        Level::Debug => host_log::Level::Debug,
        Level::Info => host_log::Level::Info,
        Level::Warn => host_log::Level::Warn,
        Level::Error => host_log::Level::Error,
    };
    host_log::log(level, message);
}

/// Has panics reach the host's log, with their place, before they end the guest.
fn log_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(log_panic)));
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a value that is not text");
    match panic.location() {
        Some(place) => log::error!("panicked at {place}: {message}"),
        None => log::error!("panicked: {message}"),
    }
}
