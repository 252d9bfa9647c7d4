//! `longhaul timers resume`: lets a paused timer go on.

use super::{Client, operate};

pub(super) async fn run(client: &Client, name: &str) -> anyhow::Result<String> {
    operate(client, name, "resume").await
}
