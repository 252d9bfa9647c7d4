//! What can go wrong: with the runtime, with a component, with a call of a guest.

use std::path::PathBuf;
use std::time::Duration;

use longhaul_core::limits::BeyondLimit;
use wasmtime::component::ResourceTableError;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi_http::FieldMapError;

use crate::component_world::FunctionKind;
use crate::log::cut;

/// The runtime cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An engine cannot be set up on this machine with these settings.
    #[error("cannot set up the WebAssembly engine: {0}")]
    Engine(String),
    /// A file of certificates cannot be used.
    #[error("cannot use the certificate authorities in {}: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The component cannot be used.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The host cannot compile any component now.
    #[error("cannot compile the component: {0}")]
    Compiler(String),
    /// The bytes are not those that the digest names.
    #[error("the component's SHA-256 is {actual}, expected {expected}")]
    Digest {
        /// The digest that was asked for.
        expected: String,
        /// The digest of the bytes.
        actual: String,
    },
}

impl Error {
    /// Whether the component is to blame, and not the host.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Component(_) | Self::Digest { .. } => true,
            Self::Engine(_) | Self::Certificates { .. } | Self::Compiler(_) => false,
        }
    }
}

/// A component cannot serve as the function it is meant to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// The bytes are something else.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// It wants something that its kind of function may not have.
    #[error("the {kind} imports `{import}`, {why}")]
    ForbiddenImport {
        /// What it is meant to be.
        kind: FunctionKind,
        /// The import's name and version.
        import: String,
        /// What is wrong with it, and what is allowed instead.
        why: String,
    },
    /// It lacks the interface by which its kind of function is called.
    #[error("the {kind} does not export `{export}`; it exports {found}")]
    MissingExport {
        /// What it is meant to be.
        kind: FunctionKind,
        /// What is missing.
        export: &'static str,
        /// What is there instead.
        found: String,
    },
    /// Compiling it takes more than the operator grants.
    #[error("the {kind} is too costly to compile: it takes {what}")]
    TooCostly {
        /// What it is meant to be.
        kind: FunctionKind,
        /// Which resource, how much of it, and the setting.
        what: String,
    },
    /// It does not compile, or one of its interfaces differs from this host's.
    #[error("the {kind} cannot be used: {reason}")]
    Unusable {
        /// What it is meant to be.
        kind: FunctionKind,
        /// The engine's message.
        reason: String,
    },
}

/// A call of a guest gave no result. The guest is gone; start a new one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// The code stopped itself: a panic, a stack overflow, an exit.
    #[error("the guest trapped: {message}")]
    Trap {
        /// What happened.
        message: String,
        /// Where, innermost frame first; may be empty.
        backtrace: String,
    },
    /// The call took too long. Says nothing about the code's result: never record it as an outcome.
    #[error("the guest did not return within {limit_ms} ms")]
    Deadline {
        /// How long it had.
        limit_ms: u64,
    },
    /// The code stopped itself after it was refused more memory. Never record it as an outcome.
    #[error("the guest needs more than its {limit_bytes} bytes of memory")]
    Memory {
        /// The bound, bytes.
        limit_bytes: usize,
    },
    /// The guest returned something that breaks the contract; the text names the field.
    #[error("the guest broke the contract: {0}")]
    Protocol(String),
    /// The activity's output is too long. It is kept out of the history, where it would stay.
    #[error("the output has {bytes} bytes; the most is {limit_bytes}")]
    OutputTooLarge {
        /// How much it returned.
        bytes: usize,
        /// How much it may return.
        limit_bytes: usize,
    },
    /// A payload or name is beyond its bound. It is kept out of the history, where it would stay.
    #[error("{0}")]
    BeyondLimit(#[from] BeyondLimit),
    /// The host holds as much for the guest as it may: handles, header fields, requests, streams.
    /// The code does not drop what it no longer needs.
    #[error("the guest keeps too many resources of the host, or too much in them")]
    Resources,
    /// The guest handed over more in one call than any call may; the host stopped counting there.
    #[error("the guest handed over more than is taken in one call")]
    Handover,
    /// There is no room for another guest in memory: drop an idle one and try again.
    #[error("no room for another guest: {0}")]
    Busy(String),
    /// The host is stopping and no longer waits. Says nothing about the code: never record it as an
    /// outcome.
    #[error("the host stops")]
    Stopping,
    /// An earlier call of this guest failed, so it cannot be called again.
    #[error("the guest failed earlier and is gone")]
    Gone,
}

