//! Files that the host or a command is told to read: certificates, keys, settings, manifests, components.

use std::fs::File;
use std::io::{Error, Read, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a file for reading. A pipe would make its reader wait for a writer that may never come, and a device may have no end; both are refused,
/// without a wait. Links are followed: mounted secrets and certificates are links.
///
/// # Errors
/// When it cannot be opened, or is no file.
pub fn open(path: &Path) -> Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(Error::other("it is no regular file, but a folder, a pipe or a device")),
    }
}

/// Reads a whole file.
///
/// # Errors
/// As [`open`], and when it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a whole file as text in UTF-8.
///
/// # Errors
/// As [`read`], and when it is no text.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|error| Error::other(format!("it is not text in UTF-8: {error}")))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_file_is_read_and_a_pipe_a_folder_or_a_device_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        assert_eq!((read_text(&path("file")).unwrap(), read_text(&path("link")).unwrap()), ("text".into(), "text".into()));
        mknodat(CWD, path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for name in ["pipe", ".", "/dev/zero"] {
            let error = read_text(&path(name)).unwrap_err().to_string();
            assert!(error.contains("no regular file"), "{name}: {error}");
        }
    }
}
