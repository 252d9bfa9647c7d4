//! Turns that ask for so much that they take long.

use std::time::Duration;

use longhaul::{Context, EntityId, Failure};

/// Calls an entity, and then in one turn calls it again and sets so many timers of an hour. Returns what the second call returned.
#[longhaul::orchestrator(export = false)]
pub async fn crowded(ctx: Context, timers: u32) -> Result<u64, Failure> {
    let account = EntityId::new("Account", "crowded");
    ctx.call_entity::<u64>(&account, "deposit", &1).await?;
    let second = ctx.call_entity::<u64>(&account, "deposit", &1);
    let hour = Duration::from_secs(3_600);
    let _timers: Vec<_> = (0..timers).map(|_| ctx.timer(hour)).collect();
    Ok(second.await?)
}
