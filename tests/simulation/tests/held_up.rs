//! A turn is held up while memory is given up after a failed commit, and hands over when all has
//! been read again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use interpreter_programs::{Program, Step};
use longhaul_core::message::ActivityRun;
use longhaul_core::{Failure, Payload, RuntimeStatus, Timestamp};
use longhaul_engine::{ActivityStandIn, Binding, Engine, EngineConfig, Simulated, StartRequest, WorkerKind, World};
use serde_json::json;
use simulation::client::{account_id, payload, until_ended};
use simulation::life::registry;
use simulation::store::{Gate, GatedStore, Kind, Verdict};
use simulation::universe::{Pace, Universe};
use tokio::runtime::Builder;
use tokio::time::sleep;

/// How long the second turn is held up: longer than it takes until memory has been read again.
const HELD_UP: Duration = Duration::from_secs(3);

/// A universe whose second turn is held up.
struct Slow {
    of: Universe,
    turns: AtomicU32,
}

impl World for Slow {
    fn now(&self) -> Timestamp {
        self.of.now()
    }

    fn fresh_id(&self) -> String {
        self.of.fresh_id()
    }

    fn workers(&self) -> WorkerKind {
        WorkerKind::Tasks
    }

    fn pause(&self) -> Option<Simulated<()>> {
        self.of.pause()
    }

    fn computing_time(&self) -> Option<Duration> {
        (self.turns.fetch_add(1, Ordering::Relaxed) == 1).then_some(HELD_UP)
    }

    fn stand_in(self: Arc<Self>) -> Option<Arc<dyn ActivityStandIn>> {
        Some(self)
    }
}

impl ActivityStandIn for Slow {
    fn is_quick(&self, _run: &ActivityRun) -> bool {
        true
    }

    fn run_quickly(&self, run: &ActivityRun) -> Option<Result<Payload, Failure>> {
        self.of.run_quickly(run)
    }

    fn run_activity(&self, run: ActivityRun) -> Simulated<Result<Payload, Failure>> {
        self.of.run_activity(run)
    }
}

/// Lets the next append fail once it is told to.
#[derive(Default)]
struct FailsOnce(AtomicBool);

impl Gate for FailsOnce {
    fn pass(&self, kind: Kind) -> Simulated<Verdict> {
        let fails = kind == Kind::Append && self.0.swap(false, Ordering::Relaxed);
        Box::pin(async move { if fails { Verdict::FailBefore } else { Verdict::Proceed } })
    }

    fn leave(&self) -> Simulated<()> {
        Box::pin(async {})
    }
}

#[test]
fn a_result_of_an_activity_outlives_a_turn_that_was_held_up_over_a_failed_commit() {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without I/O");
    runtime.block_on(async {
        // The run that begins anew waits for the only worker, which hands over the turn that took
        // the result of the first one.
        let config = EngineConfig { guest_threads: 1, max_replaced_threads: 0, ..EngineConfig::default() };
        let gate = Arc::new(FailsOnce::default());
        let simulation = Arc::new(Slow { of: Universe::new(1, Pace::EVEN), turns: AtomicU32::new(0) });
        simulation.of.begin();
        let store = Arc::new(GatedStore::new(gate.clone()));
        let engine = Engine::simulate(store, registry(), config, simulation.clone()).await.expect("it starts");
        let input = payload(&json!(Program { ledger: String::new(), steps: vec![Step::Activity { token: 1 }], done: Vec::new() }));
        let request = StartRequest { name: "Interpreter".into(), input, instance_id: Some("one".into()), ..StartRequest::default() };
        engine.start(request, &Binding::none()).await.expect("it is accepted");
        while simulation.turns.load(Ordering::Relaxed) < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        gate.0.store(true, Ordering::Relaxed);
        let deposit = engine.signal_entity(account_id("north"), "deposit", payload(&json!(1)), &Binding::none()).await;
        assert!(deposit.is_err(), "its commit fails while the turn is held up");
        assert_eq!(until_ended(&engine, "one").await.status, RuntimeStatus::Completed);
    });
}
