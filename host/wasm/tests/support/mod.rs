//! What all tests of this crate share: the test guests, a runtime, and a log that can be read.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod raw_server;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use longhaul_core::{ExecutionId, InstanceId, Payload, Sha256, StartContext, Tags, Timestamp};
use longhaul_wasm::{
    ActivityComponent, ClientComponent, Component, Config, EntityComponent, Error, FunctionKind, Limits, LogContext, LogLine, LogSink,
    OrchestratorComponent, Runtime,
};

/// The bytes of a test guest.
pub fn guest(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../guest-functions/test-guests/components/{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}; run `cargo xtask guests` first", path.display()))
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::of(bytes).to_string()
}

/// A small pool and little memory; orchestrators get enough for 100,000 commands. Deadlines are
/// long enough for a busy machine.
pub fn config() -> Config {
    let deadline = Duration::from_secs(20);
    let limits = Limits {
        orchestrator_memory_bytes: 48 << 20,
        activity_memory_bytes: 16 << 20,
        turn_deadline: deadline,
        activity_deadline: deadline,
        request_deadline: deadline,
        ..Limits::default()
    };
    // Compiled once per build of the guests, not once per test.
    let compiled_cache = Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-guests"));
    Config { limits, compiled_cache, max_hot_guests: Some(20), max_running_activities: 8, max_running_requests: 8, ..Config::default() }
}

/// As `config`, for calls that are to miss their deadline of 300 ms.
pub fn hasty() -> Arc<Runtime> {
    let mut config = config();
    config.limits.turn_deadline = Duration::from_millis(300);
    config.limits.request_deadline = Duration::from_millis(300);
    Runtime::new(config).unwrap()
}

pub fn runtime() -> Arc<Runtime> {
    Runtime::new(config()).unwrap()
}

pub fn load(runtime: &Runtime, kind: FunctionKind, name: &str) -> Result<Component, Error> {
    let bytes = guest(name);
    runtime.load(kind, &sha256(&bytes), &bytes)
}

pub fn orchestrator(runtime: &Runtime, name: &str) -> OrchestratorComponent {
    match load(runtime, FunctionKind::Orchestrator, name).unwrap() {
        Component::Orchestrator(component) => component,
        _ => unreachable!("the kind was given"),
    }
}

pub fn entity(runtime: &Runtime) -> EntityComponent {
    match load(runtime, FunctionKind::Entity, "misbehaving_entity").unwrap() {
        Component::Entity(component) => component,
        _ => unreachable!("the kind was given"),
    }
}

pub fn activity(runtime: &Runtime) -> ActivityComponent {
    activity_named(runtime, "misbehaving_activity")
}

pub fn activity_named(runtime: &Runtime, name: &str) -> ActivityComponent {
    match load(runtime, FunctionKind::Activity, name).unwrap() {
        Component::Activity(component) => component,
        _ => unreachable!("the kind was given"),
    }
}

pub fn client(runtime: &Runtime) -> ClientComponent {
    match load(runtime, FunctionKind::Client, "misbehaving_client").unwrap() {
        Component::Client(component) => component,
        _ => unreachable!("the kind was given"),
    }
}

pub fn who() -> LogContext {
    LogContext { function: "Test".into(), instance: Some(InstanceId::trusted("test-1")) }
}

pub fn json(text: &str) -> Payload {
    Payload::parse(text).unwrap()
}

/// The start of execution `execution` at 1,000 ms.
pub fn start_context(execution: char, input: &str) -> StartContext {
    StartContext {
        instance_id: InstanceId::trusted("test-1"),
        execution_id: ExecutionId::trusted(execution.to_string().repeat(32)),
        name: "Test".into(),
        version: None,
        tags: Tags::new(),
        parent_instance_id: None,
        input: Payload::string(input),
        now: Timestamp(1_000),
        replaying: false,
    }
}

/// Keeps every line.
#[derive(Default)]
pub struct Lines(Mutex<Vec<String>>);

impl Lines {
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until a line contains `text`.
    pub async fn wait_for(&self, text: &str) {
        let end = Instant::now() + Duration::from_secs(10);
        while !self.all().iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < end, "no line with {text:?} in {:?}", self.all());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl LogSink for Lines {
    fn line(&self, line: LogLine<'_>) {
        self.0.lock().unwrap().push(line.message.to_owned());
    }
}
