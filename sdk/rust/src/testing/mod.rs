//! Runs functions in plain unit tests: no WebAssembly, no host, no waiting.
//!
//! [`Orchestration`] runs an orchestrator with fake activities and a clock that jumps to the next
//! timer. [`EntityUnderTest`] calls an entity's operations. Activities and clients are plain
//! functions: call them. What they ask of the host or send by HTTP reaches [`FakeHost`] and
//! [`answer_http`], and [`set_app_setting`] sets what they read; these hold for the thread that the
//! test runs in.

use crate::http;

mod entity;
mod fake_host;
pub(crate) mod host;
mod ids;
mod orchestration;
mod run;
mod section;
mod simulation;

pub use entity::EntityUnderTest;
pub(crate) use fake_host::read_app_setting;
pub use fake_host::{ClientCall, FakeHost, answer_http, set_app_setting};
pub use orchestration::Orchestration;
pub use run::Run;

pub(crate) fn send_http(request: &http::Request) -> Result<http::Response, http::Error> {
    fake_host::send_http(request)
}
