//! The words shared by all crates.

mod command;
mod digest;
mod failure;
mod id;
mod on_return;
mod payload;
mod retry;
mod status;
mod tags;
mod time;

pub use command::{
    ActivityCall, Command, Completion, Continuation, EntityCall, EntitySignal, EventTo, GuestOutcome, GuestTurn, OrchestrationCall,
    StartContext, TaskResult,
};
pub use digest::Sha256;
pub use failure::Failure;
pub(crate) use id::NO_DOT_SEGMENTS;
pub use id::{DeploymentId, EntityId, ExecutionId, InstanceId, InvalidId, TaskId, check_event_name};
pub use on_return::{OnReturn, Pin};
pub use payload::{InvalidJson, Look, Payload};
pub use retry::RetryPolicy;
pub use status::{InstanceKind, RuntimeStatus};
pub use tags::{InvalidTags, MAX_TAG_KEY_CHARS, MAX_TAG_VALUE_CHARS, MAX_TAGS, Tags, check_tags, tags_of};
pub use time::{DurationMs, Timestamp};
