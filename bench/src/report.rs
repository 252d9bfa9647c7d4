//! Figures, their ratio to the floor, and how they are shown.

mod table;

use std::time::Duration;

use serde_json::{Value, json};

use crate::machine::Machine;

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
}

impl Figure {
    /// A number without a floor.
    pub fn new(name: impl Into<String>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, floor: None }
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
            Unit::Milliseconds | Unit::Microseconds | Unit::Bytes | Unit::Mebibytes | Unit::Count => self.value / floor,
        })
    }

    fn to_json(&self) -> Value {
        json!({ "name": self.name, "value": self.value, "unit": self.unit.as_str(), "floor": self.floor, "ratio": self.ratio() })
    }
}

/// The figures of one workload.
pub struct Measured {
    /// The workload.
    pub name: &'static str,
    /// What it measured.
    pub figures: Vec<Figure>,
}

/// A whole run.
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// Whether there was less of everything.
    pub quick: bool,
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
            json!({ "name": one.name, "figures": figures })
        };
        let workloads: Vec<_> = self.workloads.iter().map(workload).collect();
        json!({
            "format": 1,
            "machine": self.machine,
            "quick": self.quick,
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
}
