//! What a figure should be.

use serde_json::{Value, json};

/// A limit in the figure's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Less is better.
    AtMost(f64),
    /// More is better.
    AtLeast(f64),
}

impl Goal {
    /// Whether a figure of this value is good enough.
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    /// For programs: `{"atMost": 2}` or `{"atLeast": 2}`.
    pub fn to_json(self) -> Value {
        match self {
            Self::AtMost(limit) => json!({ "atMost": limit }),
            Self::AtLeast(limit) => json!({ "atLeast": limit }),
        }
    }
}
