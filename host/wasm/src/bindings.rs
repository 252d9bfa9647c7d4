//! The WIT of `/wit` as Rust, made by wasmtime's `bindgen!`. Nothing outside this crate sees these
//! types.
//!
//! The worlds share their common types. What a guest is given is owned, not borrowed: the borrowing
//! mode of this `bindgen!` cannot express the alias `type json = string`.

// `pub`, because the code that `bindgen!` makes exports them again.
pub use orchestrator::longhaul::durable::{log, types};

pub mod orchestrator {
    wasmtime::component::bindgen!({ path: "../../wit", world: "orchestrator-function" });
}

pub(crate) mod entity {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "entity-function",
        with: { "longhaul:durable/log": crate::bindings::log, "longhaul:durable/types": crate::bindings::types },
    });
}

pub(crate) mod activity {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "activity-function",
        exports: { default: async },
        with: { "longhaul:durable/log": crate::bindings::log, "longhaul:durable/types": crate::bindings::types },
    });
}

/// The same world, called without futures.
pub(crate) mod inline_activity {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "activity-function",
        with: { "longhaul:durable/log": crate::bindings::log, "longhaul:durable/types": crate::bindings::types },
    });
}

pub(crate) mod client {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "client-function",
        imports: { default: async },
        with: { "longhaul:durable/log": crate::bindings::log, "longhaul:durable/types": crate::bindings::types },
    });
}
