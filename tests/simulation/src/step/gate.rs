//! Lets the calls of a point fail, by their number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use longhaul_engine::Simulated;
use tokio::time::sleep;

use super::point::{Fault, How};
use crate::store::{Gate, Kind, Verdict};
use crate::universe::Universe;

/// How long a process lives whose store hangs: long enough for everybody's patience to run out.
const DEATH_AFTER: Duration = Duration::from_secs(3);

pub(super) struct SteppedGate {
    universe: Arc<Universe>,
    faults: Vec<Fault>,
    calls: AtomicU64,
    fired: AtomicUsize,
    hung: AtomicU64,
}

impl SteppedGate {
    pub(super) fn new(universe: Arc<Universe>, faults: Vec<Fault>) -> Self {
        Self { universe, faults, calls: AtomicU64::new(0), fired: AtomicUsize::new(0), hung: AtomicU64::new(0) }
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How many faults came to pass.
    pub(super) fn fired(&self) -> usize {
        self.fired.load(Ordering::Relaxed)
    }

    /// How many of them were calls that hung.
    pub(super) fn hung(&self) -> u64 {
        self.hung.load(Ordering::Relaxed)
    }

    fn verdict(&self) -> Verdict {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(fault) = self.faults.iter().find(|fault| fault.call == number) else { return Verdict::Proceed };
        self.fired.fetch_add(1, Ordering::Relaxed);
        match fault.how {
            How::FailBefore => Verdict::FailBefore,
            How::FailAfter => Verdict::FailAfter,
            How::HangBefore => self.hang(Verdict::HangBefore),
            How::HangAfter => self.hang(Verdict::HangAfter),
        }
    }

    fn hang(&self, verdict: Verdict) -> Verdict {
        self.hung.fetch_add(1, Ordering::Relaxed);
        let universe = self.universe.clone();
        // Dies with the engine's runtime.
        tokio::spawn(async move {
            sleep(DEATH_AFTER).await;
            universe.crash();
        });
        verdict
    }
}

impl Gate for SteppedGate {
    fn pass(&self, _kind: Kind) -> Simulated<Verdict> {
        let (verdict, pause) = (self.verdict(), self.universe.hold_up());
        Box::pin(async move {
            pause.await;
            verdict
        })
    }

    fn leave(&self) -> Simulated<()> {
        self.universe.hold_up()
    }
}
