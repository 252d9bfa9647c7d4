//! One process per database file, whatever path leads to it.
//!
//! The lock is on the database file itself, so neither links nor a lock file that was removed let
//! in a second process. It is one of `flock`, which SQLite's own locks do not know of. The file
//! beside the database is locked, too, for versions that know no other lock, and says which process
//! holds it.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use rustix::fs::OFlags;

use super::private;
use crate::contract::Error;

/// Longest text of a lock file that is worth showing, bytes.
const MAX_HOLDER_BYTES: u64 = 200;

/// Device and number of a file.
type FileId = (u64, u64);

/// Databases that this process has open. To open one of them a second time, be it to find out that
/// it is locked, would end all locks that SQLite has on it, since it would be closed again.
static OPEN: LazyLock<Mutex<HashSet<FileId>>> = LazyLock::new(Mutex::default);

/// Holds the lock until it is dropped. The operating system releases it when the process dies,
/// whatever the file says.
#[derive(Debug)]
pub(in crate::sqlite) struct ProcessLock {
    database: Option<File>,
    _beside: File,
    id: FileId,
}

impl ProcessLock {
    /// Takes the lock on `database`, which is made if it is missing, and the one beside it.
    ///
    /// # Errors
    /// [`Error::Refused`] names the holder when another process, or another store of this one, has
    /// it, and the reason when it cannot be taken.
    pub(super) fn take(database: &Path) -> Result<Self, Error> {
        let path = database.with_extension("lock");
        let failed = |error: std::io::Error| refused(database, format!("cannot lock {}: {error}", path.display()));
        let mut beside = lock_file(&path).map_err(failed)?;
        if !locked(&beside).map_err(failed)? {
            return Err(held(database, &path, &beside));
        }
        let (file, id) = lock_database(database)?;
        private::tighten(&beside, &path).map_err(failed)?;
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        beside.set_len(0).map_err(failed)?;
        beside.rewind().map_err(failed)?;
        write!(beside, "pid {}, since {started_at} ms UTC", std::process::id()).map_err(failed)?;
        open_ones().insert(id);
        Ok(Self { database: Some(file), _beside: beside, id })
    }
}

/// Takes the lock on the file itself.
fn lock_database(database: &Path) -> Result<(File, FileId), Error> {
    if let Ok(there) = database.metadata()
        && open_ones().contains(&(there.dev(), there.ino()))
    {
        return Err(refused(database, format!("it is in use by this very process (pid {})", std::process::id())));
    }
    // A pipe is opened without a wait, and refused.
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(private::FILE).custom_flags(OFlags::NONBLOCK.bits() as i32);
    let file = options.open(database).map_err(|error| refused(database, format!("it cannot be written to: {error}")))?;
    let unlocked = |error: std::io::Error| refused(database, format!("cannot lock it: {error}"));
    let there = file.metadata().map_err(unlocked)?;
    if !there.is_file() {
        return Err(refused(database, "it is no regular file, but a folder, a pipe or a device".into()));
    }
    if !locked(&file).map_err(unlocked)? {
        return Err(held(database, database, &file));
    }
    private::tighten_database(&file, database).map_err(unlocked)?;
    Ok((file, (there.dev(), there.ino())))
}

impl Drop for ProcessLock {
    fn drop(&mut self) {
        self.database = None;
        open_ones().remove(&self.id);
    }
}

fn open_ones() -> parking_lot::MutexGuard<'static, HashSet<FileId>> {
    OPEN.lock()
}

