//! What waits for an instance, and whether there is room for it.

use super::InstanceLimits;
use crate::model::Payload;

/// How much waits: counted, since there may be too much to look through for each that comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Buffered {
    pub count: usize,
    /// Of names and data.
    pub bytes: usize,
}

impl Buffered {
    pub fn add(&mut self, name: &str, data: &Payload) {
        self.count += 1;
        self.bytes += name.len() + data.len_bytes();
    }

    pub fn remove(&mut self, name: &str, data: &Payload) {
        self.count -= 1;
        self.bytes -= name.len() + data.len_bytes();
    }
}

impl InstanceLimits {
    /// Whether so much may wait.
    pub(crate) fn have_room_for(&self, Buffered { count, bytes }: Buffered) -> bool {
        count <= self.max_buffered_events && bytes <= self.max_buffered_event_bytes
    }
}
