//! What came of a siege, and the verdict.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};
use std::time::Duration;

use super::Plan;
use super::attacks::Attack;
use super::watch::Seen;

/// What the program takes itself, besides the budgets: its code and the guests', SQLite's caches, connections, and what an allocator keeps.
const BASE_MIB: u64 = 128;
/// What `/healthz` may take, all but one of a hundred times.
const HEALTH_LIMIT: Duration = Duration::from_millis(100);

/// The answers to each attack, and how often each was given.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<Attack, BTreeMap<String, usize>>);

impl Tally {
    pub(super) fn add(&mut self, attack: Attack, answers: Vec<String>) {
        let counts = self.0.entry(attack).or_default();
        answers.into_iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
    }
}

/// What came of it; shown as text.
#[derive(Debug)]
pub struct Report {
    pub(super) plan: Plan,
    pub(super) group: String,
    pub(super) ended: Option<String>,
    pub(super) stopped: Option<String>,
    pub(super) stop_took: Duration,
    pub(super) tally: Tally,
    pub(super) seen: Seen,
}

impl Report {
    /// What the host did wrong: whatever ended it, broke the bound on memory, or left the canary behind.
    pub fn wrong(&self) -> Vec<String> {
        let Self { seen, .. } = self;
        let limits = seen.memory.limits();
        let (peak, allowed) = (seen.memory.peak_kib >> 10, (limits >> 20) + BASE_MIB);
        let lists = [
            self.ended.as_ref().map(|exit| format!("the host ended within the siege: {exit}")),
            self.stopped.clone(),
            seen.last_canary.as_ref().map(|why| format!("no canary gets through after the siege: {why}")),
            seen.canaries.is_empty().then(|| "no canary got through".into()),
            (limits == 0).then(|| "the host never showed its budgets".into()),
            (seen.memory.peak_kib == 0).then(|| "the host's memory could not be watched".into()),
            (peak > allowed).then(|| format!("the host had {peak} MiB in memory; its budgets and {BASE_MIB} MiB are {allowed} MiB")),
            (seen.memory.most_used > limits)
                .then(|| format!("{} bytes of all budgets were taken; there are {limits}", seen.memory.most_used)),
        ];
        lists.into_iter().flatten().collect()
    }

    /// The most seconds one after the other in which one of a hundred requests to `/healthz` took longer than 100 ms.
    pub fn slow_seconds(&self) -> usize {
        let mut slow = self.seen.health.values().map(|took| at(took, 99) > HEALTH_LIMIT).collect::<Vec<_>>();
        slow.push(false);
        slow.split(|slow| !slow).map(<[bool]>::len).max().unwrap_or(0)
    }

    /// How often each attack was answered, whatever the answer.
    pub fn requests(&self) -> impl Iterator<Item = (String, usize)> {
        self.tally.0.iter().map(|(attack, answers)| (format!("{attack:?}"), answers.values().sum()))
    }
}

/// The time within which so many of a hundred were done.
fn at(took: &[Duration], percent: usize) -> Duration {
    let mut took = took.to_vec();
    took.sort();
    took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}

impl Display for Report {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let Self { plan, group, seen, tally, .. } = self;
        writeln!(
            out,
            "seed {}, {:?}, {} attackers, {} instances of {} MiB; {group}",
            plan.seed, plan.time, plan.attackers, plan.instances, plan.instance_mib
        )?;
        for (attack, answers) in &tally.0 {
            let said: Vec<_> = answers.iter().map(|(answer, count)| format!("{answer} × {count}")).collect();
            writeln!(out, "{:<16} {:>7} requests: {}", format!("{attack:?}"), answers.values().sum::<usize>(), said.join(", "))?;
        }
        let canaries = &seen.canaries;
        let (half, most, all) = (at(canaries, 50), at(canaries, 99), at(canaries, 100));
        writeln!(
            out,
            "canary           {} got through: p50 {half:.1?}, p99 {most:.1?}, longest {all:.1?}; others: {:?}",
            canaries.len(),
            seen.canaries_refused
        )?;
        let probes: Vec<_> = seen.health.values().flatten().copied().collect();
        let (half, most, all) = (at(&probes, 50), at(&probes, 99), at(&probes, 100));
        let slow = seen.health.values().filter(|took| at(took, 99) > HEALTH_LIMIT).count();
        writeln!(
            out,
            "/healthz         {} probes: p50 {half:.1?}, p99 {most:.1?}, longest {all:.1?}; {} failed; p99 beyond {HEALTH_LIMIT:?} in {slow} of {} seconds, {} in a row",
            probes.len(),
            seen.health_failed,
            seen.health.len(),
            self.slow_seconds(),
        )?;
        let memory = &seen.memory;
        for (of, (used, limit)) in &memory.budgets {
            writeln!(out, "budget           {of}: at most {} of {} MiB taken", used >> 20, limit >> 20)?;
        }
        let (used, limits) = (memory.most_used >> 20, memory.limits() >> 20);
        let (peak, besides) = (memory.peak_kib >> 10, memory.most_besides >> 20);
        writeln!(
            out,
            "memory           at most {peak} MiB resident, {} MiB are allowed; of all budgets at most {used} of {limits} MiB taken, and at most {besides} MiB resident besides",
            limits + BASE_MIB,
        )?;
        writeln!(out, "stop             took {:.1?}", self.stop_took)?;
        let wrong = self.wrong();
        if wrong.is_empty() {
            write!(out, "verdict          the host stood")
        } else {
            write!(out, "verdict          wrong:\n{}", wrong.join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut Report);

    fn report() -> Report {
        let mut seen = Seen { canaries: vec![Duration::from_millis(1)], ..Seen::default() };
        seen.memory.peak_kib = 100 << 10;
        seen.memory.budgets.insert("bodies".into(), (10, 1 << 20));
        let plan = Plan::small(1, Duration::from_secs(1));
        Report { plan, group: String::new(), ended: None, stopped: None, stop_took: Duration::ZERO, tally: Tally::default(), seen }
    }

    #[test]
    fn whatever_ends_the_host_breaks_its_budgets_or_stops_the_canary_is_wrong() {
        assert_eq!(report().wrong(), Vec::<String>::new());
        let cases: [(&str, Spoil); 6] = [
            ("ended", |report| report.ended = Some("signal: 9".into())),
            ("still ran", |report| report.stopped = Some("it still ran".into())),
            ("after the siege", |report| report.seen.last_canary = Some("503".into())),
            ("no canary got through", |report| report.seen.canaries.clear()),
            ("MiB in memory", |report| report.seen.memory.peak_kib = (BASE_MIB + 2) << 10),
            ("of all budgets", |report| report.seen.memory.most_used = (1 << 20) + 1),
        ];
        for (said, spoil) in cases {
            let mut report = report();
            spoil(&mut report);
            let wrong = report.wrong();
            assert!(wrong.len() == 1 && wrong[0].contains(said), "{said}: {wrong:?}");
            assert!(report.to_string().contains("verdict          wrong:"), "{report}");
        }
    }

    #[test]
    fn seconds_are_slow_by_their_p99_and_count_while_they_follow_each_other() {
        let (quick, slow) = (Duration::from_millis(1), Duration::from_millis(101));
        let second = |slow_ones: usize| [vec![quick; 100 - slow_ones], vec![slow; slow_ones]].concat();
        let mut report = report();
        assert_eq!(report.slow_seconds(), 0);
        report.seen.health = [1, 2, 0, 5, 7, 9, 1].into_iter().map(second).zip(0..).map(|(took, number)| (number, took)).collect();
        assert_eq!(report.slow_seconds(), 3);
    }
}
