//! The files of compiled code: written whole or not at all, and used only if no other user could
//! have written them.

use std::fs::{Metadata, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::trusted_code;

/// Bits of a file's mode that let others than its owner write.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// The code in a file; `None` if there is none that can be used. The code is run as it is, so it is
/// used only if no user besides the host's and root can write to the file or the folder.
pub(super) fn load(engine: &Engine, file: &Path) -> Option<Component> {
    let there = file.symlink_metadata().ok()?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let is_private = |there: &Metadata| is_trusted(there.uid()) && there.mode() & OTHERS_MAY_WRITE == 0;
    if !there.is_file() || !is_private(&there) || !folder.metadata().is_ok_and(|folder| is_private(&folder)) {
        tracing::warn!(file = %file.display(), "compiled code is not used: others than the host's user may have written it");
        return None;
    }
    match trusted_code::deserialize(engine, file) {
        Ok(component) => Some(component),
        Err(error) => {
            tracing::warn!(file = %file.display(), "compiled code is not usable, compiling again: {error:#}");
            None
        }
    }
}

/// Writes a file whole or not at all: a process that dies halfway leaves a temporary file, never
/// half of the code.
pub(super) fn store(file: &Path, code: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    take_over(folder)?;
    let temporary = temporary_name(file);
    let mut options = std::fs::OpenOptions::new();
    let written = options.write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut new| {
        new.write_all(code)?;
        new.sync_all()?;
        std::fs::rename(&temporary, file)
    });
    if written.is_err() {
        std::fs::remove_file(&temporary).ok();
    }
    written
}

/// Takes other users' write access to a folder away, and removes all code in it, since any of them
/// may have put it there.
fn take_over(folder: &Path) -> std::io::Result<()> {
    let there = folder.metadata()?;
    if !is_trusted(there.uid()) {
        let text = format!("the folder of compiled code belongs to another user ({})", there.uid());
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, text));
    }
    if there.mode() & OTHERS_MAY_WRITE == 0 {
        return Ok(());
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    tracing::warn!(folder = %folder.display(), "others could write to the folder of compiled code; what is in it is removed");
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "cwasm") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Whether this user's files are trusted like the host's own.
fn is_trusted(user: u32) -> bool {
    user == rustix::process::geteuid().as_raw() || user == 0
}

/// A name that no other thread or process uses at the same time.
fn temporary_name(file: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    file.with_extension(format!("{}-{number}.tmp", std::process::id()))
}
