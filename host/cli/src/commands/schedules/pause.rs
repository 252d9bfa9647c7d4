//! `longhaul timers pause`: lets a timer skip its times.

use super::{Client, operate};

pub(super) async fn run(client: &Client, name: &str) -> anyhow::Result<String> {
    operate(client, name, "pause").await
}
