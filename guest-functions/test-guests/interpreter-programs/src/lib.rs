//! Programs as data. The orchestrator `Interpreter` runs them; the fault harness makes them up and foretells what must come of them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The input of `Interpreter`, and what goes over when it continues as new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// Where activities report that they ran, such as `http://127.0.0.1:5000/ledger`.
    pub ledger: String,
    /// What is still to do.
    pub steps: Vec<Step>,
    /// What the steps before these gave, one value for each. The output is this list once all steps are done.
    #[serde(default)]
    pub done: Vec<Value>,
}

/// One step; it gives one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub enum Step {
    /// Calls an activity. Gives its [`answer`].
    Activity { token: u32 },
    /// Calls several at once. Gives the sum of their answers.
    FanOut { tokens: Vec<u32> },
    /// Calls an activity with a long input, and gets it back. Gives the answer.
    Big { token: u32, bytes: usize },
    /// Calls an activity whose first attempts fail. Gives the answer, or the failure's text once `attempts` are used up.
    Flaky { token: u32, failures: u32, attempts: u32 },
    /// Calls an activity that always fails and is tried again without end, and goes on. Gives null.
    Abandon { token: u32 },
    /// Runs a program as a child. Gives its output.
    Child { steps: Vec<Step> },
    /// Starts another instance, raises an event to it and waits for the one that it raises in return. Gives that event's payload.
    Converse { number: u32 },
    /// Raises an event to another instance. Gives null.
    Tell { instance: String, event: String, number: u32 },
    /// Waits for events of one name, one after the other. Gives their payloads.
    Collect { event: String, count: usize },
    /// Waits. Gives null.
    Timer { ms: u64 },
    /// Pays into an account without waiting for it. Gives null.
    Signal { account: String, amount: u64 },
    /// Pays into an account. Gives null.
    Deposit { account: String, amount: u64 },
    /// Moves money within a critical section over both accounts. Gives the amount; fails if anybody else touched them meanwhile.
    Transfer { from: String, to: String, amount: u64 },
    /// Sets the custom status. Gives null.
    Status { text: String },
    /// Continues as new with what is left. Gives null.
    Renew,
}

/// The id of the instance that a [`Step::Child`] calls. `index` is the place of the step, counted over all executions.
pub fn child_id(parent: &str, index: usize) -> String {
    format!("{parent}.{index}")
}

/// The program of the instance that a [`Step::Converse`] starts.
pub fn partner(instance: &str, index: usize, number: u32) -> Vec<Step> {
    let tell = Step::Tell { instance: instance.to_owned(), event: pong(index), number: number + 1 };
    vec![Step::Collect { event: PING.to_owned(), count: 1 }, tell]
}

/// The event that a [`Step::Converse`] raises to the instance that it starts.
pub const PING: &str = "ping";

/// The event that a [`Step::Converse`] waits for.
pub fn pong(index: usize) -> String {
    format!("pong-{index}")
}

/// The input of the activity `Report`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Where to report.
    pub ledger: String,
    /// Tells the calls of one instance apart.
    pub token: u32,
    /// Attempts up to this one fail.
    pub failures: u32,
    /// Comes back with the answer.
    pub ballast: String,
}

/// The output of the activity `Report`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// See [`answer`].
    pub answer: u64,
    /// The job's.
    pub ballast: String,
}

/// What an activity tells the ledger when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Who called.
    pub instance: String,
    /// The job's.
    pub token: u32,
    /// From 1.
    pub attempt: u32,
    /// The host's key of the call.
    pub key: String,
}

/// What an activity answers.
pub fn answer(token: u32) -> u64 {
    u64::from(token) * 7 + 1
}

/// The text of the failure of an activity that was told to fail.
pub fn failure_text(token: u32) -> String {
    format!("job {token} fails as it was told")
}
