//! The machine's clock is hours wrong for a while and put right: what waits must not wait hours
//! longer for that.

use std::sync::Arc;
use std::time::Duration;

use interpreter_programs::{Program, Step};
use longhaul_core::InstanceId;
use longhaul_engine::{Engine, EngineConfig, Simulated};
use serde_json::json;
use simulation::client::{Request, insist, until_ended};
use simulation::life::Life;
use simulation::store::{Gate, GatedStore, Kind, Verdict};
use simulation::universe::{Pace, Universe};
use tokio::time::{Instant, sleep};

const HOUR_MS: i64 = 3_600_000;
/// How many waits there are, and how long each of them is.
const WAITS: usize = 6;
const WAIT: Duration = Duration::from_secs(90);
/// How much longer all of them together may take, however often the clock is put right.
const SLACK: Duration = Duration::from_secs(200);

/// Everything succeeds at once.
struct Open;

impl Gate for Open {
    fn pass(&self, _kind: Kind) -> Simulated<Verdict> {
        Box::pin(async { Verdict::Proceed })
    }

    fn leave(&self) -> Simulated<()> {
        Box::pin(async {})
    }
}

/// What happens to the host while an instance waits and waits.
struct Course {
    config: EngineConfig,
    /// The clock jumps by so many hours after so much time each.
    jumps: Vec<(Duration, i64)>,
    /// The host is killed after so much time, and started again.
    killed_after: Option<Duration>,
}

/// Runs the course. Returns how long the instance took, in time that passes.
fn took(course: &Course) -> Duration {
    let universe = Arc::new(Universe::new(1, Pace::EVEN));
    let store = Arc::new(GatedStore::new(Arc::new(Open)));
    let life = Life { universe: universe.clone(), store, config: course.config.clone() };
    let of = universe.clone();
    let jumps = async |engine: &Engine| {
        let mut random = of.random().fork();
        let program = Program { ledger: String::new(), steps: vec![Step::Timer { ms: WAIT.as_millis() as u64 }; WAITS], done: Vec::new() };
        let start = Request::Start { name: "Interpreter".into(), id: "waits".into(), input: json!(program) };
        insist(engine, &mut random, "start", &start).await;
        for (after, hours) in &course.jumps {
            sleep(*after).await;
            of.jump(hours * HOUR_MS);
        }
    };
    let mut passed = Duration::ZERO;
    if let Some(lifetime) = course.killed_after {
        life.live(lifetime, async |engine: Engine| {
            jumps(&engine).await;
            std::future::pending::<()>().await;
        });
        passed += lifetime;
    }
    let rest = life.live(Duration::from_secs(20 * 3_600), async |engine: Engine| {
        let begun = Instant::now();
        if course.killed_after.is_none() {
            jumps(&engine).await;
        }
        until_ended(&engine, "waits").await;
        let row = engine.status(&InstanceId::trusted("waits")).await.expect("the store answers").expect("it was started");
        assert_eq!(row.status.as_str(), "Completed");
        begun.elapsed()
    });
    passed + rest.expect("it ends within twenty hours")
}

fn check(name: &str, course: &Course) {
    let (took, least) = (took(course), WAIT * WAITS as u32);
    assert!(took <= least + SLACK, "{name}: the waits of {least:?} took {took:?}");
}

fn configs() -> [(&'static str, EngineConfig); 2] {
    let plain = EngineConfig { guest_threads: 2, ..EngineConfig::default() };
    [("in memory", plain.clone()), ("outside memory", EngineConfig { evict_after_every_turn: true, ..plain })]
}

#[test]
fn waits_that_began_while_the_clock_was_ahead_last_no_longer_once_it_is_right() {
    let seconds = Duration::from_secs;
    for (name, config) in configs() {
        for jumps in [vec![(seconds(30), 1), (seconds(80), -1)], vec![(seconds(1), 2), (seconds(500), -2)], vec![(seconds(100), -3)]] {
            check(&format!("{name}, {jumps:?}"), &Course { config: config.clone(), jumps, killed_after: None });
        }
    }
}

#[test]
fn a_host_that_is_started_again_after_the_correction_does_not_stand_still_either() {
    for (name, config) in configs() {
        let jumps = vec![(Duration::from_secs(30), 2), (Duration::from_secs(80), -2)];
        let killed_after = Some(Duration::from_secs(111));
        check(name, &Course { config, jumps, killed_after });
    }
}
