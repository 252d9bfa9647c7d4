//! What the functions and the external system say to each other.
//!
//! Nothing here knows of Longhaul or of WebAssembly. All JSON members are in camel case.

mod attempts;
mod job;
mod start;

pub use attempts::{Attempt, AttemptChange, AttemptState, Attempts, AttemptsState, UtcTime};
pub use job::{CallApiInput, CallApiOutput, JobRequest};
pub use start::{MainInput, PLACEHOLDER_INSTANCE_ID, Settings};

/// The event by which the external system calls back; its payload is a boolean.
pub const CALLBACK_EVENT: &str = "Callback";
