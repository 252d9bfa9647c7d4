//! What the canary notices of other guests.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use e2e::Host;
use tokio::time::Instant;

use super::{Row, broken, canary, honest, host, side_by_side};

/// Canaries before the first that counts: code is compiled and connections are made.
const WARM_UP: usize = 50;
/// In what the kernel counts processor time.
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures a canary after the other for a while: alone, beside honest guests that have much to do, and beside all broken guests whose name
/// contains `only`, both over and over again. Returns what to print.
///
/// # Errors
/// When there is no such guest, or when a canary does not get through.
pub async fn measure(time: Duration, only: &str) -> anyhow::Result<String> {
    let those_meant = move || broken().into_iter().filter(|row| row.name.contains(only)).collect::<Vec<_>>();
    ensure!(!those_meant().is_empty(), "no broken guest's name contains '{only}'");
    let host = host().await;
    for _ in 0..WARM_UP {
        canary(&host).await?;
    }
    let alone = Sample::take(&host, time).await?;
    let (beside_honest, _, wrong_honest) = beside(&host, time, honest).await?;
    let (beside_broken, count, wrong) = beside(&host, time, those_meant).await?;
    let wrong = [wrong_honest, wrong].concat();
    let wrong = if wrong.is_empty() { "each guest came to its outcome".into() } else { format!("wrong were:\n{}", wrong.join("\n")) };
    let ratio = |other: &Sample| beside_broken.at(99).as_secs_f64() / other.at(99).as_secs_f64();
    Ok(format!(
        "alone:         {alone}\nbeside honest: {beside_honest}\nbeside broken: {beside_broken}\n\
         p99 beside broken guests is {:.2} times that beside honest ones, and {:.2} times that alone; {count} broken guests ran, {wrong}",
        ratio(&beside_honest),
        ratio(&alone),
    ))
}

/// A sample beside guests, how many of those ran, and what was wrong with them.
async fn beside(host: &Arc<Host>, time: Duration, rows: impl Fn() -> Vec<Row>) -> anyhow::Result<(Sample, usize, Vec<String>)> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let (sample, (count, wrong)) = tokio::join!(
        async {
            let sample = Sample::take(host, time).await;
            stop.send_replace(true);
            sample
        },
        again_and_again(host, rows, stopped),
    );
    Ok((sample?, count, wrong))
}

/// Runs rows over and over again. Returns how many ran, and what was wrong.
async fn again_and_again(
    host: &Arc<Host>,
    rows: impl Fn() -> Vec<Row>,
    stopped: tokio::sync::watch::Receiver<bool>,
) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    while !*stopped.borrow() {
        let rows = rows();
        count += rows.len();
        wrong.extend(side_by_side(host, rows).await);
    }
    (count, wrong)
}

/// How long canaries took, and what the host computed meanwhile.
struct Sample {
    /// Shortest first.
    took: Vec<Duration>,
    /// How many processors it kept busy on average.
    processors: f64,
}

impl Sample {
    async fn take(host: &Host, time: Duration) -> anyhow::Result<Self> {
        let (begun, ticks) = (Instant::now(), processor_ticks(host));
        let mut took = Vec::new();
        while begun.elapsed() < time {
            took.push(canary(host).await?);
        }
        let processors = (processor_ticks(host) - ticks) / TICKS_PER_SECOND / begun.elapsed().as_secs_f64();
        took.sort();
        Ok(Self { took, processors })
    }

    /// The time within which so many of a hundred got through.
    fn at(&self, percent: usize) -> Duration {
        let place = (self.took.len() * percent).div_ceil(100).saturating_sub(1);
        self.took.get(place).copied().unwrap_or_default()
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (half, most, all) = (self.at(50), self.at(99), self.at(100));
        let Self { took, processors } = self;
        write!(formatter, "{} canaries, p50 {half:.1?}, p99 {most:.1?}, longest {all:.1?}; {processors:.2} processors", took.len())
    }
}

/// The processor time that the host has used, in ticks.
fn processor_ticks(host: &Host) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", host.process_id())).unwrap_or_default();
    // Behind the name, which may contain anything: user and system time are the twelfth and thirteenth.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    behind.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum()
}
