//! Compiled code on disk: compiling takes 50 ms and more, mapping a file 0.1 ms.
//!
//! A file is named by the component's SHA-256 and the engine's version and settings, so a new wasmtime or another setting
//! finds nothing and compiles. A file that cannot be used is replaced.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::Engine;
use wasmtime::component::Component;

mod trusted_code;

/// Bits of a file's mode that let others than its owner write.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// Compiles `bytes`, or takes the code from the cache; leaves it there for next time. `sha256` must be that of `bytes`.
pub(crate) fn compile(engine: &Engine, cache: Option<&Path>, sha256: &str, bytes: &[u8]) -> wasmtime::Result<Component> {
    let Some(folder) = cache else { return Component::new(engine, bytes) };
    let file = folder.join(format!("{sha256}-{:016x}.cwasm", fingerprint(engine)));
    if let Some(component) = load(engine, &file) {
        return Ok(component);
    }
    let component = Component::new(engine, bytes)?;
    // A cache that cannot be written costs time, nothing else.
    if let Err(error) = component.serialize().map_err(std::io::Error::other).and_then(|code| store(folder, &file, &code)) {
        tracing::warn!(file = %file.display(), "cannot keep compiled code: {error}");
    }
    Ok(component)
}

fn fingerprint(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn load(engine: &Engine, file: &Path) -> Option<Component> {
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
fn store(folder: &Path, file: &Path, code: &[u8]) -> std::io::Result<()> {
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
