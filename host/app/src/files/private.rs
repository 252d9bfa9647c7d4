//! Files that only the host's own user can read.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::files::given;

/// Readable and writable for the owner alone.
const PRIVATE: u32 = 0o600;

/// A new content for a file, on the disk already and not yet in place: [`put`](Self::put) puts it there. Dropping it leaves the file as it was.
pub struct Prepared {
    path: PathBuf,
    new: PathBuf,
    /// Opened in advance, so that nothing but the file system itself can fail once the content is in place.
    folder: File,
    is_put: bool,
}

impl Prepared {
    /// Writes the content beside the file.
    ///
    /// # Errors
    /// When the folder cannot be written to, or something that is no file is in the way.
    pub fn new(path: &Path, content: &str) -> anyhow::Result<Self> {
        let write = || {
            let new = new_of(path);
            if path.symlink_metadata().is_ok_and(|there| there.is_dir()) {
                return Err(std::io::Error::other("a folder of that name is in the way"));
            }
            // One that a crash has left behind may have other permissions.
            if let Err(error) = std::fs::remove_file(&new)
                && error.kind() != ErrorKind::NotFound
            {
                return Err(error);
            }
            let folder = File::open(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(PRIVATE).open(&new)?;
            let prepared = Self { path: path.to_owned(), new, folder, is_put: false };
            file.write_all(content.as_bytes())?;
            file.sync_all()?;
            Ok(prepared)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Puts the content into place, in one step: a reader gets the old content or the new one, and after a crash one of them is there.
    ///
    /// # Errors
    /// When the file system refuses; the file is as it was then.
    pub fn put(mut self) -> anyhow::Result<()> {
        std::fs::rename(&self.new, &self.path).with_context(|| format!("cannot write {}", self.path.display()))?;
        self.is_put = true;
        if let Err(error) = self.folder.sync_all() {
            tracing::warn!(file = %self.path.display(), %error, "after a power cut the file may have its former content");
        }
        Ok(())
    }

    /// Leaves the content beside the file, for [`finish`].
    pub fn keep(mut self) {
        self.is_put = true;
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.is_put {
            // One that stays is replaced by the next.
            let _ = std::fs::remove_file(&self.new);
        }
    }
}

/// Writes a file in one step: a reader gets the old content or the new one, and after a crash one of them is there.
///
/// # Errors
/// When the folder cannot be written to; the file is as it was then.
pub fn write(path: &Path, content: &str) -> anyhow::Result<()> {
    Prepared::new(path, content)?.put()
}

/// Puts the content into place that an earlier process has prepared and not put there, if it `is_good`. Whatever else it is goes.
///
/// # Errors
/// When the file system refuses.
pub fn finish(path: &Path, is_good: impl FnOnce(&str) -> bool) -> anyhow::Result<()> {
    let new = new_of(path);
    match read(&new) {
        Ok(None) => Ok(()),
        Ok(Some(content)) if is_good(&content) => write(path, &content),
        Ok(Some(_)) | Err(_) => {
            // A folder of that name is told of when it is in the way.
            let _ = std::fs::remove_file(&new);
            Ok(())
        }
    }
}

fn new_of(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Reads a file; `None` if there is none.
///
/// # Errors
/// When it cannot be read, or others than its owner could.
pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = match given::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
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

    #[test]
    fn a_content_that_is_not_put_into_place_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, "one").unwrap();
        drop(Prepared::new(&path, "two").unwrap());
        let names: Vec<_> = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!((read(&path).unwrap().as_deref(), names), (Some("one"), vec!["secret".into()]));
        Prepared::new(&path, "two").unwrap().keep();
        finish(&path, |content| content == "three").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("one"));
        Prepared::new(&path, "two").unwrap().keep();
        finish(&path, |content| content == "two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
    }

    #[test]
    fn what_is_in_the_way_is_told_of_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::create_dir(&path).unwrap();
        assert!(format!("{:#}", Prepared::new(&path, "one").err().unwrap()).contains("in the way"));
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
