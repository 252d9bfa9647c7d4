//! How many guests were made.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::component_world::FunctionKind;

/// Counts guests of each kind since the process began. One is made for each call of an activity, an
/// entity and a client function, and for each time that an orchestration comes into memory; one
/// that cannot be made counts as well.
#[derive(Debug, Default)]
pub struct GuestCounts {
    clients: AtomicU64,
    orchestrators: AtomicU64,
    activities: AtomicU64,
    entities: AtomicU64,
}

impl GuestCounts {
    /// How many guests of this kind were made so far.
    pub fn of(&self, kind: FunctionKind) -> u64 {
        self.counter(kind).load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, kind: FunctionKind) {
        self.counter(kind).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, kind: FunctionKind) -> &AtomicU64 {
        match kind {
            FunctionKind::Client => &self.clients,
            FunctionKind::Orchestrator => &self.orchestrators,
            FunctionKind::Activity => &self.activities,
            FunctionKind::Entity => &self.entities,
        }
    }
}
