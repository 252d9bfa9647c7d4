//! The machine's clock, for what is no decision: when a deployment was accepted, which page of a
//! list is meant.

use std::time::{SystemTime, UNIX_EPOCH};

use longhaul_core::Timestamp;

/// The time now; 1970 if the machine's clock is set before that.
pub fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
