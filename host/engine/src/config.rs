//! The engine's settings.

use std::sync::Arc;
use std::time::Duration;

use longhaul_core::limits::InstanceLimits;
use longhaul_store::WriterThread;

use crate::recorder::Recorder;

/// How the engine uses the machine.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Threads that run orchestrators and entities; default: one for each core.
    pub guest_threads: usize,
    /// Most waiting instances kept in memory; the longest idle leave first and come back by replay.
    /// Default: 2,000.
    pub max_hot_instances: usize,
    /// Most bytes that instances hold in memory: states, guests, mailboxes, and commits on their
    /// way. The longest idle leave first and come back by replay; what else would be read waits.
    /// Default: 512 MiB.
    pub instance_memory_bytes: u64,
    /// Every instance leaves memory after every turn, so that each turn begins with a replay: for
    /// tests. Default: off.
    pub evict_after_every_turn: bool,
    /// Every commit is a transaction of its own, as if none ever met another: for tests. Default:
    /// off.
    pub one_commit_per_batch: bool,
    /// Turns of one instance that may wait for their commits at a time, at least 1. More of them
    /// make that instance quicker and all commits larger. Default: 64.
    pub max_turns_in_flight: u32,
    /// Most guest threads that guests hold up for long and in whose place others are started at a
    /// time. Default: 16.
    pub max_replaced_threads: usize,
    /// Calls of a guest in a row that may fail before its instance is parked. Default: 3.
    pub max_failed_turns: u32,
    /// Memory for answers that are being made, in bytes: what was read for them, and they
    /// themselves. Default: 256 MiB.
    pub answer_memory_bytes: u64,
    /// Most bytes of payloads in a page of a list, unless a single one has more. Default: 16 MiB.
    pub max_page_bytes: u64,
    /// What one instance may take up.
    pub limits: Arc<InstanceLimits>,
    /// The store's thread that writes, on which the committer runs then. Default: one of tokio's
    /// workers.
    pub writer: Option<Arc<dyn WriterThread>>,
    /// Remembers which guests ran when the host died. Default: none.
    pub recorder: Option<Arc<Recorder>>,
    /// How long a stop waits for turns under way before their guests are interrupted. Default: 5 s.
    pub stop_grace: Duration,
    /// Which instances a start may replace. Default: those that have ended.
    pub reuse: ReusePolicy,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            guest_threads: std::thread::available_parallelism().map_or(2, usize::from),
            max_hot_instances: 2_000,
            instance_memory_bytes: 512 << 20,
            evict_after_every_turn: false,
            one_commit_per_batch: false,
            max_turns_in_flight: 64,
            max_replaced_threads: 16,
            max_failed_turns: 3,
            answer_memory_bytes: 256 << 20,
            max_page_bytes: 16 << 20,
            limits: Arc::default(),
            writer: None,
            recorder: None,
            stop_grace: Duration::from_secs(5),
            reuse: ReusePolicy::default(),
        }
    }
}

/// Which instances a start with their id may replace. An instance that has ended can always be
/// replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReusePolicy {
    /// Only those that have ended; a live one is a conflict.
    #[default]
    NonRunningStates,
    /// All: a live one is terminated first.
    AnyState,
}
