//! Which instances a start may replace, as the setting says it.

use clap::ValueEnum;
use longhaul_engine::ReusePolicy;
use serde::Deserialize;

/// The values of `overridable-existing-instance-states`, as Azure's setting spells them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
pub enum ReusableStates {
    /// Only those that have ended; a live one is a conflict.
    #[value(name = "NonRunningStates")]
    NonRunningStates,
    /// All: a live one is terminated first.
    #[value(name = "AnyState")]
    AnyState,
}

impl From<ReusableStates> for ReusePolicy {
    fn from(states: ReusableStates) -> Self {
        match states {
            ReusableStates::NonRunningStates => Self::NonRunningStates,
            ReusableStates::AnyState => Self::AnyState,
        }
    }
}
