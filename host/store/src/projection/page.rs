//! A page of a list that is being filled.

use longhaul_core::InstanceRow;

use crate::contract::{Page, Payloads, TooLong};

/// A page that is being filled.
#[derive(Debug)]
pub(crate) struct Filling {
    rows: Vec<InstanceRow>,
    limit: usize,
    payloads: Payloads,
    max_bytes: u64,
    bytes: u64,
    /// There is a row that does not fit any more; how long it is.
    beyond: Option<u64>,
}

impl Filling {
    /// An empty page.
    pub(crate) fn new(limit: u32, payloads: Payloads, max_bytes: Option<u64>) -> Self {
        let limit = limit.max(1) as usize;
        Self { rows: Vec::new(), limit, payloads, max_bytes: max_bytes.unwrap_or(u64::MAX), bytes: 0, beyond: None }
    }

    /// Adds the next row, if it fits.
    pub(crate) fn add(&mut self, row: InstanceRow) {
        if self.is_full() {
            return;
        }
        let bytes = self.payloads.bytes_of(&row);
        if self.rows.len() == self.limit || bytes > self.room_bytes() {
            return self.end_before(bytes);
        }
        self.bytes += bytes;
        self.rows.push(self.payloads.of(row));
    }

    /// The next row has so many bytes, and does not fit.
    pub(crate) fn end_before(&mut self, bytes: u64) {
        self.beyond = self.beyond.or(Some(bytes));
    }

    /// Whether a row is known that does not fit.
    pub(crate) fn is_full(&self) -> bool {
        self.beyond.is_some()
    }

    /// How many rows would show that it is full.
    pub(crate) fn rows_wanted(&self) -> usize {
        self.limit + 1 - self.rows.len()
    }

    /// How many more bytes fit.
    pub(crate) fn room_bytes(&self) -> u64 {
        self.max_bytes - self.bytes
    }

    /// The page.
    pub(crate) fn end(self) -> Page {
        let next = self.rows.last().filter(|_| self.beyond.is_some()).map(|row| row.id.clone());
        let too_long = self.beyond.filter(|_| self.rows.is_empty()).map(|bytes| TooLong { bytes });
        Page { rows: self.rows, next, too_long }
    }
}
