//! `longhaul keys revoke`: deletes a key.

use super::{KeyArgs, KeyChange, Keys};

pub(super) async fn run(keys: &Keys<'_>, key: KeyArgs) -> anyhow::Result<String> {
    let revoked = keys.change(KeyChange::Revoke, key).await?;
    Ok(format!("Key '{}' for {} is revoked.\n", revoked.name, revoked.scope))
}
