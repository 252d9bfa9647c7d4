//! What can be said of a database file without SQLite.
//!
//! To be asked while nothing in this process has the file open: as a handle on it closes, all locks
//! of the process on it end.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::contract::Error;

/// How every SQLite database begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// Bytes of the header.
const HEADER_BYTES: usize = 100;

/// Refuses a file that cannot be written to, which SQLite opens all the same and fails at the first
/// write, and one that has been cut off, whose last page SQLite fills up with zeroes. Returns
/// whether the file is all there is, without a write-ahead log.
pub(super) fn check(path: &Path) -> Result<bool, Error> {
    let refused = |why: String| Error::Refused(format!("cannot use {}: {why}", path.display()));
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let mut file = opened.map_err(|error| refused(format!("it cannot be written to: {error}")))?;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // A log may hold pages that the file does not have yet.
    if Path::new(&log).metadata().is_ok_and(|log| log.len() > 0) {
        return Ok(false);
    }
    let (length, expected) = lengths(&mut file).map_err(|error| refused(format!("it cannot be read: {error}")))?;
    match expected {
        Some(expected) if length < expected => {
            Err(refused(format!("it is damaged: it has {length} bytes where its first page tells of {expected}")))
        }
        Some(_) | None => Ok(true),
    }
}

/// The length of the file, and the one that its header tells of, if it is a database and does.
fn lengths(file: &mut File) -> std::io::Result<(u64, Option<u64>)> {
    let length = file.metadata()?.len();
    let mut header = [0; HEADER_BYTES];
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok((length, None)),
        other => other?,
    }
    // The number of pages is valid if it was written with the latest change.
    if !header.starts_with(MAGIC) || header[24..28] != header[92..96] {
        return Ok((length, None));
    }
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    Ok((length, Some(page_bytes * u64::from(pages))))
}
