//! What may come into a build: `deny.toml`, checked by cargo-deny on every workspace.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::progress::note;
use crate::{process, workspace};

/// The version that is installed where none is found: the file's format changes with it.
const VERSION: &str = "0.20.2";
/// What is checked. Advisories are left to people, since their database comes from GitHub and not from the registry.
const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// Checks the dependencies of every workspace.
///
/// # Errors
/// When one breaks a rule, or when cargo-deny is neither there nor can be installed.
pub fn check() -> anyhow::Result<()> {
    let program = find_or_install()?;
    let root = workspace::root();
    for folder in ["", "sdk/rust", "guest-functions", "tests/fuzz/libfuzzer"] {
        let mut command = Command::new(&program);
        command.arg("--config").arg(root.join("deny.toml")).arg("--manifest-path").arg(root.join(folder).join("Cargo.toml"));
        process::run(command.arg("check").args(CHECKS))?;
    }
    Ok(())
}

/// A cargo-deny on the search path, or one of our own below the target folder, built once.
fn find_or_install() -> anyhow::Result<PathBuf> {
    if let Some(program) = process::find_program("cargo-deny") {
        return Ok(program);
    }
    let tools = workspace::target().join("tools");
    let program = tools.join("bin/cargo-deny");
    let installed = process::probe(Command::new(&program).arg("--version"));
    if installed.is_none_or(|text| !text.ends_with(VERSION)) {
        note("there is no cargo-deny: building one, which takes a few minutes and is done once");
        let mut install = process::cargo();
        // Unoptimised it is built in half the time, and what it does here takes a second either way.
        install.args(["install", "--locked", "--debug", "cargo-deny", "--version", VERSION, "--root"]).arg(&tools);
        process::run(&mut install).context("cannot install cargo-deny; with `cargo install --locked cargo-deny` this step finds yours")?;
    }
    Ok(program)
}
