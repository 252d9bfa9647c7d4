//! Settings, their defaults and what they bound.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use longhaul_core::limits::ValueLimits;

use crate::compiled::ChildCompiler;
use crate::counts::GuestCounts;
use crate::io::OwnListeners;
use crate::log::{LogSink, TracingSink};
use crate::memory::GuestMemory;

/// How a [`Runtime`](crate::Runtime) is built.
#[derive(Clone)]
pub struct Config {
    /// Bounds for each guest and call.
    pub limits: Limits,
    /// Folder for compiled code, made if it is missing; `None` (the default) compiles every
    /// component again at each start.
    ///
    /// Write access to it is as much as running native code in this process: the folder is made for
    /// its owner alone, and a file that others may write to is not used.
    pub compiled_cache: Option<PathBuf>,
    /// Where components whose code is not in that folder are compiled.
    pub compiler: Compiler,
    /// Most orchestrator and entity guests in memory at a time. `None` (the default): 10,000, or
    /// less where `vm.max_map_count` allows less. See
    /// [`Runtime::max_hot_guests`](crate::Runtime::max_hot_guests).
    pub max_hot_guests: Option<usize>,
    /// Most activities running at a time, default 256. Others wait; the wait does not count against
    /// their deadline.
    pub max_running_activities: usize,
    /// Most client functions running at a time, default 256. Others wait. Counted apart from
    /// activities, so that activities which wait for a slow server do not keep requests waiting.
    pub max_running_requests: usize,
    /// Most guests that compute at a time among those that have computed for long: an orchestrator
    /// or entity for 10 to 20 ms, an activity or client function for 5 ms without a pause. They
    /// take turns. Default: one less than the number of processors, so that one is left to all
    /// other work, and at least 1.
    pub max_background_guests: usize,
    /// Certificate authorities, in PEM, that outgoing `https` requests trust besides the system's;
    /// `None` by default.
    pub outbound_ca_file: Option<PathBuf>,
    /// Where this process itself listens: outgoing requests never reach it, whatever the lists
    /// allow. None by default.
    pub own_listeners: OwnListeners,
    /// Where guests' log lines go, default [`TracingSink`].
    pub log: Arc<dyn LogSink>,
    /// The memory that running activities and client functions share. Unbounded by default.
    pub memory: Arc<GuestMemory>,
    /// Counts guests as they are made. By default every runtime has counts of its own.
    pub counts: Arc<GuestCounts>,
}

/// Where components are compiled.
#[derive(Clone, Debug, Default)]
pub enum Compiler {
    /// In this process and without bounds, the default: for tests and tools, whose components are
    /// their own.
    #[default]
    InProcess,
    /// In a child process, for components that come from outside. Needs a
    /// [`Config::compiled_cache`].
    Child(ChildCompiler),
}

/// Bytes that a guest may hand over in one call besides a payload.
const HANDOVER_SLACK_BYTES: usize = 4 << 20;

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            compiled_cache: None,
            compiler: Compiler::InProcess,
            max_hot_guests: None,
            max_running_activities: 256,
            max_running_requests: 256,
            max_background_guests: std::thread::available_parallelism().map_or(1, |all| all.get().saturating_sub(1).max(1)),
            outbound_ca_file: None,
            own_listeners: OwnListeners::default(),
            log: Arc::new(TracingSink),
            memory: Arc::default(),
            counts: Arc::default(),
        }
    }
}

/// Bounds for one guest or one call.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Linear memory of an orchestrator or entity guest, default 256 MiB: room for 100,000 tasks at
    /// a time, or for a payload of 32 MiB as text, as the value that was read from it and in what
    /// comes of it. Reserved as address space for each of `max_hot_guests`; only what a guest
    /// touches costs memory.
    pub orchestrator_memory_bytes: usize,
    /// Linear memory of an activity or client function, default 256 MiB, for the same payloads.
    pub activity_memory_bytes: usize,
    /// Longest call of an orchestrator or entity, default 10 s. Measured by the clock, so a busy
    /// machine counts too; that is why a missed deadline is never an orchestration's outcome.
    pub turn_deadline: Duration,
    /// Longest run of an activity that has no timeout of its own, default 5 min.
    pub activity_deadline: Duration,
    /// Longest run of any activity: a longer timeout is cut to it. Default 24 h.
    pub max_activity_deadline: Duration,
    /// Longest output of an activity, default 32 MiB of JSON. A longer one is a failure.
    pub max_activity_output_bytes: usize,
    /// Longest run of a client function, its response's body included, default 230 s.
    pub request_deadline: Duration,
    /// Most commands in one turn, default 100,000 as in the WIT. More fail the orchestration.
    pub max_commands: usize,
    /// Longest custom status as UTF-16, default 16 KiB as in the WIT. A longer one fails the
    /// orchestration.
    pub max_custom_status_bytes: usize,
    /// Longest failure of a guest: its message, its details, and its causes together, default 64
    /// KiB each; the rest is cut.
    pub max_failure_bytes: usize,
    /// Bounds on each payload and name that a guest hands over. A longer one fails the
    /// orchestration, the operation, or the activity.
    pub values: ValueLimits,
    /// Longest log line, default 8 KiB; the rest is cut.
    pub log_line_bytes: usize,
    /// Most log lines of one call, default 200; then one line tells that more were dropped.
    pub log_lines_per_call: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            orchestrator_memory_bytes: 256 << 20,
            activity_memory_bytes: 256 << 20,
            turn_deadline: Duration::from_secs(10),
            activity_deadline: Duration::from_secs(300),
            max_activity_deadline: Duration::from_secs(24 * 3_600),
            max_activity_output_bytes: 32 << 20,
            request_deadline: Duration::from_secs(230),
            max_commands: 100_000,
            max_custom_status_bytes: 16 << 10,
            max_failure_bytes: 64 << 10,
            values: ValueLimits::default(),
            log_line_bytes: 8 << 10,
            log_lines_per_call: 200,
        }
    }
}

impl Limits {
    /// The longest run of an activity that asks for `timeout`.
    pub(crate) fn activity_deadline_for(&self, timeout: Option<Duration>) -> Duration {
        timeout.unwrap_or(self.activity_deadline).min(self.max_activity_deadline)
    }

    /// Most bytes that an activity or client function hands over in one call, its output included:
    /// a payload, and enough besides that a payload which is slightly too long is refused by its
    /// name.
    pub(crate) fn handover_bytes(&self) -> usize {
        self.values.max_payload_bytes.max(self.max_activity_output_bytes).saturating_add(HANDOVER_SLACK_BYTES)
    }
}
