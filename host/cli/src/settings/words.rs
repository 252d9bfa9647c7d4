//! Values of settings that are words, as settings spell them.

use clap::ValueEnum;
use longhaul_engine::ReusePolicy;
use longhaul_http::auth::{AuthMode, LinkForm};
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

/// The values of `auth`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Every route but the open ones wants a key or a token.
    Keys,
    /// Every caller that reaches the listener may use it; administration is for callers on the same machine.
    None,
}

impl From<Auth> for AuthMode {
    fn from(auth: Auth) -> Self {
        match auth {
            Auth::Keys => Self::Keys,
            Auth::None => Self::None,
        }
    }
}

/// The values of `links`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Links {
    /// A token that is good for this instance and what the address does, and for nothing else.
    Token,
    /// The key of the client binding, as Azure does it: one address opens everything on every instance.
    SystemKey,
}

impl From<Links> for LinkForm {
    fn from(links: Links) -> Self {
        match links {
            Links::Token => Self::Token,
            Links::SystemKey => Self::SystemKey,
        }
    }
}
