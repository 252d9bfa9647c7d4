//! The memory for answers that are being made.

use std::time::Duration;

use crate::budget::{Budget, Room};
use crate::error::EngineError;

/// How long an answer waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// The memory for what is read for answers.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) budget: Budget,
    pub(crate) page_bytes: u64,
}

impl Answers {
    /// `bytes` for all answers, and `page_bytes` for the payloads of one page.
    pub(crate) fn new(bytes: u64, page_bytes: u64) -> Self {
        Self { budget: Budget::new(bytes), page_bytes }
    }

    /// Room for an answer of so many bytes, after a wait if need be.
    pub(crate) async fn room(&self, bytes: u64) -> Result<Room, EngineError> {
        self.budget.take_within(bytes, PATIENCE).await.ok_or_else(|| self.no_room())
    }

    /// What a caller is told for whose answer there is no room.
    pub(crate) fn no_room(&self) -> EngineError {
        EngineError::Unavailable(format!("answers of {} bytes are under way, as many as there may be at a time", self.budget.limit()))
    }
}
