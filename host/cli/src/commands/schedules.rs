//! `longhaul timers`: shows and operates the timers of a host.

mod list;
mod pause;
mod resume;
mod run;
mod table;

use std::io::Write;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::escaped;
use crate::client::{Client, HostArgs};

/// What `longhaul timers` takes.
#[derive(Debug, Args)]
pub struct SchedulesArgs {
    /// The host.
    #[command(flatten)]
    pub host: HostArgs,
    /// Show this many due times to come of each timer, 1 to 100, in UTC and as clocks in its zone show them, and what changes of the
    /// clock do to them. Of a paused timer it shows the times that it would have
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100), global = true)]
    pub next: Option<u32>,
    /// What to do; `list` if nothing is said
    #[command(subcommand)]
    pub command: Option<SchedulesCommand>,
}

/// What can be done with timers.
#[derive(Debug, Subcommand)]
pub enum SchedulesCommand {
    /// Show all timers: when each is due next, and what it started last.
    List,
    /// Pause a timer: it skips its scheduled times until resumed, even across deployments.
    Pause {
        /// Its name
        name: String,
    },
    /// Resume a paused timer with its next scheduled time; the skipped times are not made up for.
    Resume {
        /// Its name
        name: String,
    },
    /// Start the timer's orchestration now, in addition to its schedule.
    Run {
        /// Its name
        name: String,
    },
}

/// Asks a host and prints what it says.
///
/// # Errors
/// When the host cannot be reached, is no Longhaul host, or refuses.
pub async fn run(args: SchedulesArgs) -> anyhow::Result<()> {
    let command = args.command.unwrap_or(SchedulesCommand::List);
    let is_list = matches!(command, SchedulesCommand::List);
    ensure!(is_list || args.next.is_none(), "--next is for the list of timers: longhaul timers --next 10");
    let client = Client::new(&args.host)?;
    let text = match command {
        SchedulesCommand::List => list::run(&client, args.next).await,
        SchedulesCommand::Pause { name } => pause::run(&client, &name).await,
        SchedulesCommand::Resume { name } => resume::run(&client, &name).await,
        SchedulesCommand::Run { name } => run::run(&client, &name).await,
    };
    std::io::stdout().write_all(text?.as_bytes()).context("cannot write to standard output")
}

/// Asks a host to do something with one timer, and shows how the timer stands then.
async fn operate(client: &Client, name: &str, operation: &str) -> anyhow::Result<String> {
    let answer = client.ask(Method::POST, &format!("/admin/timers/{}/{operation}", escaped(name))).await?;
    let timer: Value = serde_json::from_slice(&answer)?;
    Ok(table::of(&[timer]))
}
