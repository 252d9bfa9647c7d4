//! Measures what guests cost: `cargo run --release -p longhaul-wasm --example measure`, after
//! `cargo xtask guests`.

use std::time::{Duration, Instant};

use longhaul_core::{Completion, ExecutionId, InstanceId, Payload, Sha256, StartContext, Tags, TaskId, TaskResult, Timestamp};
use longhaul_wasm::{Component, Config, FunctionKind, LogContext, OrchestratorComponent, OrchestratorGuest, Runtime};

const ROUNDS: u32 = 20_000;

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-functions/test-guests/components/misbehaving_orchestrator.wasm");
    let bytes = std::fs::read(path).expect("the test guests are built: run `cargo xtask guests`");
    let sha256 = Sha256::of(&bytes).to_string();
    let runtime = Runtime::new(Config::default()).expect("an engine");
    let begin = Instant::now();
    let Ok(Component::Orchestrator(component)) = runtime.load(FunctionKind::Orchestrator, &sha256, &bytes) else {
        panic!("the test guest is an orchestrator");
    };
    println!("compile {:?}", begin.elapsed());

    per_round("instantiate and drop", || drop(guest(&component)));
    per_round("instantiate, start, drop", || drop(started(&component)));
    per_round("instantiate, start, resume to the end, drop", || finish(&mut started(&component)));

    let before = (resident_kib(), mappings());
    let begin = Instant::now();
    let waiting: Vec<_> = (0..runtime.max_hot_guests()).map(|_| started(&component)).collect();
    let count = waiting.len();
    println!("{count} waiting guests in {:?}", begin.elapsed());
    println!(
        "  {} KiB resident and {:.1} mappings each",
        (resident_kib() - before.0) / count,
        (mappings() - before.1) as f64 / count as f64
    );
    let begin = Instant::now();
    waiting.into_iter().for_each(|mut guest| finish(&mut guest));
    println!("  resumed to the end and dropped in {:?}", begin.elapsed());
}

fn per_round(what: &str, run: impl Fn()) {
    (0..ROUNDS / 10).for_each(|_| run());
    let begin = Instant::now();
    (0..ROUNDS).for_each(|_| run());
    let each: Duration = begin.elapsed() / ROUNDS;
    println!("{what}: {each:?}");
}

fn guest(component: &OrchestratorComponent) -> OrchestratorGuest {
    let log = LogContext { function: "Measured".into(), instance: None };
    component.instantiate(log).expect("there is room for it")
}

fn started(component: &OrchestratorComponent) -> OrchestratorGuest {
    let mut guest = guest(component);
    let context = StartContext {
        instance_id: InstanceId::trusted("measured"),
        execution_id: ExecutionId::trusted("0".repeat(32)),
        name: "Measured".into(),
        version: None,
        tags: Tags::new(),
        parent_instance_id: None,
        input: Payload::string("wait behave"),
        now: Timestamp(0),
        replaying: false,
    };
    guest.start(context).expect("it waits");
    guest
}

fn finish(guest: &mut OrchestratorGuest) {
    let go = Completion { task: TaskId(0), outcome: TaskResult::Completed(Payload::null()) };
    let turn = guest.resume(Timestamp(1), false, vec![go]).expect("it ends");
    assert!(turn.outcome.is_some());
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("Linux")
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("Linux").lines().count()
}
