//! Runs guests: everything that touches wasmtime, and nothing that touches the store or the HTTP
//! server.
//!
//! A [`Runtime`] holds two engines. The deterministic one runs orchestrators and entities as plain
//! calls on the caller's thread; the I/O one runs activities and client functions as futures, and
//! short activities without any I/O as plain calls too. [`Runtime::load`] turns the bytes of a
//! component into a [`Component`] after checking that it imports and exports what its
//! [`FunctionKind`] may. Guests are cheap: a component is linked once, and each guest is a small
//! store of its own that is dropped when anything goes wrong in it.
//!
//! - `config`, `error`: settings, and why something failed.
//! - `engine`, `ticker`, `runtime`, `compiled`: engines, time slices, and compiled code.
//! - `background`: guests that compute for long.
//! - `component_world`: what each kind of function may import and must export.
//! - `orchestrator`, `entity`, `activity`, `client`: the four kinds of function.
//! - `deterministic`: the state of a guest whose code is replayed, with its stand-ins for WASI.
//! - `io`: the state of a guest that may reach outside, and what it may reach.
//! - `http_call`: requests that the host sends itself.
//! - `bindings`, `convert`: the WIT as Rust, and the way from and to the core's types.
//! - `log`, `limiter`: the guests' log lines, and the memory that they take.

mod activity;
mod background;
mod bindings;
mod client;
mod compiled;
mod component_world;
mod config;
mod convert;
mod counts;
mod deterministic;
mod engine;
mod entity;
mod error;
mod http_call;
mod io;
mod limiter;
mod log;
mod memory;
mod orchestrator;
mod runtime;
mod ticker;

pub use activity::{ActivityComponent, ActivityContext, ActivityPlace, GuestReuse};
pub use background::when_held_up;
pub use client::{ClientComponent, ClientError, ClientHost, HostFuture, InstanceStatus, ResponseBody, StartOptions};
pub use compiled::{ChildCompiler, CompileJob, Outcome as CompileOutcome};
pub use component_world::FunctionKind;
pub use config::{Compiler, Config, Limits};
pub use counts::GuestCounts;
pub use entity::EntityComponent;
pub use error::{ComponentError, Error, GuestError};
pub use http_call::{HttpCallError, HttpCaller};
pub use io::{AllowedHosts, AppEnvironment, InvalidHost, OwnListeners, Secrets, is_forbidden_method, tls_client_config};
pub use log::{LogContext, LogLevel, LogLine, LogSink, TracingSink};
pub use memory::GuestMemory;
pub use orchestrator::{OrchestratorComponent, OrchestratorGuest};
pub use runtime::{Component, Runtime};
