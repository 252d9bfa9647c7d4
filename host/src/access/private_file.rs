//! Files that only the host's own user can read.

use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, ensure};

/// Readable and writable for the owner alone.
const PRIVATE: u32 = 0o600;

/// Writes a file in one step: whoever reads it reads the old content or the new one, and after a crash one of them is there.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(path: &Path, content: &str) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let write = || {
        // One that a crash has left behind may have other permissions.
        if let Err(error) = std::fs::remove_file(&new)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&new)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a file; `None` if there is none.
///
/// # Errors
/// When it cannot be read, or others than its owner could.
pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(cannot),
    };
    let mode = file.metadata().with_context(cannot)?.permissions().mode() & 0o777;
    ensure!(
        mode & 0o077 == 0,
        "{} holds a secret and others than its owner can read it (mode {mode:o}); run `chmod 600` on it",
        path.display()
    );
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(cannot)?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_its_owners_alone_and_one_that_is_not_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
