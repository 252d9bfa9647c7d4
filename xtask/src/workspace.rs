//! Where things are: the checkout, its target folder, the guest workspace.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The root of the checkout.
pub fn root() -> PathBuf {
    // Baked in at compile time: `cargo xtask` always builds this program from the checkout that it serves.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one folder below the root").to_owned()
}

/// The workspace of the guest functions.
pub fn guest_functions() -> PathBuf {
    root().join("guest-functions")
}

/// The target folder of the root workspace.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Reads the packages of a cargo workspace without touching its dependencies.
///
/// # Errors
/// When cargo cannot read a manifest, or prints something that is not its documented format.
pub fn metadata(workspace: &Path) -> anyhow::Result<serde_json::Value> {
    let mut command = crate::process::cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(workspace.join("Cargo.toml"));
    let text = crate::process::output(&mut command)?;
    serde_json::from_str(&text).with_context(|| format!("cannot read cargo's metadata of {}", workspace.display()))
}

/// The path below the root, for messages; the whole path when it lies elsewhere.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
