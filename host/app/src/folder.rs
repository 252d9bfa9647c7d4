//! Reads the files of an app's folder, and nothing else: what a link leads to outside of it stays where it is, and only files are opened.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rustix::fs::OFlags;

/// The folder of an app.
pub struct AppFolder {
    given: PathBuf,
    real: PathBuf,
}

impl AppFolder {
    /// # Errors
    /// When there is no such folder.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let real = path.canonicalize().with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self { given: path.to_owned(), real })
    }

    /// The whole file at `path` within the folder.
    ///
    /// # Errors
    /// When it is missing, lies outside of the folder, is no file, or is longer than `max_bytes`; the text names it.
    pub fn read(&self, path: &str, max_bytes: usize) -> anyhow::Result<Vec<u8>> {
        let shown = self.given.join(path);
        let file = self.file(path).with_context(|| format!("cannot read {}", shown.display()))?;
        let mut bytes = Vec::new();
        file.take(max_bytes as u64 + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {}", shown.display()))?;
        ensure!(bytes.len() <= max_bytes, "{} has more than {max_bytes} bytes, which is the most", shown.display());
        Ok(bytes)
    }

    fn file(&self, path: &str) -> anyhow::Result<File> {
        let real = self.real.join(path).canonicalize()?;
        ensure!(real.starts_with(&self.real), "it is a link to {}, which lies outside of the app's folder", real.display());
        // Looked at before it is opened, since that alone can do something to a device; and opened in a way that waits for nothing, should it be
        // something else by now.
        ensure!(real.metadata()?.is_file(), "it is not a file");
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(&real)?;
        ensure!(file.metadata()?.is_file(), "it is not a file");
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refusal(folder: &Path, path: &str) -> String {
        format!("{:#}", AppFolder::open(folder).unwrap().read(path, 10).unwrap_err())
    }

    #[test]
    fn a_link_is_followed_within_the_folder_and_not_out_of_it() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("app");
        std::fs::create_dir_all(folder.join("parts")).unwrap();
        std::fs::write(folder.join("parts/real"), "code").unwrap();
        std::fs::write(outer.path().join("secret"), "secret").unwrap();
        symlink("real", folder.join("parts/inside")).unwrap();
        symlink("../../secret", folder.join("parts/outside")).unwrap();
        symlink(outer.path(), folder.join("up")).unwrap();
        symlink("nowhere", folder.join("parts/broken")).unwrap();
        symlink(&folder, outer.path().join("link-to-the-app")).unwrap();
        for whole in [folder.clone(), outer.path().join("link-to-the-app")] {
            assert_eq!(AppFolder::open(&whole).unwrap().read("parts/inside", 10).unwrap(), b"code");
        }
        for path in ["parts/outside", "up/secret"] {
            let text = refusal(&folder, path);
            assert!(text.contains(path) && text.contains("outside of the app's folder"), "{text}");
        }
        assert!(refusal(&folder, "parts/broken").contains("No such file"));
    }

    #[test]
    fn only_files_are_opened_and_none_is_read_beyond_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("folder")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        for name in ["folder", "pipe", "socket"] {
            let text = refusal(folder.path(), name);
            assert!(text.contains(name) && text.contains("not a file"), "{text}");
        }
        std::fs::write(path("long"), "12345678901").unwrap();
        assert!(refusal(folder.path(), "long").contains("more than 10 bytes"));
    }
}
