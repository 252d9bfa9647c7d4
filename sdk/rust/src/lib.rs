//! Write Longhaul functions in Rust.
//!
//! An app is made of four kinds of function, each compiled to a WebAssembly component:
//!
//! | kind | attribute | may |
//! | --- | --- | --- |
//! | orchestrator | [`macro@orchestrator`] | call activities, entities and other orchestrators, wait, loop; nothing else |
//! | activity | [`macro@activity`] | do work with side effects, such as an HTTP call through [`http`] |
//! | entity | [`macro@entity`] | keep a small state under a key, changed by one operation at a time |
//! | client | [`macro@client`] | answer HTTP requests, start orchestrations, raise events, read entities |
//!
//! Inputs and outputs are any `serde` types; they travel as JSON. All functions also compile
//! natively, where [`testing`] runs them in plain unit tests, without WebAssembly and without a
//! host.
//!
//! ```
//! use longhaul::{Context, Failure};
//!
//! #[longhaul::orchestrator]
//! async fn hello_sequence(ctx: Context) -> Result<Vec<String>, Failure> {
//!     let mut greetings = Vec::new();
//!     for city in ["Tokyo", "Seattle", "London"] {
//!         greetings.push(ctx.call_activity("SayHello", &city).await?);
//!     }
//!     Ok(greetings)
//! }
//!
//! let run = longhaul::testing::Orchestration::new::<hello_sequence>()
//!     .activity("SayHello", |city: String| Ok(format!("Hello {city}!")))
//!     .run();
//! assert_eq!(run.output::<Vec<String>>().unwrap(), ["Hello Tokyo!", "Hello Seattle!", "Hello London!"]);
//! ```

mod activity;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
pub mod client;
mod combinators;
mod context;
mod durable_http;
mod entity;
mod entity_id;
mod execution;
mod export;
mod failure;
pub mod http;
mod json;
pub mod log;
mod orchestrator;
mod random;
mod retry;
mod settings;
mod task;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod timestamp;
pub mod turn;

#[doc(hidden)]
pub mod __private;

pub use activity::{Activity, ActivityContext};
pub use client::{Client, Request, Response};
pub use combinators::{
    Either, JoinAll, MapBounded, Select, SelectAll, TryJoinAll, join_all, map_bounded, select, select_all, try_join_all,
};
pub use context::{
    ActivityCall, Context, ContinueAsNew, EventWait, HttpCall, LockGuard, Locking, OrchestrationCall, StartOrchestration, TimedEventWait,
};
pub use durable_http::{HeaderValues, HttpRequest, HttpResponse};
pub use entity::{Entity, EntityContext};
pub use entity_id::EntityId;
pub use failure::{Failure, Result, TaskError};
pub use json::MaybeEncoded;
pub use longhaul_sdk_macros::{activity, client, entity, orchestrator};
pub use orchestrator::Orchestrator;
pub use random::random_u64;
pub use retry::RetryPolicy;
pub use settings::app_setting;
pub use task::Task;
pub use timestamp::Timestamp;
/// The type of [`Context::new_guid`].
pub use uuid::Uuid;

/// The example in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
