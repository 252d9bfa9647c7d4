//! The `longhaul` program.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use longhaul::commands::{self, compile};
use longhaul::output::{self, standard_error, standard_output};
use longhaul::{Cli, Command};

/// Guests, records and answers are many short-lived allocations on several threads; the system's allocator took a fifth of the host's
/// processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Longest wait at the end for what is still to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::CompileComponent(args) = cli.command {
        // Before there are other threads, which take memory that the component is not to have.
        return compile::run(&args);
    }
    let done = output::log::start().and_then(|()| run(cli));
    if let Err(error) = &done {
        standard_error().leave(format!("longhaul: {error:#}\n").as_bytes());
    }
    // The program ends whether or not somebody reads what it says.
    standard_output().flush_within(LAST_WORDS);
    standard_error().flush_within(LAST_WORDS);
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start threads")?;
    let done = runtime.block_on(command(cli));
    // Whatever matters has been waited for; a component that is still being compiled does not.
    runtime.shutdown_background();
    done
}

async fn command(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(args) => commands::serve::run(*args).await,
        Command::Deploy(args) => commands::deploy::run(args).await,
        Command::Keys(args) => commands::keys::run(args).await,
        Command::Schedules(args) => commands::schedules::run(args).await,
        Command::ClientBinding(args) => commands::client_binding::run(args).await,
        Command::CompileComponent(args) => bail!("{} runs by itself: {:?}", compile::COMPILE_COMMAND, args.job),
    }
}
