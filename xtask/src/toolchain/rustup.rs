//! The rustup route: the toolchain in use, with its own `wasm32-unknown-unknown`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{TARGET, environment};
use crate::process;
use crate::progress::note;

/// A download of some 20 MB. Rustup by itself would retry for minutes on a machine that has no network.
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(180);

/// Whether the compiler in use has the target's standard library.
pub fn is_complete() -> bool {
    let folder = process::probe(rustc().args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_some_and(|folder| holds_standard_library(Path::new(&folder)))
}

/// Asks rustup for the target.
///
/// # Errors
/// When there is no rustup, or it cannot fetch the target within the limit.
pub fn install() -> anyhow::Result<()> {
    if process::find_program("rustup").is_none() {
        anyhow::bail!("there is no rustup on the search path");
    }
    note(&format!("installing: rustup target add {TARGET} (at most {} s)", DOWNLOAD_LIMIT.as_secs()));
    let mut command = Command::new("rustup");
    // One attempt is enough to learn that there is no network; the other route is waiting.
    command.args(["target", "add", TARGET]).env("RUSTUP_MAX_RETRIES", "0");
    process::run_within(&mut command, DOWNLOAD_LIMIT)?;
    anyhow::ensure!(is_complete(), "rustup reports success, but the compiler in use has no {TARGET}");
    Ok(())
}

/// Adds a component such as `clippy` unless cargo already finds it.
///
/// # Errors
/// When it is missing and rustup cannot add it.
pub fn ensure_component(name: &str) -> anyhow::Result<()> {
    let subcommand = name.trim_start_matches("rust");
    if process::probe(process::cargo().args([subcommand, "--version"])).is_some() {
        return Ok(());
    }
    note(&format!("installing: rustup component add {name}"));
    process::run_within(Command::new("rustup").args(["component", "add", name]), DOWNLOAD_LIMIT)
}

/// A release build for the target.
pub fn build() -> Command {
    let mut command = process::cargo();
    environment::forget_host_build(&mut command);
    command.args(["build", "--release", "--target", TARGET]);
    command
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Rustc names the folder whether or not it exists, so its content decides.
fn holds_standard_library(folder: &Path) -> bool {
    let Ok(entries) = folder.read_dir() else { return false };
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("libstd-")))
}
