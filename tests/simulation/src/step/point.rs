//! One run of a scenario, by a name that repeats it: `hello/plain/7:fail-after`.

use std::fmt;
use std::str::FromStr;

use longhaul_engine::EngineConfig;

use super::scenarios;
use crate::universe::Pace;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// How the engine works.
    pub setting: Setting,
    /// What fails; none for the run that shows how many calls there are.
    pub faults: Vec<Fault>,
}

/// A call of the store that fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// Which one, counted from 1 over all engines of the run.
    pub call: u64,
    /// How.
    pub how: How,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    /// With an error, and nothing is done.
    FailBefore,
    /// With an error after all has been done.
    FailAfter,
    /// It never returns and does nothing; then the process dies.
    HangBefore,
    /// It does everything and never returns; then the process dies.
    HangAfter,
}

impl How {
    /// All ways.
    pub const ALL: [Self; 4] = [Self::FailBefore, Self::FailAfter, Self::HangBefore, Self::HangAfter];

    fn name(self) -> &'static str {
        match self {
            Self::FailBefore => "fail-before",
            Self::FailAfter => "fail-after",
            Self::HangBefore => "hang-before",
            Self::HangAfter => "hang-after",
        }
    }
}

/// How the engine works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// Two guest tasks, everybody stays in memory, everything happens at once.
    Plain,
    /// Every turn begins with a replay.
    Evict,
    /// One guest task, and one instance in memory.
    Narrow,
    /// A transaction for every commit.
    Single,
    /// Three guest tasks which, like the store, take as long as chance has it, by a seed.
    Uneven(u64),
}

impl Setting {
    /// Those in which every single fault is tried.
    pub const EACH: [Self; 5] = [Self::Plain, Self::Evict, Self::Narrow, Self::Single, Self::Uneven(1)];

    pub(super) fn config(self) -> EngineConfig {
        let plain = EngineConfig { guest_threads: 2, ..EngineConfig::default() };
        match self {
            Self::Plain => plain,
            Self::Evict => EngineConfig { evict_after_every_turn: true, ..plain },
            Self::Narrow => EngineConfig { guest_threads: 1, max_hot_instances: 1, max_turns_in_flight: 1, ..plain },
            Self::Single => EngineConfig { one_commit_per_batch: true, ..plain },
            Self::Uneven(_) => EngineConfig { guest_threads: 3, ..plain },
        }
    }

    pub(super) fn seed(self) -> u64 {
        match self {
            Self::Plain | Self::Evict | Self::Narrow | Self::Single => 0,
            Self::Uneven(seed) => seed,
        }
    }

    pub(super) fn pace(self) -> Pace {
        match self {
            Self::Plain | Self::Evict | Self::Narrow | Self::Single => Pace::EVEN,
            Self::Uneven(_) => Pace { yields: 30, sleeps: 30, longest_ms: 40, hold_ups: 10, computes: 20 },
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain => to.write_str("plain"),
            Self::Evict => to.write_str("evict"),
            Self::Narrow => to.write_str("narrow"),
            Self::Single => to.write_str("single"),
            Self::Uneven(seed) => write!(to, "uneven{seed}"),
        }
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Plain, Self::Evict, Self::Narrow, Self::Single];
        let uneven = || text.strip_prefix("uneven")?.parse().ok().map(Self::Uneven);
        let found = known.into_iter().find(|setting| setting.to_string() == text).or_else(uneven);
        found.ok_or_else(|| format!("there is no setting '{text}'; there are plain, evict, narrow, single and uneven with a number"))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}/", self.scenario, self.setting)?;
        for (index, Fault { call, how }) in self.faults.iter().enumerate() {
            write!(to, "{}{call}:{}", if index > 0 { "+" } else { "" }, how.name())?;
        }
        Ok(())
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, '/');
        let (Some(scenario), Some(setting), Some(faults)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("'{text}' is no point; one looks like hello/plain/7:fail-after+9:hang-before"));
        };
        let known = scenarios::names().find(|name| *name == scenario);
        let known_ones = || scenarios::names().collect::<Vec<_>>().join(", ");
        let scenario = known.ok_or_else(|| format!("there is no scenario '{scenario}'; there are: {}", known_ones()))?;
        let faults = faults.split('+').filter(|fault| !fault.is_empty()).map(fault).collect::<Result<_, _>>()?;
        Ok(Self { scenario, setting: setting.parse()?, faults })
    }
}

fn fault(text: &str) -> Result<Fault, String> {
    let parsed = text.split_once(':').and_then(|(call, how)| {
        let how = How::ALL.into_iter().find(|known| known.name() == how)?;
        Some(Fault { call: call.parse().ok()?, how })
    });
    parsed.ok_or_else(|| {
        format!("'{text}' is no fault; one looks like 7:fail-after, and there are also fail-before, hang-before and hang-after")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_point_leads_back_to_it() {
        let faults = vec![Fault { call: 7, how: How::FailAfter }, Fault { call: 12, how: How::HangBefore }];
        for (setting, faults) in [(Setting::Plain, faults.clone()), (Setting::Uneven(31), faults), (Setting::Narrow, Vec::new())] {
            let point = Point { scenario: "hello", setting, faults };
            assert_eq!(point.to_string().parse(), Ok(point));
        }
    }

    #[test]
    fn a_name_that_is_none_is_refused_with_what_would_be_right() {
        for (text, told) in [
            ("hello", "hello/plain/7:fail-after"),
            ("hallo/plain/1:fail-after", "there are: hello"),
            ("hello/fast/1:fail-after", "narrow"),
            ("hello/plain/1:fails", "hang-before"),
        ] {
            let refused = text.parse::<Point>().expect_err("it is no point");
            assert!(refused.contains(told), "{refused}");
        }
    }
}
