//! The `longhaul` program.

use std::process::ExitCode;

use clap::Parser;
use longhaul::cli::{Cli, Command};
use tracing_subscriber::EnvFilter;

/// Guests, records and answers are many short-lived allocations on several threads; the system's allocator took a fifth of the host's
/// processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is in the log unless this variable says otherwise: `info` and worse.
const LOG_VARIABLE: &str = "LONGHAUL_LOG";

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = start_log().and_then(|()| run(cli));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("longhaul: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(args) => longhaul::serve::run(*args).await,
        Command::Deploy(args) => longhaul::deploy::run(args).await,
        Command::Keys(args) => longhaul::keys_command::run(args).await,
        Command::Timers(args) => longhaul::timers::command::run(args).await,
        Command::ClientBinding(args) => longhaul::client_binding::run(args).await,
    }
}

fn start_log() -> anyhow::Result<()> {
    let text = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| "info".into());
    let filter = EnvFilter::try_new(&text).map_err(|error| anyhow::anyhow!("{LOG_VARIABLE}={text} cannot be understood: {error}"))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    Ok(())
}
