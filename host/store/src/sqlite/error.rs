//! What an SQLite error means for the caller.

use crate::contract::Error;

// Primary result codes, https://www.sqlite.org/rescode.html.
const IO_ERROR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const NOT_A_DATABASE: i32 = 26;
/// Codes after which a write has certainly not happened and may succeed later: permission, abort,
/// busy, locked, out of memory, read-only, interrupt, cannot open, protocol, authorisation.
const LATER: [i32; 10] = [3, 4, 5, 6, 7, 8, 9, 14, 15, 23];

/// The meaning of an error of a transaction that writes.
pub(super) fn of_write(doing: &str, error: &sqlx::Error) -> Error {
    let text = format!("cannot {doing}: {error}");
    match primary_code(error) {
        Some(FULL) => Error::Full(text),
        Some(CORRUPT | NOT_A_DATABASE | CONSTRAINT | MISMATCH) => Error::Damaged(text),
        Some(code) if LATER.contains(&code) => Error::Unavailable(text),
        // A commit whose sync failed may or may not be found by the next recovery.
        Some(IO_ERROR) | Some(_) | None => Error::Unknown(text),
    }
}

/// The meaning of an error of a query: nothing was to be written, so no outcome is unknown.
pub(super) fn of_read(doing: &str, error: &sqlx::Error) -> Error {
    let text = format!("cannot {doing}: {error}");
    match (primary_code(error), error) {
        (Some(CORRUPT | NOT_A_DATABASE), _) => Error::Damaged(text),
        (None, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::ColumnNotFound(_)) => Error::Damaged(text),
        (_, _) => Error::Unavailable(text),
    }
}

/// The meaning of an error of what writes nothing new and can be done again at any time.
pub(super) fn of_checkpoint(doing: &str, error: &sqlx::Error) -> Error {
    match primary_code(error) {
        Some(FULL) => Error::Full(format!("cannot {doing}: {error}")),
        _ => of_read(doing, error),
    }
}

/// SQLite's primary result code, without the extension in its higher bits.
pub(super) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?.parse::<i32>().ok()?;
    Some(code & 0xff)
}

/// Whether the file is no SQLite database at all.
pub(super) fn is_not_a_database(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(NOT_A_DATABASE)
}

/// Whether pages of the file are damaged.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(CORRUPT)
}
