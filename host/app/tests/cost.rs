//! What one instance of three activities in sequence costs, in things that can be counted: no clock is asked, so a busy machine
//! changes nothing.
//!
//! Each has a ceiling a little above what it is today: a start that has to wait half a second on an overloaded machine gets a record of its
//! own, and that is no failure. What makes every instance dearer adds a whole one.
//!
//! When a ceiling is exceeded, the change at hand made every instance dearer. Find out why before anything else: the message says where
//! to look. If the cost is worth it, raise the ceiling in the same commit and say what was bought for it. When a figure falls well below
//! its ceiling, lower the ceiling, so that the gain stays.

#[path = "support/engine.rs"]
mod engine;

use std::alloc::System;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::engine_with;
use longhaul_app::Registry;
use longhaul_core::RuntimeStatus;
use longhaul_engine::{Binding, Counts, Engine, EngineConfig, StartRequest};
use longhaul_store::{SqliteConfig, SqliteStore, Store};
use longhaul_wasm::FunctionKind;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const OUTPUT: &str = r#"["Hello Tokyo!","Hello Seattle!","Hello London!"]"#;
/// Not measured: compiles, fills caches, and teaches the host that the activities are quick.
const WARM_UP: usize = 50;
const INSTANCES: usize = 200;

/// What may be counted at most for each instance, and what to do about more.
struct Ceiling {
    what: &'static str,
    measured: f64,
    at_most: f64,
    advice: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_costs_no_more_than_its_ceilings() {
    let data = tempfile::tempdir().unwrap();
    let host = Host::start(data.path()).await;
    host.one_by_one(WARM_UP).await;
    host.together(WARM_UP).await;

    let before = host.counted();
    host.one_by_one(INSTANCES).await;
    let alone = host.counted().since(before);
    let before = host.counted();
    host.together(INSTANCES).await;
    let shared = host.counted().since(before);
    host.stop().await;

    println!("one by one: {alone:#?}\nall together: {shared:#?}");
    let exceeded: Vec<_> = ceilings(&alone, &shared).into_iter().filter(|ceiling| ceiling.measured > ceiling.at_most).collect();
    let lines: Vec<_> =
        exceeded.iter().map(|one| format!("{}: {} instead of {}; {}", one.what, one.measured, one.at_most, one.advice)).collect();
    assert!(
        lines.is_empty(),
        "each instance of three activities costs more than it may (see the head of this file):\n{}",
        lines.join("\n")
    );
}

fn ceilings(alone: &Each, shared: &Each) -> Vec<Ceiling> {
    let ceiling = |what, measured, at_most, advice| Ceiling { what, measured, at_most, advice };
    vec![
        ceiling("turns", alone.turns, 4.2, "a turn more is a guest call and a record more: see what the core gives to `activate`"),
        ceiling("records", alone.records, 4.2, "a message that its receiver takes in the same batch needs no record of its own"),
        ceiling(
            "bytes of records",
            alone.record_bytes,
            1_290.0,
            "a new field belongs behind `skip_serializing_if`; look at the rows with SQL",
        ),
        ceiling(
            "commits",
            alone.commits,
            4.2,
            "each is a wait for the disk: the start, and one for each activity's call or result, no more",
        ),
        ceiling(
            "statements",
            alone.statements,
            4.4,
            "one for each commit; nothing is looked up for an id that the host made: see append.rs",
        ),
        // How many instances share a commit depends on the machine; what a commit takes does not.
        ceiling(
            "statements for each commit, all together",
            shared.statements / shared.commits,
            2.0,
            "they must not grow with the records of a batch",
        ),
        ceiling("orchestrator guests", alone.orchestrators, 1.1, "an instance that is at work must stay in memory between its turns"),
        ceiling("orchestrator guests, all together", shared.orchestrators, 1.1, "they all fit in memory: nobody may leave it"),
        ceiling(
            "activity guests",
            alone.activity_guests,
            3.2,
            "an activity ran twice, or was given up on one thread and begun again on another",
        ),
        ceiling("allocations", alone.allocations, 400.0, "something is cloned or built anew for each turn: heaptrack shows where"),
        ceiling(
            "bytes allocated",
            alone.allocated_bytes,
            95_000.0,
            "a buffer has become larger or is not used again: heaptrack shows where",
        ),
    ]
}

/// What was counted up to a moment.
#[derive(Clone, Copy)]
struct Counted {
    engine: Counts,
    orchestrators: u64,
    activities: u64,
    allocations: usize,
    allocated_bytes: usize,
}

/// The same for each of a number of instances.
#[derive(Debug)]
struct Each {
    turns: f64,
    records: f64,
    record_bytes: f64,
    commits: f64,
    statements: f64,
    orchestrators: f64,
    activity_guests: f64,
    allocations: f64,
    allocated_bytes: f64,
}

impl Counted {
    fn since(self, before: Self) -> Each {
        let each = |now: u64, before: u64| (now - before) as f64 / INSTANCES as f64;
        let (engine, old) = (self.engine, before.engine);
        Each {
            turns: each(engine.turns, old.turns),
            records: each(engine.records, old.records),
            record_bytes: each(engine.record_bytes, old.record_bytes),
            commits: each(engine.commits, old.commits),
            statements: each(engine.commit_statements, old.commit_statements),
            orchestrators: each(self.orchestrators, before.orchestrators),
            activity_guests: each(self.activities, before.activities),
            allocations: each(self.allocations as u64, before.allocations as u64),
            allocated_bytes: each(self.allocated_bytes as u64, before.allocated_bytes as u64),
        }
    }
}

/// The engine in this process, on a real database.
struct Host {
    engine: Engine,
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
}

impl Host {
    async fn start(data: &Path) -> Self {
        let database = Arc::new(SqliteStore::open(SqliteConfig::in_directory(data)).await.unwrap());
        let store: Arc<dyn Store> = database.clone();
        let (engine, registry) = engine_with(store.clone(), EngineConfig { writer: Some(database), ..EngineConfig::default() }).await;
        Self { engine, registry, store }
    }

    async fn stop(self) {
        self.engine.stop().await;
        self.store.close().await.unwrap();
    }

    fn counted(&self) -> Counted {
        let (guests, memory) = (self.registry.guest_counts(), ALLOCATOR.stats());
        Counted {
            engine: self.engine.counts(),
            orchestrators: guests.of(FunctionKind::Orchestrator),
            activities: guests.of(FunctionKind::Activity),
            allocations: memory.allocations,
            allocated_bytes: memory.bytes_allocated,
        }
    }

    async fn one_by_one(&self, count: usize) {
        for _ in 0..count {
            hello(self.engine.clone()).await;
        }
    }

    async fn together(&self, count: usize) {
        let jobs: Vec<_> = (0..count).map(|_| tokio::spawn(hello(self.engine.clone()))).collect();
        for job in jobs {
            job.await.unwrap();
        }
    }
}

async fn hello(engine: Engine) {
    let id = engine.start(StartRequest { name: "HelloSequence".into(), ..StartRequest::default() }, &Binding::none()).await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    let row = engine.wait_until_ended(&id, deadline).await.unwrap().expect("what was started is there");
    assert_eq!((row.status, row.output.as_ref().map(|output| output.as_str())), (RuntimeStatus::Completed, Some(OUTPUT)), "{row:?}");
}
