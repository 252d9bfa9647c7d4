//! Store fault stepping: the k-th call of the store fails before it does anything, fails after all
//! is done, or hangs until the process dies, for every k of every scenario; see
//! `docs/guide/fault-stepping.md`.
//!
//! - [`scenario`]: what clients do, and what must come of it. [`scenarios`]: the list.
//! - [`point`]: one run, by a name that repeats it. `gate`: lets the calls of a point fail.
//! - [`drive`]: the clients, who ask again for what got no answer and never for what did.
//!   [`verdict`]: what is compared afterwards.
//! - [`sweep`]: all points of one fault, and as many of two as are asked for.

pub mod drive;
pub mod point;
pub mod scenario;
pub mod scenarios;
pub mod sweep;
pub mod verdict;

mod gate;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use longhaul_engine::Engine;

use crate::check;
use crate::life::Life;
use crate::store::GatedStore;
use crate::universe::Universe;
use drive::Drive;
use gate::SteppedGate;
use point::Point;
use scenario::Scenario;

/// Longest life of an engine, in virtual time.
const LONGEST: Duration = Duration::from_secs(6 * 3_600);

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Passed {
    /// Calls of the store, by all engines together.
    pub calls: u64,
    /// Faults that came to pass.
    pub faults: usize,
    /// How long it took, in virtual time.
    pub took_ms: u64,
}

/// Runs one point.
///
/// # Errors
/// What was not as foretold.
pub fn run(point: &Point) -> Result<Passed, Vec<String>> {
    Stage::of(point).run()
}

/// Runs one point and returns the log that it leaves, record by record, as text, whatever came of
/// it.
pub fn log(point: &Point) -> Vec<String> {
    let stage = Stage::of(point);
    let _ = stage.run();
    stage.store.log().iter().map(|record| format!("{} {}", record.instance, record.record.encode())).collect()
}

/// All that one run needs.
struct Stage {
    scenario: Arc<Scenario>,
    universe: Arc<Universe>,
    gate: Arc<SteppedGate>,
    store: Arc<GatedStore>,
    life: Life,
}

impl Stage {
    fn of(point: &Point) -> Self {
        let scenario = Arc::new(scenarios::named(point.scenario));
        let universe = Arc::new(Universe::new(point.setting.seed(), point.setting.pace()));
        let gate = Arc::new(SteppedGate::new(universe.clone(), point.faults.clone()));
        let store = Arc::new(GatedStore::new(gate.clone()));
        watch_calls(&universe, &store);
        let life = Life { universe: universe.clone(), store: store.clone(), config: point.setting.config() };
        Self { scenario, universe, gate, store, life }
    }

    fn run(&self) -> Result<Passed, Vec<String>> {
        std::panic::catch_unwind(AssertUnwindSafe(|| self.carry_out()))
            .unwrap_or_else(|panic| Err(vec![panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic, see above".to_owned())]))
    }

    fn carry_out(&self) -> Result<Passed, Vec<String>> {
        let Self { scenario, universe, gate, store, life } = self;
        let drive = Drive::new(scenario.clone(), store.clone(), universe.clone());
        let mut crashes = 0;
        while life.live(LONGEST, async |engine: Engine| drive.to_the_end(engine).await).is_none() {
            crashes += 1;
            if crashes > gate.hung() {
                return Err(vec![format!("it never ends: {:?}", check::rows(&store.inner))]);
            }
        }
        let mut found = verdict::violations(scenario, store, &universe.attempts(), crashes + store.failures());
        found.extend(universe.seen_by_watcher());
        found.extend(universe.left_lying());
        let passed = Passed { calls: gate.calls(), faults: gate.fired(), took_ms: universe.age_ms() };
        if found.is_empty() { Ok(passed) } else { Err(found) }
    }
}

/// No activity may begin before the turn that called it is on stable storage.
fn watch_calls(universe: &Universe, store: &Arc<GatedStore>) {
    // The store's gate holds the universe.
    let store = Arc::downgrade(store);
    universe.watch(move |run| {
        let store = store.upgrade()?;
        (!check::has_call(&store.log(), run)).then(|| format!("{} began before its call was in the store: {run:?}", run.name))
    });
}
