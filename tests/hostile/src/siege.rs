//! All attacks at once against one host with default settings, in a memory control group of 2 GiB, beside a canary.
//!
//! - [`Plan`]: how long, with which seed, how much of everything. [`run`]: the siege itself.
//! - `host`: the host, its group, and its log that nothing reads. `caller`: connections from other addresses.
//! - `attacks`: what attackers do. `watch`: the canary, the prober of `/healthz`, memory. `report`: what came of it, and the verdict.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use seeded::Random;
use tokio::task::JoinSet;
use tokio::time::Instant;

mod attacks;
mod caller;
mod host;
mod report;
mod watch;

use attacks::{Attack, Target};
use host::Besieged;
pub use report::Report;
use report::Tally;
use watch::Watch;

/// How a siege goes.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Which attack follows which, and what each does.
    pub seed: u64,
    /// How long the attackers go on.
    pub time: Duration,
    /// How many of them there are.
    pub attackers: usize,
    /// Waiting instances with long inputs, which are listed.
    pub instances: usize,
    /// The length of those inputs, MiB.
    pub instance_mib: usize,
    /// Connections that one attacker opens at a time.
    pub connections: usize,
}

impl Plan {
    /// As much as shall be tried before a release.
    pub fn full(seed: u64, time: Duration) -> Self {
        Self { seed, time, attackers: 6, instances: 24, instance_mib: 30, connections: 63 }
    }

    /// Everything once or a few times, beside other tests.
    pub fn small(seed: u64, time: Duration) -> Self {
        Self { seed, time, attackers: 4, instances: 8, instance_mib: 4, connections: 10 }
    }
}

/// Attacks in an order by the seed: every attack has had its turn before one comes again.
struct Order(Mutex<(Random, Vec<Attack>)>);

impl Order {
    fn next(&self) -> (Attack, Random) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (chance, left) = &mut *state;
        if left.is_empty() {
            left.extend(attacks::ALL);
        }
        let attack = left.swap_remove(chance.index(left.len()));
        (attack, chance.fork())
    }
}

/// Runs it: starts a host, besieges it, asks it to stop.
///
/// # Errors
/// When the siege cannot begin. What the host did wrong is in the report.
pub async fn run(plan: Plan) -> anyhow::Result<Report> {
    let mut host = Besieged::start().await?;
    let target = Arc::new(Target::prepare(&host, plan).await.context("the siege cannot be prepared")?);
    let watch = Watch::start(&host).await?;
    let tally = Arc::new(Mutex::new(Tally::default()));
    let order = Arc::new(Order(Mutex::new((Random::new(plan.seed), Vec::new()))));
    let until = Instant::now() + plan.time;
    let mut attackers = JoinSet::new();
    for _ in 0..plan.attackers {
        let (target, order, tally) = (target.clone(), order.clone(), tally.clone());
        attackers.spawn(async move {
            while Instant::now() < until {
                let (attack, chance) = order.next();
                let answers = attacks::run(attack, &target, chance).await;
                tally.lock().unwrap_or_else(PoisonError::into_inner).add(attack, answers);
            }
        });
    }
    let mut ended = None;
    while ended.is_none() && !attackers.is_empty() {
        tokio::select! {
            joined = attackers.join_next() => joined.transpose().context("an attacker panicked").map(drop)?,
            () = tokio::time::sleep(Duration::from_millis(100)) => ended = host.exit()?,
        }
    }
    attackers.shutdown().await;
    let seen = watch.end(ended.is_none()).await;
    let ended = match ended {
        Some(exit) => Some(exit),
        None => host.exit()?,
    };
    let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    let group = host.group();
    let (stopped, stop_took) = host.stop().await?;
    Ok(Report { plan, group, ended: ended.map(|exit| exit.to_string()), stopped, stop_took, tally, seen })
}
