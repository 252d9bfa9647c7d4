//! A panic of the host's while it works for one instance costs that work, and nothing else: the
//! worker goes on, and no instance waits for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use interpreter_programs::{Program, Step};
use longhaul_core::message::ActivityRun;
use longhaul_core::{Failure, InstanceId, Payload, RuntimeStatus, Timestamp};
use longhaul_engine::{ActivityStandIn, Binding, Engine, EngineConfig, EngineError, Simulated, StartRequest, WorkerKind, World};
use longhaul_store::MemoryStore;
use serde_json::json;
use simulation::client::{account_id, completed_with, payload, until_ended};
use simulation::life::registry;
use simulation::universe::{Pace, Universe};
use tokio::runtime::Builder;

/// A universe in which some work panics.
struct Panicking {
    of: Universe,
    /// Whether attempts of activities run on workers, not in tasks of their own.
    quick: bool,
    /// So many attempts of activities panic, the first ones.
    attempts: AtomicU32,
    /// So many new ids panic. An entity's batch asks for one while it is taken.
    ids: AtomicU32,
}

impl Panicking {
    fn new(quick: bool, attempts: u32) -> Arc<Self> {
        Arc::new(Self { of: Universe::new(1, Pace::EVEN), quick, attempts: AtomicU32::new(attempts), ids: AtomicU32::new(0) })
    }
}

/// Panics if there is a panic left.
fn panic_if_any(left: &AtomicU32) {
    if left.try_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok() {
        std::panic::resume_unwind(Box::new("a bug of the host's"));
    }
}

impl World for Panicking {
    fn now(&self) -> Timestamp {
        self.of.now()
    }

    fn fresh_id(&self) -> String {
        panic_if_any(&self.ids);
        self.of.fresh_id()
    }

    fn workers(&self) -> WorkerKind {
        WorkerKind::Tasks
    }

    fn pause(&self) -> Option<Simulated<()>> {
        self.of.pause()
    }

    fn computing_time(&self) -> Option<Duration> {
        None
    }

    fn stand_in(self: Arc<Self>) -> Option<Arc<dyn ActivityStandIn>> {
        Some(self)
    }
}

impl ActivityStandIn for Panicking {
    fn is_quick(&self, _run: &ActivityRun) -> bool {
        self.quick
    }

    fn run_quickly(&self, run: &ActivityRun) -> Option<Result<Payload, Failure>> {
        panic_if_any(&self.attempts);
        self.of.run_quickly(run)
    }

    fn run_activity(&self, run: ActivityRun) -> Simulated<Result<Payload, Failure>> {
        panic_if_any(&self.attempts);
        self.of.run_activity(run)
    }
}

/// Runs `script` with an engine that has one worker.
fn with_engine(simulation: &Arc<Panicking>, script: impl AsyncFnOnce(Engine)) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without I/O");
    runtime.block_on(async {
        simulation.of.begin();
        let config = EngineConfig { guest_threads: 1, ..EngineConfig::default() };
        let engine = Engine::simulate(Arc::new(MemoryStore::new()), registry(), config, simulation.clone()).await.expect("it starts");
        script(engine).await;
    });
}

fn program(steps: Vec<Step>) -> Payload {
    payload(&json!(Program { ledger: String::new(), steps, done: Vec::new() }))
}

#[test]
fn an_activity_in_which_the_host_panics_fails_and_is_tried_again() {
    for quick in [false, true] {
        let simulation = Panicking::new(quick, 2);
        with_engine(&simulation, async |engine| {
            let input = program(vec![Step::Flaky { token: 1, failures: 0, attempts: 5 }]);
            let request = StartRequest { name: "Interpreter".into(), input, instance_id: Some("flaky".into()), ..StartRequest::default() };
            engine.start(request, &Binding::none()).await.expect("it is accepted");
            assert_eq!(until_ended(&engine, "flaky").await.status, RuntimeStatus::Completed, "quick: {quick}");
        });
        assert_eq!(simulation.attempts.load(Ordering::Relaxed), 0, "both panics came");
    }
}

#[test]
fn an_activity_in_which_the_host_panics_fails_by_name_if_it_is_not_tried_again() {
    for quick in [false, true] {
        with_engine(&Panicking::new(quick, 1), async |engine| {
            let input = program(vec![Step::Flaky { token: 1, failures: 0, attempts: 1 }]);
            let request = StartRequest { name: "Interpreter".into(), input, instance_id: Some("once".into()), ..StartRequest::default() };
            engine.start(request, &Binding::none()).await.expect("it is accepted");
            let row = until_ended(&engine, "once").await;
            assert!(format!("{:?}", row.output).contains("the host panicked while the activity ran"), "{row:?}");
        });
    }
}

#[test]
fn a_turn_in_which_the_host_panics_is_tried_again_and_its_worker_goes_on() {
    let simulation = Panicking::new(true, 0);
    with_engine(&simulation, async |engine| {
        let account = account_id("north");
        let none = Binding::none();
        let deposit = || engine.signal_entity(account.clone(), "deposit", payload(&json!(5)), &none);
        simulation.ids.store(1, Ordering::Relaxed);
        assert!(matches!(deposit().await, Err(EngineError::Unavailable(_))), "the batch that took it came to nothing");
        deposit().await.expect("the only worker is there");
        let row = engine.status(&InstanceId::trusted("@account@north")).await.expect("the store answers").expect("it exists");
        assert!(row.state.is_some_and(|state| state.as_str().contains('5')));

        let request = StartRequest { name: "Interpreter".into(), input: program(Vec::new()), ..StartRequest::default() };
        let id = engine.start(request, &Binding::none()).await.expect("it is accepted");
        assert!(completed_with(&until_ended(&engine, id.as_str()).await, &json!([])));
    });
}
