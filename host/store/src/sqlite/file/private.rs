//! Files that the host's own user alone can read and write: inputs, outputs and histories are in
//! them in plain text.

use std::fs::{DirBuilder, File, Permissions};
use std::io::Result;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Mode of a file.
pub(super) const FILE: u32 = 0o600;
/// Mode of a folder.
const FOLDER: u32 = 0o700;

/// Makes a folder and those above it that are missing.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Takes from others what they may do with an open file.
pub(super) fn tighten(file: &File, path: &Path) -> Result<()> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(mode & FILE))?;
        tracing::warn!(file = %path.display(), was = format!("{mode:o}"), "others than the host's user could use the file; they no longer can");
    }
    Ok(())
}

/// The same for a database and the files that SQLite has beside it.
pub(super) fn tighten_database(file: &File, path: &Path) -> Result<()> {
    tighten(file, path)?;
    for end in ["-wal", "-shm"] {
        let mut beside = path.as_os_str().to_owned();
        beside.push(end);
        let beside = Path::new(&beside);
        if beside.symlink_metadata().is_ok_and(|there| there.is_file()) {
            tighten(&File::open(beside)?, beside)?;
        }
    }
    Ok(())
}
