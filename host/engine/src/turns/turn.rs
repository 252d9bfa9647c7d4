//! Takes a turn or batch.

use std::sync::Arc;

use super::outcome::TurnOutcome;
use super::suspects::{self, Permission};
use super::{entity, orchestration};
use crate::context::EngineContext;
use crate::state::instance::Job;
use crate::state::resident::Resident;

/// Takes a turn or batch on the calling guest thread.
pub(crate) fn take(context: &Arc<EngineContext>, job: Job) -> TurnOutcome {
    let (job, permission) = match suspects::ask(context, job) {
        Ok(asked) => asked,
        Err(later) => return *later,
    };
    let (entry, refused) = match permission {
        Permission::Granted(entry) => (entry, None),
        Permission::Refused(reason) => (None, Some(reason)),
    };
    let outcome = match job.resident {
        Resident::Orchestration(orchestration) => {
            orchestration::turn(context, &job.id, orchestration, job.deliveries, job.park.or(refused))
        }
        Resident::Entity(entity) => entity::batch(context, &job.id, entity, job.deliveries, refused),
    };
    // Only a turn that has a record has done what it may have died of.
    if let Some(entry) = entry.filter(|_| outcome.record.is_some()) {
        entry.ended();
    }
    outcome
}
