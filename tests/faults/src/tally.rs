//! What several runs came to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::nemesis::Fault;
use crate::round::Passed;

/// Sums over runs.
#[derive(Debug, Default)]
pub struct Tally {
    /// Runs.
    pub runs: usize,
    /// Programs, those of victims and of instances that fail first among them.
    pub programs: usize,
    /// Instances whose end was foretold.
    pub instances: usize,
    /// Runs of activities.
    pub activities: usize,
    /// Faults, by their names.
    pub faults: BTreeMap<&'static str, usize>,
    /// Times that the host was killed, in whatever way.
    pub kills: usize,
    /// What was not as foretold.
    pub violations: usize,
    /// How long the runs took together.
    pub took: Duration,
}

impl Tally {
    /// Adds a run in which everything was as foretold.
    pub fn add(&mut self, passed: &Passed) {
        self.programs += passed.programs;
        self.instances += passed.instances;
        self.activities += passed.activities;
        passed.faults.iter().for_each(|fault| self.inflicted(*fault));
    }

    fn inflicted(&mut self, fault: Fault) {
        let (name, kills) = match fault {
            Fault::Kill => ("killed", 1),
            Fault::KillWhileStarting { times } => ("killed while starting", times as usize + 1),
            Fault::KillAtWrite { .. } => ("killed at a write", 1),
            Fault::CutPower => ("power cut", 1),
            Fault::Stop => ("stopped", 0),
            Fault::Pause { .. } => ("paused", 0),
            Fault::FillDisk => ("disk full", 0),
            Fault::FailDisk { .. } => ("disk broken", 0),
        };
        *self.faults.entry(name).or_default() += 1;
        self.kills += kills;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, programs, instances, activities, faults, kills, violations, took } = self;
        let faults: Vec<_> = faults.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let faults = if faults.is_empty() { "none".to_owned() } else { faults.join(", ") };
        write!(
            to,
            "{runs} runs, {programs} programs, {instances} instances, {activities} runs of activities, {kills} kills \
             (faults: {faults}), {violations} violations, {:.0} s",
            took.as_secs_f32()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_that_the_host_is_killed_counts() {
        let mut tally = Tally::default();
        let faults = vec![Fault::Kill, Fault::KillWhileStarting { times: 2 }, Fault::Stop, Fault::CutPower];
        tally.add(&Passed { programs: 3, instances: 5, activities: 7, faults, small_disk: true });
        assert_eq!((tally.kills, tally.faults.len(), tally.programs), (5, 4, 3));
        assert!(tally.to_string().contains("1 killed while starting"), "{tally}");
    }
}
