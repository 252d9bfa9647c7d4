//! What happens to the tasks that an orchestrator leaves open when its code ends.

use serde::{Deserialize, Serialize};

use super::DeploymentId;

/// What happens to open activities, children and timers when an orchestrator returns, fails or
/// continues as new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnReturn {
    /// They are cancelled, and the execution ends at once. The default.
    #[default]
    CancelOpenTasks,
    /// The execution ends once they have all ended. Waits for events and answers of entities
    /// hold nothing up, locks are given back at once, and a termination ends it at once.
    WaitForOpenTasks,
}

impl OnReturn {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What an execution that begins now is pinned to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// Whose code it runs.
    pub deployment: DeploymentId,
    /// What that app asks for.
    pub on_return: OnReturn,
}

impl From<DeploymentId> for Pin {
    /// The deployment of an app that asks for nothing special.
    fn from(deployment: DeploymentId) -> Self {
        Self { deployment, on_return: OnReturn::default() }
    }
}
