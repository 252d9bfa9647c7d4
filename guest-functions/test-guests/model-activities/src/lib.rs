//! Activities that show in the host's log when they run.

use longhaul::{Failure, log};
use serde::Deserialize;

longhaul::export_activities!(note, note_and_fail, note_and_sleep);

/// Logs its input.
#[longhaul::activity(export = false)]
pub fn note(text: String) {
    log::info!("noted {text}");
}

/// Logs its input and fails.
#[longhaul::activity(export = false)]
pub fn note_and_fail(text: String) -> Result<(), Failure> {
    note(text);
    Err(Failure::new("Deliberate", "this activity fails"))
}

/// The input of [`note_and_sleep`].
#[derive(Deserialize)]
pub struct Sleep {
    text: String,
    ms: u64,
}

/// Logs its input and takes its time.
#[longhaul::activity(export = false)]
pub fn note_and_sleep(sleep: Sleep) {
    note(sleep.text);
    wasip2::clocks::monotonic_clock::subscribe_duration(sleep.ms * 1_000_000).block();
}
