//! The data folder: the host's user's alone.
//!
//! What the host makes in it is private, file by file. The folder itself must not be open for writing to others either: they could put their
//! own files in the place of the host's.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail, ensure};

const PRIVATE: u32 = 0o700;
const OTHERS: u32 = 0o077;
const OTHERS_MAY_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;
/// What tells a folder of a host's from any other.
const DATABASE: &str = "longhaul.db";

/// Makes the folder if it is missing, and takes from others what they may do with it. A folder that holds other things than a host's, such as
/// `/tmp`, is never changed.
///
/// # Errors
/// When it cannot be made, or others may write to it and that cannot be changed.
pub fn prepare(path: &Path) -> anyhow::Result<()> {
    let named = || format!("cannot use the data folder {}", path.display());
    DirBuilder::new().recursive(true).mode(PRIVATE).create(path).with_context(named)?;
    let there = path.metadata().with_context(named)?;
    let mode = there.mode() & 0o7777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let is_ours = mode & STICKY == 0 && (path.join(DATABASE).exists() || path.read_dir().with_context(named)?.next().is_none());
    if is_ours && std::fs::set_permissions(path, Permissions::from_mode(PRIVATE)).is_ok() {
        tracing::warn!(folder = %path.display(), was = format!("{mode:o}"), "others than the host's user could use the data folder; they no longer can");
        return Ok(());
    }
    ensure!(
        mode & OTHERS_MAY_WRITE == 0,
        "{}: others than the host's user may write to it (mode {mode:o}), and it is not the host's to change; name a folder of the host's \
         own, which may lie below it, or run `chmod 700` on it",
        named()
    );
    let owner = there.uid();
    let own = rustix::process::geteuid().as_raw();
    if owner != own && own != 0 && owner != 0 {
        bail!("{}: it belongs to another user ({owner}), who may put other files in the place of the host's", named());
    }
    tracing::warn!(folder = %path.display(), mode = format!("{mode:o}"), "others can see which files are in the data folder; its files are private");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(mode: u32, file: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        if let Some(file) = file {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        folder
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    #[test]
    fn a_folder_is_made_private_and_one_of_a_hosts_becomes_so() {
        let above = tempfile::tempdir().unwrap();
        let new = above.path().join("new/data");
        prepare(&new).unwrap();
        assert_eq!((mode(&new), mode(new.parent().unwrap())), (0o700, 0o700));
        for file in [None, Some(DATABASE)] {
            let folder = folder(0o777, file);
            prepare(folder.path()).unwrap();
            assert_eq!(mode(folder.path()), 0o700, "{file:?}");
        }
    }

    #[test]
    fn a_folder_with_other_things_is_not_changed_and_refused_if_others_may_write_to_it() {
        for (before, file) in [(0o777, Some("mine")), (0o775, Some("mine")), (0o1777, None), (0o1777, Some(DATABASE))] {
            let folder = folder(before, file);
            let error = prepare(folder.path()).unwrap_err().to_string();
            assert!(error.contains("may write to it") && mode(folder.path()) == before, "{before:o} {file:?}: {error}");
        }
        let readable = folder(0o755, Some("mine"));
        prepare(readable.path()).unwrap();
        assert_eq!(mode(readable.path()), 0o755);
    }
}
