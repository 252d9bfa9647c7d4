//! What the canary notices of broken guests.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use e2e::Host;
use tokio::time::Instant;

use super::{Broken, all, canary, host, side_by_side};

/// Canaries before the first that counts: code is compiled and connections are made.
const WARM_UP: usize = 50;

/// Measures a canary after the other for a while, alone and beside all broken guests whose name contains `only`, over and over again. Returns
/// what to print.
///
/// # Errors
/// When there is no such guest, or when a canary does not get through.
pub async fn measure(time: Duration, only: &str) -> anyhow::Result<String> {
    ensure!(!rows(only).is_empty(), "no broken guest's name contains '{only}'");
    let host = host().await;
    for _ in 0..WARM_UP {
        canary(&host).await?;
    }
    let alone = Sample::take(&host, time).await?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let others = tokio::spawn(misbehave(host.clone(), only.to_owned(), stopped));
    let beside = Sample::take(&host, time).await;
    stop.send_replace(true);
    let (rows, wrong) = others.await?;
    let beside = beside?;
    let ratio = beside.at(99).as_secs_f64() / alone.at(99).as_secs_f64();
    let wrong = if wrong.is_empty() { "each came to its outcome".into() } else { format!("wrong were:\n{}", wrong.join("\n")) };
    Ok(format!("alone:  {alone}\nbeside: {beside}\np99 beside / alone: {ratio:.2}; {rows} broken guests ran, {wrong}"))
}

fn rows(only: &str) -> Vec<Broken> {
    all().into_iter().filter(|row| row.name.contains(only)).collect()
}

/// Runs those rows over and over again. Returns how many ran, and what was wrong.
async fn misbehave(host: Arc<Host>, only: String, stopped: tokio::sync::watch::Receiver<bool>) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    while !*stopped.borrow() {
        let rows = rows(&only);
        count += rows.len();
        wrong.extend(side_by_side(&host, rows).await);
    }
    (count, wrong)
}

/// How long canaries took, shortest first.
struct Sample(Vec<Duration>);

impl Sample {
    async fn take(host: &Host, time: Duration) -> anyhow::Result<Self> {
        let end = Instant::now() + time;
        let mut took = Vec::new();
        while Instant::now() < end {
            took.push(canary(host).await?);
        }
        took.sort();
        Ok(Self(took))
    }

    /// The time within which so many of a hundred got through.
    fn at(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (half, most, all) = (self.at(50), self.at(99), self.at(100));
        write!(formatter, "{} canaries, p50 {half:.1?}, p99 {most:.1?}, longest {all:.1?}", self.0.len())
    }
}
