//! `longhaul timers run`: starts a timer's orchestration now.

use super::{Client, operate};

pub(super) async fn run(client: &Client, name: &str) -> anyhow::Result<String> {
    operate(client, name, "run").await
}
