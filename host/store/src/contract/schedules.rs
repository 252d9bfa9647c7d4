//! How the schedules of apps stand: what the host starts by itself at certain times.

use longhaul_core::{InstanceId, Timestamp};

#[cfg(doc)]
use super::Batch;
use super::StoreFuture;

/// A schedule of an app has started an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleFired {
    /// The app.
    pub app: String,
    /// The schedule's name.
    pub name: String,
    /// The due time that is dealt with; absent for a start by hand, which takes no due time's
    /// place.
    pub due: Option<Timestamp>,
    /// What was started.
    pub instance: InstanceId,
}

/// How a schedule of an app stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    /// The app.
    pub app: String,
    /// The schedule's name.
    pub name: String,
    /// What the manifest said of its times when this was written: if it says something else now,
    /// `handled` counts for nothing.
    pub plan: String,
    /// Whether it was paused (true) or resumed (false); absent: the manifest decides.
    pub paused: Option<bool>,
    /// All due times up to this one are dealt with.
    pub handled: Timestamp,
    /// The due time for which it last started something.
    pub last_due: Option<Timestamp>,
    /// What it started last, by its schedule or by hand.
    pub last_instance: Option<InstanceId>,
}

/// How the schedules of apps stand. Like idempotency notes, no projection of the log.
pub trait Schedules: Send + Sync {
    /// All schedules, ordered by app and name.
    fn schedules(&self) -> StoreFuture<'_, Vec<ScheduleState>>;

    /// Writes one schedule, in place of what was there under its app and name.
    fn put_schedule(&self, schedule: ScheduleState) -> StoreFuture<'_, ()>;

    /// Removes a schedule. Does nothing if it does not exist.
    fn remove_schedule(&self, app: &str, name: &str) -> StoreFuture<'_, ()>;
}
