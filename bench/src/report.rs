//! Figures, their ratio to the floor, and how they are shown.

mod goal;
mod table;

use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::Machine;
pub use goal::Goal;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Things per second: the only unit of which more is better.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Mebibytes.
    Mebibytes,
    /// A plain number.
    Count,
    /// One number as a multiple of another.
    Times,
}

impl Unit {
    /// As it stands in tables and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::PerSecond => "/s",
            Self::Bytes => "B",
            Self::Mebibytes => "MiB",
            Self::Count => "",
            Self::Times => "times",
        }
    }
}

/// One measured number.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// The number.
    pub value: f64,
    /// What it counts.
    pub unit: Unit,
    /// The same of the floor, where there is one.
    pub floor: Option<f64>,
    /// What it should be, where that is decided: for a full run on two cores, the load included.
    pub goal: Option<Goal>,
}

impl Figure {
    /// A number without a floor.
    pub fn new(name: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, floor: None, goal: None }
    }

    /// A time in milliseconds.
    pub fn ms(name: impl Into<String>, time: Duration) -> Self {
        Self::new(name, time.as_secs_f64() * 1e3, Unit::Milliseconds)
    }

    /// A time in microseconds.
    pub fn us(name: impl Into<String>, time: Duration) -> Self {
        Self::new(name, time.as_secs_f64() * 1e6, Unit::Microseconds)
    }

    /// Things per second.
    pub fn rate(name: impl Into<String>, per_second: f64) -> Self {
        Self::new(name, per_second, Unit::PerSecond)
    }

    /// Memory or disk in mebibytes.
    pub fn mib(name: impl Into<String>, bytes: u64) -> Self {
        Self::new(name, bytes as f64 / f64::from(1 << 20), Unit::Mebibytes)
    }

    /// Bytes.
    pub fn bytes(name: impl Into<String>, bytes: f64) -> Self {
        Self::new(name, bytes, Unit::Bytes)
    }

    /// A plain number.
    pub fn count(name: impl Into<String>, number: f64) -> Self {
        Self::new(name, number, Unit::Count)
    }

    /// How many times as large one number is as another.
    pub fn times(name: impl Into<String>, number: f64) -> Self {
        Self::new(name, number, Unit::Times)
    }

    /// Should not be more than this, in the figure's own unit.
    pub fn at_most(self, limit: f64) -> Self {
        Self { goal: Some(Goal::AtMost(limit)), ..self }
    }

    /// Should not be less than this, in the figure's own unit.
    pub fn at_least(self, limit: f64) -> Self {
        Self { goal: Some(Goal::AtLeast(limit)), ..self }
    }

    /// Whether the goal is met; none without a goal.
    pub fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| goal.is_met_by(self.value))
    }

    /// With the floor, in the figure's own unit.
    pub fn over(self, floor: f64) -> Self {
        Self { floor: Some(floor), ..self }
    }

    /// With a floor that is a time, for a figure that is one.
    pub fn over_time(self, floor: Duration) -> Self {
        let scale = if self.unit == Unit::Microseconds { 1e6 } else { 1e3 };
        self.over(floor.as_secs_f64() * scale)
    }

    /// How many times the floor's cost it is; less is better, whatever the unit.
    pub fn ratio(&self) -> Option<f64> {
        let floor = self.floor?;
        Some(match self.unit {
            Unit::PerSecond => floor / self.value,
            Unit::Milliseconds | Unit::Microseconds | Unit::Bytes | Unit::Mebibytes | Unit::Count | Unit::Times => self.value / floor,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "unit": self.unit.as_str(),
            "floor": self.floor,
            "ratio": self.ratio(),
            "goal": self.goal.map(Goal::to_json),
            "met": self.is_met(),
        })
    }
}

/// The figures of one workload.
pub struct Measured {
    /// The workload's id.
    pub id: &'static str,
    /// How long it took, seconds, set-up included.
    pub took_seconds: f64,
    /// What it measured.
    pub figures: Vec<Figure>,
}

/// A whole run.
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Whether there was less of everything.
    pub quick: bool,
    /// By how much the sizes of a full run were multiplied.
    pub scale: f64,
    /// How long all workloads took, seconds.
    pub took_seconds: f64,
    /// What.
    pub workloads: Vec<Measured>,
}

impl Report {
    /// Everything, for programs.
    pub fn to_json(&self) -> Value {
        let workload = |one: &Measured| {
            let figures: Vec<_> = one.figures.iter().map(Figure::to_json).collect();
            json!({ "id": one.id, "tookSeconds": one.took_seconds, "figures": figures })
        };
        let workloads: Vec<_> = self.workloads.iter().map(workload).collect();
        json!({
            "format": 2,
            "machine": self.machine,
            "quick": self.quick,
            "scale": self.scale,
            "tookSeconds": self.took_seconds,
            "workloads": workloads,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_cost_against_the_floor_whichever_way_the_unit_points() {
        assert_eq!(Figure::rate("throughput", 1_000.0).over(4_000.0).ratio(), Some(4.0));
        assert_eq!(Figure::ms("latency", Duration::from_millis(6)).over_time(Duration::from_millis(2)).ratio(), Some(3.0));
        assert_eq!(Figure::us("latency", Duration::from_micros(6)).over_time(Duration::from_micros(2)).ratio(), Some(3.0));
        assert_eq!(Figure::rate("throughput", 1_000.0).ratio(), None);
    }

    #[test]
    fn a_goal_is_met_on_its_own_side_and_at_its_limit() {
        assert_eq!(Figure::rate("throughput", 6_000.0).at_least(6_000.0).is_met(), Some(true));
        assert_eq!(Figure::rate("throughput", 5_999.0).at_least(6_000.0).is_met(), Some(false));
        assert_eq!(Figure::bytes("size", 2_048.0).at_most(2_048.0).is_met(), Some(true));
        assert_eq!(Figure::bytes("size", 2_049.0).at_most(2_048.0).is_met(), Some(false));
        assert_eq!(Figure::bytes("size", 1.0).is_met(), None);
    }
}
