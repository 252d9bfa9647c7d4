//! `longhaul keys rotate`: replaces a key and prints it.

use super::{KeyArgs, KeyChange, Keys, new_key};

pub(super) async fn run(keys: &Keys<'_>, key: KeyArgs) -> anyhow::Result<String> {
    keys.change(KeyChange::Rotate, key).await.map(new_key)
}
