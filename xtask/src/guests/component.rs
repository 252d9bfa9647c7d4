//! One core module in, one component out.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use wit_component::ComponentEncoder;

use super::initial_memory;
use crate::progress::note;
use crate::workspace;

/// What happened to a component's file.
pub struct Written {
    size_bytes: usize,
    changed: bool,
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = if self.changed { "written" } else { "unchanged" };
        write!(formatter, "{} KiB, {change}", self.size_bytes.div_ceil(1024))
    }
}

/// Encodes a core module as a component and writes it, unless the file already holds the same bytes.
///
/// # Errors
/// When the module cannot be read, has no component type in it, does not validate, or the file cannot be written.
pub fn write(module: &Path, file: &Path) -> anyhow::Result<Written> {
    let bytes = std::fs::read(module).with_context(|| format!("cannot read the module {}", module.display()))?;
    let component = encode(&bytes).with_context(|| format!("cannot turn {} into a component", module.display()))?;
    let written = Written { size_bytes: component.len(), changed: std::fs::read(file).ok().as_deref() != Some(component.as_slice()) };
    if written.changed {
        replace(file, &component)?;
    }
    Ok(written)
}

/// Removes components whose crate is gone, so that they are not deployed any more.
///
/// # Errors
/// When the folder cannot be read or a file not be removed.
pub fn remove_stale(folder: &Path, expected: &[String]) -> anyhow::Result<()> {
    for entry in folder.read_dir().with_context(|| format!("cannot read the folder {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.ends_with(".wasm") && !expected.contains(&name) {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove the stale component {}", path.display()))?;
            note(&format!("{} (removed: its crate is gone)", workspace::shown(&path)));
        }
    }
    Ok(())
}

fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let module = initial_memory::use_first(module)?;
    ComponentEncoder::default().validate(true).module(&module)?.encode()
}

/// A host that reads the component meanwhile sees the old file or the new one, never half of it.
fn replace(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let half = file.with_extension("half-written");
    std::fs::write(&half, bytes).with_context(|| format!("cannot write {}", half.display()))?;
    std::fs::rename(&half, file).with_context(|| format!("cannot replace {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest core module: only the header.
    const EMPTY_MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";

    #[test]
    fn a_component_with_the_same_bytes_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (module, file) = (folder.path().join("core.wasm"), folder.path().join("component.wasm"));
        std::fs::write(&module, EMPTY_MODULE).expect("a module");
        assert!(write(&module, &file).expect("the first time").changed);
        assert!(!write(&module, &file).expect("the second time").changed);
    }

    #[test]
    fn a_file_that_is_no_module_is_refused_with_its_path() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let module = folder.path().join("core.wasm");
        std::fs::write(&module, "hello").expect("a file");
        let error = write(&module, &folder.path().join("component.wasm")).err().expect("it is no module");
        assert!(error.to_string().contains("core.wasm"), "{error}");
    }

    #[test]
    fn only_components_without_a_crate_are_removed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["kept.wasm", "gone.wasm", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").expect("a file");
        }
        remove_stale(folder.path(), &["kept.wasm".to_owned()]).expect("the folder can be read");
        let mut left: Vec<_> = folder.path().read_dir().expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        left.sort();
        assert_eq!(left, ["kept.wasm", "notes.txt"]);
    }
}