/// Opens the file beside the database, and nothing that a link in its place leads to: that would be
/// written to.
fn lock_file(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened =
        options.read(true).write(true).create(true).truncate(false).mode(private::FILE).custom_flags(flags.bits() as i32).open(path);
    let file = opened.map_err(|error| match path.is_symlink() {
        true => std::io::Error::other("it is a link; remove it"),
        false => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(std::io::Error::other("it is no regular file")) }
}

fn locked(file: &File) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn refused(database: &Path, why: String) -> Error {
    Error::Refused(format!("cannot use {}: {why}", database.display()))
}

/// Names the holder of a lock: as the system knows it, or else as the file beside the database
/// says, which may tell of the one before.
fn held(database: &Path, locked: &Path, file: &File) -> Error {
    let mut said = String::new();
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let beside = File::options().read(true).custom_flags(flags.bits() as i32).open(database.with_extension("lock"));
    let is_said = beside.and_then(|file| file.take(MAX_HOLDER_BYTES).read_to_string(&mut said)).is_ok() && !said.is_empty();
    let said = Some(said.escape_debug().to_string()).filter(|_| is_said);
    let holder = match (holder_of(file), said) {
        (Some(pid), Some(said)) if said.starts_with(&format!("pid {pid},")) => said,
        (Some(pid), _) => named(pid),
        (None, Some(said)) => said,
        (None, None) => "an unnamed process".into(),
    };
    Error::Refused(format!("database {} is in use by {holder} (lock on {}); one process per file", database.display(), locked.display()))
}

/// The process that the system says has the lock on a file.
fn holder_of(file: &File) -> Option<u32> {
    let inode = file.metadata().ok()?.ino().to_string();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    // `1: FLOCK  ADVISORY  WRITE 123 08:01:456 0 EOF`; a process that waits for a lock has an arrow
    // before its kind.
    let of_line = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let is_flock = words.next() == Some("FLOCK");
        let (pid, place) = (words.nth(2)?, words.next()?);
        (is_flock && place.rsplit(':').next() == Some(&inode)).then(|| pid.parse().ok()).flatten()
    };
    locks.lines().find_map(of_line)
}

fn named(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match name.trim() {
        "" => format!("pid {pid}"),
        name => format!("pid {pid} ({})", name.escape_debug()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::{Command, Stdio};

    use super::*;

    /// Why the lock on this path cannot be taken.
    fn refusal(path: &Path) -> String {
        ProcessLock::take(path).expect_err("it is refused").to_string()
    }

    #[test]
    fn neither_links_nor_a_removed_lock_file_let_in_a_second_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let lock = ProcessLock::take(&path("a.db")).unwrap();
        symlink(path("a.db"), path("symbolic.db")).unwrap();
        std::fs::hard_link(path("a.db"), path("hard.db")).unwrap();
        symlink(folder.path(), path("folder")).unwrap();
        std::fs::remove_file(path("a.lock")).unwrap();
        for name in ["a.db", "symbolic.db", "hard.db", "folder/a.db"] {
            let text = refusal(&path(name));
            assert!(text.contains(&format!("pid {}", std::process::id())), "{name}: {text}");
        }
        drop(lock);
        ProcessLock::take(&path("hard.db")).unwrap();
    }

    #[test]
    fn whatever_holds_a_lock_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for locked in ["a.db", "a.lock"] {
            let path = folder.path().join(locked);
            std::fs::write(&path, "").unwrap();
            let file = File::open(&path).unwrap();
            file.lock().unwrap();
            // The lock is that of the open file, which the child keeps and this process closes.
            let mut holder = Command::new("sleep").arg("60").stdin(Stdio::from(file)).spawn().unwrap();
            let text = refusal(&folder.path().join("a.db"));
            holder.kill().unwrap();
            holder.wait().unwrap();
            assert!(text.contains("in use by pid ") && text.contains(locked), "{text}");
        }
        ProcessLock::take(&folder.path().join("a.db")).unwrap();
    }

    #[test]
    fn what_is_made_is_private_and_what_is_there_becomes_so() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        drop(ProcessLock::take(&folder.path().join("a.db")).unwrap());
        assert_eq!((mode("a.db"), mode("a.lock")), (0o600, 0o600));
        for name in ["a.db", "a.lock", "a.db-wal"] {
            std::fs::write(folder.path().join(name), "").unwrap();
            std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o664)).unwrap();
        }
        drop(ProcessLock::take(&folder.path().join("a.db")).unwrap());
        assert_eq!((mode("a.db"), mode("a.lock"), mode("a.db-wal")), (0o600, 0o600, 0o600));
    }

    #[test]
    fn a_lock_file_that_is_a_link_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("precious"), "text").unwrap();
        symlink(folder.path().join("precious"), folder.path().join("a.lock")).unwrap();
        assert!(refusal(&folder.path().join("a.db")).contains("it is a link"));
        assert_eq!(std::fs::read_to_string(folder.path().join("precious")).unwrap(), "text");
    }
}
