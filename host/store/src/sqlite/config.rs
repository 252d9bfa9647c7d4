//! Settings of the SQLite store.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Settings of the SQLite store. `SqliteConfig::in_directory("/var/lib/longhaul")` has sensible
/// values for all of them.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The database file. Its directory is created if missing; the lock file (`.lock` instead of
    /// `.db`) lies beside it.
    pub path: PathBuf,
    /// Read-only connections for queries, each with a thread of its own. Default 2, at least 1:
    /// `readers = 2` lets one list run while another is answered.
    pub readers: u32,
    /// How long rows may lag behind the log before the tables are brought up to date. Default 1
    /// second. Queries of this process never see the lag; plain SQL on the file does.
    pub project_every: Duration,
    /// Records that memory may hold for the tables before they are brought up to date early.
    /// Default 8,192, which is a few megabytes for small payloads.
    pub project_at_records: usize,
    /// Page cache of the writing connection in KiB. Default 65,536 (64 MiB).
    pub cache_kib: u32,
    /// Pages of 4 KiB in the write-ahead log before they are moved into the database file. Default
    /// 8,000 (32 MB): more makes commits steadier and a restart after a crash slower.
    pub wal_autocheckpoint_pages: u32,
    /// How long a connection waits for another process that looks into the file, an SQL shell for
    /// instance. Default 5 seconds.
    pub busy_timeout: Duration,
}

impl SqliteConfig {
    /// The defaults, with the database at `longhaul.db` in `directory`.
    pub fn in_directory(directory: impl AsRef<Path>) -> Self {
        Self::at(directory.as_ref().join("longhaul.db"))
    }

    /// The defaults, with the database at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            readers: 2,
            project_every: Duration::from_secs(1),
            project_at_records: 8_192,
            cache_kib: 65_536,
            wal_autocheckpoint_pages: 8_000,
            busy_timeout: Duration::from_secs(5),
        }
    }
}
