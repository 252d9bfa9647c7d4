//! The only place of the host where a promise replaces a check: mapping compiled code from a file.

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps a file that [`compile`](super::compile) wrote.
///
/// # Errors
/// When the file is missing, cut off, or of another version or configuration of the engine.
#[allow(unsafe_code)]
pub(super) fn deserialize(engine: &Engine, file: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file must hold what `Component::serialize` gave and stay unchanged while it is
    // mapped. Files in this folder are made by `store` alone: under a name of their own, then
    // renamed, never written in place. Folder and files belong to the host's user with modes 0700
    // and 0600, and `load` has refused a file or folder of another user's or that others may write.
    // A program that can write there as that user can do anything the host can do already. The
    // engine itself checks version and settings.
    unsafe { Component::deserialize_file(engine, file) }
}
