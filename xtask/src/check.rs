//! `cargo xtask test`: everything CI runs, in one order, stopping at the first failure.

mod dependencies;
mod steps;

use std::time::Instant;

use clap::Args;

use crate::guests::{self, GuestsArguments};
use crate::progress::{headline, seconds, step};
use crate::toolchain::{self, SetupArguments};

/// Runs everything that CI runs, stopping at the first failure.
///
/// In order: set-up, formatting, guest components, clippy with warnings denied, what deny.toml says of dependencies, documentation
/// with warnings denied, the unit tests of SDK and guests (compiled natively), and all tests of the host side, the end-to-end tests
/// and the house rules of tests/tidy among them.
#[derive(Args)]
pub struct TestArguments {
    /// Leave out dependencies, documentation, and the workspaces of SDK and guests; the host side is checked in full
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    setup: SetupArguments,
}

/// Runs `cargo xtask test`.
pub fn run(arguments: &TestArguments) -> anyhow::Result<()> {
    let began = Instant::now();
    toolchain::setup(&arguments.setup)?;
    toolchain::ensure_components(&["rustfmt", "clippy"])?;
    step("Formatting", steps::format)?;
    // Before the tests, which deploy them.
    guests::build(&GuestsArguments::for_all(arguments.setup.route))?;
    step("Clippy: host side", steps::clippy_host)?;
    if !arguments.quick {
        step("Dependencies: licences, sources, bans", dependencies::check)?;
        step("Clippy: SDK and guests", steps::clippy_guests)?;
        step("Documentation", steps::document)?;
        step("Tests: SDK and guests, natively", steps::test_guests)?;
    }
    // Last, so that a log ends with the summaries of the tests that matter most.
    step("Building the programs that the tests start", steps::build_host)?;
    step("Tests: host side", steps::test_host)?;
    headline(&format!("Everything passed in {}", seconds(began.elapsed())));
    Ok(())
}
