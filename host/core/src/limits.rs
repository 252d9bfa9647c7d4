//! What one instance may take up, and what is too much.
//!
//! A limit is looked at while something happens, never while it is read back: what it decided
//! stands in the records as an outcome like any other, so a history means the same under every
//! setting.

mod buffered;
mod guest_turn;
mod weight;

#[cfg(test)]
mod tests;

pub(crate) use buffered::Buffered;
pub(crate) use weight::{command_bytes, message_bytes, start_bytes};

use crate::model::{Failure, Look, Payload, Timestamp};

/// Bounds on one value: a payload, a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueLimits {
    /// Longest payload in bytes of its text: an input, an output, an event's data, an entity's
    /// state. Default 32 MiB.
    pub max_payload_bytes: usize,
    /// Most arrays and objects within one another in a payload. Default 100: some clients' JSON
    /// readers give up soon after.
    pub max_json_depth: usize,
    /// Longest name of an event, an operation or a function, in characters. Default 256.
    pub max_name_characters: usize,
}

/// Bounds on one orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLimits {
    /// Bounds on each value.
    pub values: ValueLimits,
    /// Most turns of one execution; one that goes on behind them fails with `HistoryTooLong`.
    /// Default 1,000,000.
    pub max_history_turns: u32,
    /// Most bytes of one execution's history, as [`HistoryUse`] counts them. Default 1 GiB.
    pub max_history_bytes: u64,
    /// Most events that wait for an instance's code to ask for them. Default 100,000.
    pub max_buffered_events: usize,
    /// Most bytes of those events, data and names. Default 64 MiB.
    pub max_buffered_event_bytes: usize,
    /// Most open tasks of one execution: calls, children, timers, waits. Default 200,000.
    pub max_pending_tasks: usize,
    /// Most entities of one critical section. Default 100: the request goes from one to the next
    /// and names all of them each time.
    pub max_section_entities: usize,
    /// Most callers above an orchestration that was called by another. Default 100: each adds its
    /// words to a failure that comes through.
    pub max_nesting: u32,
}

impl Default for ValueLimits {
    fn default() -> Self {
        Self { max_payload_bytes: 32 << 20, max_json_depth: 100, max_name_characters: 256 }
    }
}

impl Default for InstanceLimits {
    fn default() -> Self {
        Self {
            values: ValueLimits::default(),
            max_history_turns: 1_000_000,
            max_history_bytes: 1 << 30,
            max_buffered_events: 100_000,
            max_buffered_event_bytes: 64 << 20,
            max_pending_tasks: 200_000,
            max_section_entities: 100,
            max_nesting: 100,
        }
    }
}

/// Something is more than a limit allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct BeyondLimit {
    /// The error type of a failure that comes of it.
    pub error_type: &'static str,
    /// What, how much, and how much is taken.
    pub text: String,
}

impl BeyondLimit {
    pub(crate) fn new(error_type: &'static str, text: String) -> Self {
        Self { error_type, text }
    }
}

impl From<BeyondLimit> for Failure {
    /// A limit is the same on every try, so there is no use in one.
    fn from(BeyondLimit { error_type, text }: BeyondLimit) -> Self {
        Self { non_retriable: true, ..Self::new(error_type, text) }
    }
}

impl ValueLimits {
    /// Whether a payload is short and flat enough, and one that every reader of JSON reads. `what`
    /// begins the sentence that says so.
    ///
    /// # Errors
    /// `PayloadTooLarge`, `PayloadTooDeep` or `PayloadNotPortable`.
    pub fn check_payload(&self, what: &str, payload: &Payload) -> Result<(), BeyondLimit> {
        let (bytes, most) = (payload.len_bytes(), self.max_payload_bytes);
        if bytes > most {
            return Err(BeyondLimit::new("PayloadTooLarge", format!("{what} has {bytes} bytes; at most {most} are taken")));
        }
        let (Look { depth, flaw }, most) = (payload.look(), self.max_json_depth);
        if depth > most {
            let text = format!("{what} has {depth} arrays and objects within one another; at most {most} are taken");
            return Err(BeyondLimit::new("PayloadTooDeep", text));
        }
        flaw.map_or(Ok(()), |flaw| Err(BeyondLimit::new("PayloadNotPortable", format!("{what} contains {flaw}"))))
    }

    /// Whether a name is short enough. `what` begins the sentence that says so.
    ///
    /// # Errors
    /// `NameTooLong`.
    pub fn check_name(&self, what: &str, name: &str) -> Result<(), BeyondLimit> {
        let most = self.max_name_characters;
        // No text has more characters than bytes.
        if name.len() <= most {
            return Ok(());
        }
        match name.chars().count() {
            count if count > most => {
                Err(BeyondLimit::new("NameTooLong", format!("{what} has {count} characters; at most {most} are taken")))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a time can be asked for. `what` begins the sentence that says so.
///
/// # Errors
/// `InvalidTime`.
pub fn check_time(what: &str, time: Timestamp) -> Result<(), BeyondLimit> {
    if time <= Timestamp::MAX {
        return Ok(());
    }
    let text = format!("{what} is due {} ms after 1970; the latest time is {}", time.0, Timestamp::MAX.to_iso_millis());
    Err(BeyondLimit::new("InvalidTime", text))
}

/// How much of its history an execution has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryUse {
    /// Turns.
    pub turns: u32,
    /// Bytes: the texts of what arrived and of what was asked for, and a fixed share for each turn,
    /// message and command. About what the log keeps.
    pub bytes: u64,
}

/// From this part of a history's limits on, the log warns: eight tenths.
const WARN_TENTHS: u64 = 8;

impl InstanceLimits {
    /// What the log should say of a history that has grown from `before` to `after`: once, when it
    /// gets near its limits.
    pub fn history_warning(&self, before: HistoryUse, after: HistoryUse) -> Option<String> {
        if self.is_near(before) || !self.is_near(after) {
            return None;
        }
        let HistoryUse { turns, bytes } = after;
        let (most_turns, most_bytes) = (self.max_history_turns, self.max_history_bytes);
        Some(format!(
            "its history has {turns} of at most {most_turns} turns and {bytes} of at most {most_bytes} bytes; behind them it fails with \
             HistoryTooLong unless it continues as new before"
        ))
    }

    /// Whether an execution with this history may go on.
    ///
    /// # Errors
    /// `HistoryTooLong`.
    pub fn check_history(&self, used: HistoryUse) -> Result<(), BeyondLimit> {
        let HistoryUse { turns, bytes } = used;
        let (most_turns, most_bytes) = (self.max_history_turns, self.max_history_bytes);
        let text = match (turns >= most_turns, bytes > most_bytes) {
            (false, false) => return Ok(()),
            (true, _) => format!("the history has {turns} turns and the code goes on; at most {most_turns} are kept"),
            (false, true) => format!("the history has {bytes} bytes and the code goes on; at most {most_bytes} are kept"),
        };
        let hint = "continue as new from time to time, so that a new history begins";
        Err(BeyondLimit::new("HistoryTooLong", format!("{text}; {hint}")))
    }

    fn is_near(&self, HistoryUse { turns, bytes }: HistoryUse) -> bool {
        let near = |used: u64, most: u64| used >= most / 10 * WARN_TENTHS + most % 10 * WARN_TENTHS / 10;
        near(turns.into(), self.max_history_turns.into()) || near(bytes, self.max_history_bytes)
    }
}
