//! The program: its command line, and `longhaul serve`, which puts the host together.
//!
//! - [`commands`]: one file for each command. [`settings`]: the settings of `longhaul serve`.
//! - [`client`]: how all commands but `serve` talk to a host.
//! - [`output`]: the log, and what else the process writes.
//! - [`data_folder`], [`address_file`], [`machine`]: where a host keeps its data, where tools find
//!   the host, and how much memory the machine has.

pub mod address_file;
pub mod client;
pub mod commands;
pub mod data_folder;
pub mod machine;
pub mod output;
pub mod settings;

use clap::{Parser, Subcommand};

use commands::client_binding::ClientBindingArgs;
use commands::compile::{COMPILE_COMMAND, CompileArgs};
use commands::deploy::DeployArgs;
use commands::keys::KeysArgs;
use commands::schedules::SchedulesArgs;
use commands::serve::ServeArgs;

/// A self-hosted runtime for durable serverless functions.
#[derive(Debug, Parser)]
#[command(name = "longhaul", version, about, after_help = LOG_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const LOG_HELP: &str = "The log goes to standard error. The environment variable LONGHAUL_LOG chooses what is in it: \
'info' (the default), 'debug', or more finely as in 'warn,guest=info' (guests' lines have the target 'guest').";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the host.
    Serve(Box<ServeArgs>),
    /// Send an app to a host.
    Deploy(DeployArgs),
    /// Print the client binding: the JSON that client libraries of Azure Durable Functions are configured with.
    ClientBinding(ClientBindingArgs),
    /// List the host's API keys, or add, rotate and revoke them.
    Keys(KeysArgs),
    /// List the timers of the app that a host runs, or operate one of them.
    #[command(name = "timers")]
    Schedules(SchedulesArgs),
    /// Compile a component from standard input. The host starts itself with it, so that what it compiles cannot take its memory and time.
    #[command(name = COMPILE_COMMAND, hide = true)]
    CompileComponent(CompileArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