impl GuestError {
    /// Whether the same call may succeed later without a change of the code or its input.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. } | Self::Memory { .. } | Self::Busy(_) | Self::Stopping | Self::Gone => true,
            Self::Trap { .. } | Self::Protocol(_) | Self::OutputTooLarge { .. } | Self::BeyondLimit(_) => false,
            Self::Resources | Self::Handover => false,
        }
    }

    /// What wasmtime's error means. `refused`: what the guest ran into during the call, if it did.
    /// `panic`: what the guest said of a panic before it stopped itself; without it a trap's
    /// message does not help the code's author.
    pub(crate) fn of(error: &wasmtime::Error, refused: Refused, deadline: Duration, panic: Option<&str>) -> Self {
        if let Some(full) = error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>() {
            return Self::Busy(full.to_string());
        }
        if let Some(Trap::Interrupt) = error.downcast_ref::<Trap>() {
            return Self::deadline(deadline);
        }
        if let Some(limit_bytes) = refused.memory_bytes {
            return Self::Memory { limit_bytes };
        }
        if refused.shared_memory {
            return Self::Busy("the memory for activities and client functions that run is taken (guest-memory-bytes)".into());
        }
        let cause = error.root_cause().to_string();
        if refused.held || is_out_of_resources(error) || cause.contains(TOO_MANY_HANDLES) {
            return Self::Resources;
        }
        if cause.contains(HANDED_OVER_TOO_MUCH) {
            return Self::Handover;
        }
        let backtrace = error.downcast_ref::<WasmBacktrace>().map(short_backtrace).unwrap_or_default();
        let message = panic.map_or(cause.clone(), |panic| format!("{} ({cause})", cut(panic, MAX_PANIC_BYTES)));
        Self::Trap { message, backtrace }
    }

    pub(crate) fn deadline(limit: Duration) -> Self {
        Self::Deadline { limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// The bound that a guest met during a call.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refused {
    /// The bound on its memory, if it asked for more.
    pub memory_bytes: Option<usize>,
    /// It asked for more than the other guests leave.
    pub shared_memory: bool,
    /// The host holds more for it than it may.
    pub held: bool,
}

/// The engine's messages for too many handles, and for too much handed over in one call; it has no
/// error types for them.
const TOO_MANY_HANDLES: &str = "store handle limit exceeded";
const HANDED_OVER_TOO_MUCH: &str = "fuel allocated for hostcalls has been exhausted";

/// Whether the guest has as many resources as it may, or fields that are as long as they may be.
fn is_out_of_resources(error: &wasmtime::Error) -> bool {
    let full = |cause: &(dyn std::error::Error + 'static)| {
        matches!(cause.downcast_ref(), Some(ResourceTableError::Full))
            || matches!(cause.downcast_ref(), Some(FieldMapError::TotalSizeTooBig | FieldMapError::TooManyFields))
    };
    error.chain().any(full)
}

/// Most of a panic's line that is kept, since it is part of records and status objects.
const MAX_PANIC_BYTES: usize = 1_024;
/// Frames of a trap that are kept; the innermost ones tell what happened.
const MAX_FRAMES: usize = 16;

fn short_backtrace(backtrace: &WasmBacktrace) -> String {
    let named = backtrace.frames().iter().take(MAX_FRAMES).enumerate().map(|(index, frame)| match frame.func_name() {
        Some(name) => format!("{index}: {}", rustc_demangle::demangle(name)),
        None => format!("{index}: function {}", frame.func_index()),
    });
    named.collect::<Vec<_>>().join("\n")
}
