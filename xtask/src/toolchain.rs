//! The guest toolchain: finds one that is there, or installs one, without the person having to know which.
//!
//! Two routes lead from a guest crate to a core module. Rustup's own `wasm32-unknown-unknown` is the shorter one. Where rustup
//! cannot fetch it, Debian's `rustc-web` builds the standard library from its sources. A route that is already complete is
//! taken before anything is installed.

mod apt;
mod debian;
mod environment;
mod rustup;

use std::path::Path;
use std::process::Command;

use anyhow::bail;
use clap::{Args, ValueEnum};

use crate::process;
use crate::progress::{headline, note};

/// Memory and stack a guest starts with. The allocator begins with that memory (see `guests/initial_memory.rs`), so that a guest which needs
/// less than 1 MiB never grows it; more would make the host look through more for what the guest touched. A small stack below the
/// data keeps a waiting instance small.
const LINK_FLAGS: &str = "-C link-arg=--initial-memory=1048576 -C link-arg=-zstack-size=131072";

/// The only target that both routes share.
const TARGET: &str = "wasm32-unknown-unknown";

/// Makes sure that everything needed to build host and guests is installed.
///
/// Safe to run again: it looks first, installs only what is missing, and says what it does. In order, it looks for
///
/// 1. a C compiler for the host's SQLite (installed as build-essential),
///
/// 2. a guest toolchain that is already complete: the active rustup toolchain with wasm32-unknown-unknown, or Debian's
///    rustc-web with its sources and a wasm linker,
///
/// 3. otherwise `rustup target add wasm32-unknown-unknown`,
///
/// 4. otherwise `apt-get install rustc-web cargo-web rust-web-src lld-19`, as root or through `sudo -n`.
///
/// Where nothing may be installed it prints the commands to type.
#[derive(Args)]
pub struct SetupArguments {
    /// Take this route only, instead of the first that works
    #[arg(long, env = "LONGHAUL_GUEST_ROUTE", value_enum)]
    pub route: Option<RouteName>,
}

/// The name of a route, as people type it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RouteName {
    /// The rustup toolchain in use, with its wasm32-unknown-unknown target
    Rustup,
    /// Debian's packages rustc-web, cargo-web, rust-web-src and a wasm linker
    Debian,
}

/// A complete guest toolchain.
pub enum Route {
    /// The rustup toolchain in use has the target.
    Rustup,
    /// Debian's compiler, with the standard library built from source.
    Debian(debian::Toolchain),
}

impl Route {
    /// Says in one line what will build the guests.
    pub fn describe(&self) -> String {
        match self {
            Route::Rustup => format!("the active rustup toolchain with {TARGET}"),
            Route::Debian(toolchain) => format!("Debian's rustc-web with -Zbuild-std, linked by {}", toolchain.linker().display()),
        }
    }

    /// A `cargo build --release` for the guest target in the workspace given; the caller adds packages and formats.
    pub fn build(&self, workspace: &Path) -> Command {
        let mut command = match self {
            Route::Rustup => rustup::build(),
            Route::Debian(toolchain) => toolchain.build(),
        };
        command.current_dir(workspace).env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", LINK_FLAGS);
        command
    }
}

/// Runs `cargo xtask setup`.
pub fn setup(arguments: &SetupArguments) -> anyhow::Result<()> {
    headline("Checking the toolchain");
    ensure_c_compiler()?;
    let route = ensure(arguments.route)?;
    note(&format!("guests are built by {}", route.describe()));
    Ok(())
}

/// Returns a complete guest toolchain, installing one when there is none.
///
/// # Errors
/// When no route is complete and none can be installed; the message says what to type.
pub fn ensure(wanted: Option<RouteName>) -> anyhow::Result<Route> {
    let allowed = |name| wanted.is_none_or(|wanted| wanted == name);
    if allowed(RouteName::Rustup) && rustup::is_complete() {
        return Ok(Route::Rustup);
    }
    if allowed(RouteName::Debian)
        && let Some(toolchain) = debian::find()
    {
        return Ok(Route::Debian(toolchain));
    }
    let mut reasons = Vec::new();
    if allowed(RouteName::Rustup) {
        match rustup::install() {
            Ok(()) => return Ok(Route::Rustup),
            Err(error) => reasons.push(format!("rustup: {error:#}")),
        }
    }
    if allowed(RouteName::Debian) {
        match debian::install() {
            Ok(toolchain) => return Ok(Route::Debian(toolchain)),
            Err(error) => reasons.push(format!("Debian: {error:#}")),
        }
    }
    bail!(
        "there is no guest toolchain and none could be installed\n  {}\n\nType one of these, then run the command again:\n  \
         rustup target add {TARGET}\n  {}",
        reasons.join("\n  "),
        debian::what_to_type(),
    )
}

/// Makes sure that parts of the rustup toolchain are there; a minimal profile lacks them.
///
/// # Errors
/// When one is missing and rustup cannot add it.
pub fn ensure_components(names: &[&str]) -> anyhow::Result<()> {
    names.iter().try_for_each(|name| rustup::ensure_component(name))
}

/// The host contains SQLite, which is C.
fn ensure_c_compiler() -> anyhow::Result<()> {
    if let Some(compiler) = process::find_program("cc") {
        note(&format!("C compiler: {}", compiler.display()));
        return Ok(());
    }
    note("there is no C compiler, which the host's SQLite needs: installing build-essential");
    apt::install(&["build-essential"])
}
