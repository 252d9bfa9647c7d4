//! What a caller of client functions has to know of guests, so that nothing above this crate depends
//! on the WebAssembly side.

pub use longhaul_wasm::{
    ClientError, ClientHost, FunctionKind, GuestCounts, GuestError, HostFuture, InstanceStatus, LogContext, StartOptions,
};
