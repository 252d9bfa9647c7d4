//! One process per database file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::contract::Error;

/// Longest text of a lock file that is worth showing, bytes.
const MAX_HOLDER_BYTES: u64 = 200;

/// Holds the lock until it is dropped. The operating system lets go of it when the process dies, whatever the file says.
#[derive(Debug)]
pub(super) struct ProcessLock {
    _file: File,
}

impl ProcessLock {
    /// Takes the lock beside `database`.
    ///
    /// # Errors
    /// [`Error::Refused`] names the holder when another process, or another store of this one, has it, and the reason when it cannot be taken.
    pub(super) fn take(database: &Path) -> Result<Self, Error> {
        let path = database.with_extension("lock");
        let failed =
            |error: std::io::Error| Error::Refused(format!("cannot use {}: cannot lock {}: {error}", database.display(), path.display()));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(database, &path, file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        write!(file, "pid {}, since {started_at} ms UTC", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn held(database: &Path, lock: &Path, file: File) -> Error {
    let mut holder = String::new();
    let named = file.take(MAX_HOLDER_BYTES).read_to_string(&mut holder).is_ok() && !holder.is_empty();
    let holder = if named { holder } else { "an unnamed process".into() };
    Error::Refused(format!("database {} is in use by {holder} (lock file {}); one process per file", database.display(), lock.display()))
}
