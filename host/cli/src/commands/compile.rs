//! `longhaul compile-component`: compiles a component in a process of its own. Not for people.

use std::process::ExitCode;

use clap::Args;
use longhaul_wasm::CompileJob;

/// The argument with which the host starts its own program to have a component compiled.
pub const COMPILE_COMMAND: &str = "compile-component";

/// What the hidden command takes.
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// What to do, as JSON
    #[arg(value_parser = compile_job)]
    pub job: CompileJob,
}

fn compile_job(text: &str) -> Result<CompileJob, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Compiles what is on standard input and writes the result to standard output.
///
/// Called before the process has other threads: they would take memory that is meant for the
/// component.
pub fn run(args: &CompileArgs) -> ExitCode {
    let written = serde_json::to_writer(std::io::stdout().lock(), &args.job.carry_out());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
