//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use longhaul_wasm::CompileJob;

use crate::config::ServeOptions;

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
    /// Show the keys that let callers in, or make, rotate and revoke them.
    Keys(KeysArgs),
    /// Show the timers of the app that a host runs, or operate one of them.
    Timers(TimersArgs),
    /// Compile a component from standard input. The host starts itself with it, so that what it compiles cannot take its memory and time.
    #[command(name = COMPILE_COMMAND, hide = true)]
    CompileComponent(CompileArgs),
}

/// What the host starts itself with to have a component compiled.
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

/// What `longhaul serve` takes.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Read settings from this TOML file. Its keys are the long options below without their dashes, as in
    /// `max-body-bytes = 1000000`; an option on the command line goes before the file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings.
    #[command(flatten)]
    pub options: ServeOptions,
}

/// Which host a command talks to, and how it is let in.
#[derive(Clone, Debug, Args)]
pub struct HostArgs {
    /// Where the host is
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7071", global = true)]
    pub host: String,
    /// File in PEM with certificate authorities of your own, which a host with an https address may have its certificate from besides the
    /// system's
    #[arg(long, value_name = "FILE", env = "LONGHAUL_CA_FILE", global = true)]
    pub ca_file: Option<PathBuf>,
    /// File with the key to show to the host. Without one, the variable LONGHAUL_KEY is used, or the key that the host keeps in its data
    /// folder if --data names the folder of the host that is asked
    #[arg(long, value_name = "FILE", global = true)]
    pub key_file: Option<PathBuf>,
    /// The data folder of a host on this machine
    #[arg(long, value_name = "DIR", default_value = crate::config::DEFAULT_DATA, env = "LONGHAUL_DATA", global = true)]
    pub data: PathBuf,
}

/// What `longhaul keys` takes.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
    /// Work on the data folder itself, while no host runs on it
    #[arg(long, global = true)]
    pub offline: bool,
    /// What to do; `list` if nothing is said
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
}

/// What can be done with keys. A scope is `admin` (everything), `system` (the management routes), `functions` (all client functions), or
/// `function:NAME` (one of them).
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Show all keys by scope and name, without the keys themselves.
    List,
    /// Make a key and print it. It cannot be shown again.
    Add(KeyArgs),
    /// Make a key anew and print it; the old one is worthless at once. `links secret` makes all addresses worthless that were handed
    /// out, `system client-binding` the key in the client binding.
    Rotate(KeyArgs),
    /// Make a key worthless, at once.
    Revoke(KeyArgs),
}

/// Which key.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// admin, system, functions, or function:NAME
    pub scope: String,
    /// Its name within the scope
    pub name: String,
}

/// What `longhaul timers` takes.
#[derive(Debug, Args)]
pub struct TimersArgs {
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
    /// Show this many due times to come of each timer, 1 to 100, in UTC and as clocks in its zone show them, and what changes of the
    /// clock do to them. Of a paused timer it shows the times that it would have
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100), global = true)]
    pub next: Option<u32>,
    /// What to do; `list` if nothing is said
    #[command(subcommand)]
    pub command: Option<TimersCommand>,
}

/// What can be done with timers.
#[derive(Debug, Subcommand)]
pub enum TimersCommand {
    /// Show all timers: when each is due next, and what it started last.
    List,
    /// Hold a timer: its times pass until it is resumed, whatever is deployed meanwhile.
    Pause {
        /// Its name
        name: String,
    },
    /// Let a timer go on with its next time; what passed meanwhile is not made up for.
    Resume {
        /// Its name
        name: String,
    },
    /// Start what the timer starts, now and besides its schedule.
    Run {
        /// Its name
        name: String,
    },
}

/// What `longhaul deploy` takes.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// The app's folder: longhaul.toml and the components that it names
    #[arg(value_name = "DIR")]
    pub app: PathBuf,
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
    /// Give a setting of the manifest another value; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Let the app's activities and clients reach one more host; can be repeated
    #[arg(long, value_name = "URL")]
    pub allow_host: Vec<String>,
}

/// What `longhaul client-binding` takes.
#[derive(Debug, Args)]
pub struct ClientBindingArgs {
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a setting is written NAME=VALUE")?;
    if name.is_empty() {
        return Err("a setting needs a name before its '='".into());
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_setting_keeps_every_equals_sign_but_the_first() {
        assert_eq!(setting("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(setting("A").is_err() && setting("=b").is_err());
    }
}
