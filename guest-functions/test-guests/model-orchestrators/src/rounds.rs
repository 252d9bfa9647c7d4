//! A loop that never waits.

use longhaul::{Context, Failure};
use serde::{Deserialize, Serialize};

/// The input of [`rounds`], and what goes over.
#[derive(Serialize, Deserialize)]
pub struct Left {
    left: u32,
    /// So that a round that is kept for nothing shows in the size of the database.
    ballast: String,
}

/// Continues as new that many times.
#[longhaul::orchestrator(export = false)]
pub async fn rounds(ctx: Context, left: Left) -> Result<usize, Failure> {
    match left.left.checked_sub(1) {
        Some(fewer) => ctx.continue_as_new(&Left { left: fewer, ..left }),
        None => return Ok(left.ballast.len()),
    }
    Ok(0)
}
