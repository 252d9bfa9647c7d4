//! The `longhaul` program.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use longhaul::cli::{COMPILE_COMMAND, Cli, Command};
use longhaul_wasm::CompileJob;
use tracing_subscriber::EnvFilter;

/// Guests, records and answers are many short-lived allocations on several threads; the system's allocator took a fifth of the host's
/// processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What is in the log unless this variable says otherwise: `info` and worse.
const LOG_VARIABLE: &str = "LONGHAUL_LOG";

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::CompileComponent(args) = cli.command {
        // Before there are other threads, which take memory that the component is not to have.
        return compile(&args.job);
    }
    let done = start_log().and_then(|()| run(cli));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("longhaul: {error:#}");
            ExitCode::FAILURE
        }
    }
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
        Command::Serve(args) => longhaul::serve::run(*args).await,
        Command::Deploy(args) => longhaul::deploy::run(args).await,
        Command::Keys(args) => longhaul::keys_command::run(args).await,
        Command::Timers(args) => longhaul::timers::command::run(args).await,
        Command::ClientBinding(args) => longhaul::client_binding::run(args).await,
        Command::CompileComponent(args) => bail!("{COMPILE_COMMAND} runs by itself: {:?}", args.job),
    }
}

fn compile(job: &CompileJob) -> ExitCode {
    let written = serde_json::to_writer(std::io::stdout().lock(), &job.carry_out());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start_log() -> anyhow::Result<()> {
    let text = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| "info".into());
    let filter = EnvFilter::try_new(&text).map_err(|error| anyhow::anyhow!("{LOG_VARIABLE}={text} cannot be understood: {error}"))?;
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    Ok(())
}
