//! `cargo xtask`: everything between a fresh checkout and a running, tested Longhaul.
//!
//! Nothing here needs tokio or wasmtime: this program is the first thing a new machine compiles.

mod check;
mod guests;
mod planted;
mod process;
mod progress;
mod release;
mod sample;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Sets up, builds, runs and tests Longhaul", long_about = LONG_ABOUT)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const LONG_ABOUT: &str = "Sets up, builds, runs and tests Longhaul.

On a fresh machine with Rust from rustup, `cargo xtask sample` is enough: it installs what is missing, builds the host and the \
sample app, and runs them. `cargo xtask test` runs everything that CI runs.";

#[derive(Subcommand)]
enum Command {
    Setup(toolchain::SetupArguments),
    Guests(guests::GuestsArguments),
    Sample(sample::SampleArguments),
    Test(check::TestArguments),
    Release(release::ReleaseArguments),
    Planted(planted::PlantedArguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Setup(arguments) => toolchain::setup(&arguments),
        Command::Guests(arguments) => guests::build(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Test(arguments) => check::run(&arguments),
        Command::Release(arguments) => release::run(&arguments),
        Command::Planted(arguments) => planted::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not by returning it from `main`: with RUST_BACKTRACE set, the cause would drown in this program's own frames.
            progress::headline(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
