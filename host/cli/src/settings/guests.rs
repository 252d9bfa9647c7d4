//! What guests may take up.

use std::time::Duration;

use anyhow::ensure;
use longhaul_wasm::Limits;

use super::limits::value_limits;
use super::{ServeOptions, at_least_one};

/// The bounds on guests, complete and checked.
pub(super) fn guest_limits(options: &ServeOptions) -> anyhow::Result<Limits> {
    let max_activity_deadline = Duration::from_secs(options.max_activity_timeout_seconds());
    // The default is no reason to refuse a lower maximum.
    let default = Duration::from_secs(ServeOptions::default().activity_timeout_seconds()).min(max_activity_deadline);
    let activity_deadline = options.activity_timeout_seconds.map_or(default, Duration::from_secs);
    ensure!(!activity_deadline.is_zero(), "--activity-timeout-seconds is 0; it must be at least 1");
    ensure!(
        activity_deadline <= max_activity_deadline,
        "--activity-timeout-seconds is {}, more than --max-activity-timeout-seconds, which is {}",
        activity_deadline.as_secs(),
        max_activity_deadline.as_secs(),
    );
    Ok(Limits {
        turn_deadline: Duration::from_millis(options.turn_deadline_ms()),
        orchestrator_memory_bytes: at_least_one("orchestrator-memory-bytes", options.orchestrator_memory_bytes())?,
        activity_deadline,
        max_activity_deadline,
        max_activity_output_bytes: at_least_one("max-activity-output-bytes", options.max_activity_output_bytes())?,
        request_deadline: options.limits.client_timeout()?,
        max_commands: at_least_one("max-commands-per-turn", options.limits.max_commands_per_turn())?,
        max_custom_status_bytes: at_least_one("max-custom-status-bytes", options.limits.max_custom_status_bytes())?,
        max_failure_bytes: at_least_one("max-failure-bytes", options.limits.max_failure_bytes())?,
        values: value_limits(&options.limits)?,
        ..Limits::default()
    })
}
