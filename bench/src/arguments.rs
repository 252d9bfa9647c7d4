//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures the host and, in the same run, the bare floor: the same rows written by group commit alone.
///
/// Builds the host in release, runs it on the app in `guest-functions/bench` and prints a table. The guests must be built before
/// (`cargo xtask guests`). A whole run takes about ten minutes beside the build; nothing else should run on the machine meanwhile.
#[derive(Parser)]
#[command(name = "bench")]
pub struct Arguments {
    /// Run these workloads only, such as W1,W2
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show the workloads and end
    #[arg(long)]
    pub list: bool,
    /// Less of everything: under two minutes, with less steady figures
    #[arg(long)]
    pub quick: bool,
    /// Multiply the sizes of a full run: 0.1 for a tenth of all instances, activities and timers
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, conflicts_with = "quick")]
    pub scale: f64,
    /// Write all figures and the machine as JSON to this file
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Print the table as Markdown
    #[arg(long)]
    pub markdown: bool,
    /// Measure this host instead of building one
    #[arg(long, value_name = "PATH")]
    pub host_bin: Option<PathBuf>,
    /// Where the databases are put for the time of the run: on the disk to be measured, not in memory [default: the checkout's folder `target`]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}
