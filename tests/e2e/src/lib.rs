//! Runs the real `longhaul` program, and the sample's external system, as child processes for the tests in `tests/`.
//!
//! - [`Host`]: a running host on a port and a data folder of its own; it can be killed, stopped and started again.
//! - [`Apps`]: the apps that `cargo xtask guests` built, and changed copies of them.
//! - [`JobApi`]: the external system of the sample.
//! - [`StubServer`]: a server inside the test, for what functions call.
//! - [`Needed`]: a server that fails when a test wants it to.
//! - [`Canaries`]: planted secrets, and a search for them.
//! - [`Http`]: a small client. [`eventually`]: waits for a condition with a deadline.
//!
//! Nothing here sleeps and hopes: every wait is for something that can be seen, and says on failure what was seen last.

mod apps;
mod binary;
mod canaries;
mod eventually;
mod host;
mod http_client;
mod instances;
mod job_api;
mod needed;
mod process;
mod sample;
mod stub_server;

pub use apps::{AppFolder, Apps};
pub use binary::{compiled_cache, longhaul_command};
pub use canaries::Canaries;
pub use eventually::{Seen, eventually};
pub use host::{Host, HostOptions};
pub use http_client::{Answer, Http};
pub use instances::{PAYLOAD_MEMBERS, expect_equal, is_terminal};
pub use job_api::JobApi;
pub use needed::{Call, Needed};
pub use process::Program;
pub use sample::{Attempt, Sample, text};
pub use stub_server::{Arrived, Reply, StubServer};
