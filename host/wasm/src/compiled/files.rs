//! The files of compiled code: written whole or not at all, and used only if nobody else could have written them.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::trusted_code;

/// Bits of a file's mode that let others than its owner write.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// The code in a file; `None` if there is none that can be used.
pub(super) fn load(engine: &Engine, file: &Path) -> Option<Component> {
    let mode = std::fs::metadata(file).ok()?.mode();
    if mode & OTHERS_MAY_WRITE != 0 {
        tracing::warn!(file = %file.display(), "compiled code is not used: others than its owner may write the file");
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

/// Writes a file whole or not at all: a process that dies halfway leaves a temporary file, never half of the code.
pub(super) fn store(file: &Path, code: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
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

/// A name that no other thread or process uses at the same time.
fn temporary_name(file: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    file.with_extension(format!("{}-{number}.tmp", std::process::id()))
}
