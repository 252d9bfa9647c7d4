//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Measures the host and, in the same run, the bare floor: the same rows written by group commit alone.
///
/// Builds the host in release, runs it on the sample app `hello-cities` and prints a table. The guests must be built before
/// (`cargo xtask guests`). A whole run takes two to four minutes beside the build; nothing else should run on the machine meanwhile.
#[derive(Parser)]
#[command(name = "bench")]
pub struct Arguments {
    /// Run these workloads only
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Show the workloads and end
    #[arg(long)]
    pub list: bool,
    /// Less of everything: under a minute, with less steady figures
    #[arg(long)]
    pub quick: bool,
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
