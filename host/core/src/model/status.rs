//! What an instance is and how it stands.

use serde::{Deserialize, Serialize};

/// What an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InstanceKind {
    /// One run of an orchestration.
    Orchestration,
    /// Keyed state.
    Entity,
}

/// How an instance stands. Records and tables have the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuntimeStatus {
    /// At work or waiting.
    Running,
    /// Returned a value.
    Completed,
    /// Between two executions; never seen at rest.
    ContinuedAsNew,
    /// Returned an error.
    Failed,
    /// Never produced; other engines know it.
    Canceled,
    /// Ended from outside.
    Terminated,
    /// Accepted, its first turn not yet taken.
    Pending,
    /// Takes no turns until it is resumed.
    Suspended,
}

impl RuntimeStatus {
    /// Every status.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Completed,
        Self::ContinuedAsNew,
        Self::Failed,
        Self::Canceled,
        Self::Terminated,
        Self::Pending,
        Self::Suspended,
    ];

    /// Whether the instance has ended.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Canceled | Self::Terminated => true,
            Self::Running | Self::ContinuedAsNew | Self::Pending | Self::Suspended => false,
        }
    }

    /// Its name, as records and tables have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::ContinuedAsNew => "ContinuedAsNew",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Terminated => "Terminated",
            Self::Pending => "Pending",
            Self::Suspended => "Suspended",
        }
    }

    /// The status of this exact name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}
