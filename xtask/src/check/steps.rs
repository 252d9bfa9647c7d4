//! The single steps. All use the default profile and features, so that what one compiles the next finds ready.

use std::path::PathBuf;
use std::process::Command;

use crate::{process, workspace};

/// Workspaces besides the root's: built for WebAssembly in earnest, and natively for checks.
fn guest_workspaces() -> [PathBuf; 2] {
    [workspace::root().join("sdk/rust"), workspace::guest_functions()]
}

/// Checks the format of every workspace.
pub fn format() -> anyhow::Result<()> {
    process::run(&mut host(&["fmt", "--all", "--check"]))?;
    for_each_guest_workspace(&["fmt", "--all", "--check"])
}

/// Lints the root workspace.
pub fn clippy_host() -> anyhow::Result<()> {
    process::run(&mut host(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Lints SDK and guests.
pub fn clippy_guests() -> anyhow::Result<()> {
    for_each_guest_workspace(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

/// Builds the documentation of host side and SDK; a broken link is an error.
pub fn document() -> anyhow::Result<()> {
    process::run(host(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    let sdk = workspace::root().join("sdk/rust");
    process::run(guest(&["doc", "--workspace", "--no-deps"], sdk).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Tests SDK and guests without WebAssembly.
pub fn test_guests() -> anyhow::Result<()> {
    for_each_guest_workspace(&["test", "--workspace"])
}

/// `cargo test` builds the programs of the packages it tests; end-to-end tests live in a package of their own and start the
/// programs of others.
pub fn build_host() -> anyhow::Result<()> {
    process::run(&mut host(&["build", "--workspace", "--bins"]))
}

/// Tests the root workspace.
pub fn test_host() -> anyhow::Result<()> {
    process::run(&mut host(&["test", "--workspace"]))
}

fn for_each_guest_workspace(arguments: &[&str]) -> anyhow::Result<()> {
    guest_workspaces().into_iter().try_for_each(|folder| process::run(&mut guest(arguments, folder)))
}

fn host(arguments: &[&str]) -> Command {
    let mut command = process::cargo();
    command.args(arguments).current_dir(workspace::root());
    command
}

/// A native build of guest code. The target folder is shared by these workspaces, and another one than that of their
/// WebAssembly builds, whose compiler may differ.
fn guest(arguments: &[&str], folder: PathBuf) -> Command {
    let mut command = process::cargo();
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", workspace::target().join("guests-native"));
    command
}
