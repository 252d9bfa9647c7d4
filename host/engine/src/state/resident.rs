//! What is known of an instance in memory: its state, and an orchestration's guest.

use longhaul_core::orchestration::ReplayStep;
use longhaul_core::{Entity, InstanceId, Orchestration, Timestamp};

use crate::ports::OrchestratorGuest;
use crate::state::cache::Counted;

/// What is known of an instance in memory.
pub(crate) enum Resident {
    Orchestration(Box<OrchestrationInMemory>),
    Entity(Box<Entity>),
}

pub(crate) struct OrchestrationInMemory {
    pub(crate) state: Orchestration,
    pub(crate) guest: Guest,
}

/// The guest that runs an execution's code.
pub(crate) enum Guest {
    /// The execution has not called it yet.
    Fresh,
    /// As far as the state is.
    Live(Box<dyn OrchestratorGuest>),
    /// Gone; these calls bring it back.
    Replay(Vec<ReplayStep>),
}

impl Resident {
    /// An instance of which nothing is recorded yet.
    pub(crate) fn blank(id: &InstanceId) -> Self {
        match id.entity() {
            Some(entity) => Self::Entity(Box::new(Entity::blank(entity))),
            None => {
                let state = Orchestration::blank(id.clone());
                Self::Orchestration(Box::new(OrchestrationInMemory { state, guest: Guest::Fresh }))
            }
        }
    }

    /// When the instance is due by itself.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.wake_at(),
            Self::Entity(entity) => entity.wake_at(),
        }
    }

    /// Whether a turn is due though nothing arrived.
    pub(crate) fn needs_turn(&self, now: Timestamp) -> bool {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.needs_turn(now),
            Self::Entity(entity) => entity.is_left_ahead(now),
        }
    }

    /// Whether the clock was put back since its latest turn, and something would come too late for
    /// that.
    pub(crate) fn is_left_ahead(&self, now: Timestamp) -> bool {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.is_left_ahead(now),
            Self::Entity(entity) => entity.is_left_ahead(now),
        }
    }

    /// When it was started first, where that is known.
    pub(crate) fn born_at(&self) -> Option<Timestamp> {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.born_at(),
            Self::Entity(_) => None,
        }
    }

    /// Whether nothing will come of the instance any more unless it is started again.
    pub(crate) fn has_ended(&self) -> bool {
        match self {
            Self::Orchestration(orchestration) => orchestration.state.status().is_none_or(|status| status.is_terminal()),
            Self::Entity(_) => false,
        }
    }

    /// How it counts against the limits of memory while it is at rest.
    pub(crate) fn counts(&self) -> Counted {
        match self {
            Self::Orchestration(orchestration) => match orchestration.guest {
                Guest::Live(_) | Guest::Replay(_) => Counted::ByNumber,
                Guest::Fresh => Counted::ByBytes,
            },
            Self::Entity(_) => Counted::ByNumber,
        }
    }

    /// About what it holds in memory.
    pub(crate) fn held_bytes(&mut self) -> u64 {
        match self {
            Self::Orchestration(orchestration) => {
                let OrchestrationInMemory { state, guest } = &mut **orchestration;
                match guest {
                    Guest::Live(guest) => state.held_bytes() + guest.touched_bytes(),
                    // The calls of a replay have all payloads of the history.
                    Guest::Replay(_) => state.held_bytes().max(state.history().bytes),
                    Guest::Fresh => state.held_bytes(),
                }
            }
            Self::Entity(entity) => entity.held_bytes(),
        }
    }
}
