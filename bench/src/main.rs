//! Measured workloads against the real host, and beside each the bare floor: the same rows written by group commit alone.
//!
//! The host runs as a process of its own, built in release, and is reached over HTTP as a client would; this process is only the load.
//! Each workload is one file in [`workloads`] and gives a list of [`report::Figure`]s. A figure's ratio says how many times the floor's
//! cost it is: 1 would be a host that costs nothing beside its durable writes. Nothing here asserts a time; a wrong answer ends the run.
//!
//! - [`arguments`], [`setup`]: what to run, and the host binary that it runs on.
//! - [`host`], [`process`]: the host as a child process, and what the kernel knows about it.
//! - [`client`], [`load`], [`statistics`]: connections, closed loops over them, and what the loops took.
//! - [`floor`]: the same rows through the store alone.
//! - [`machine`], [`report`]: where it was measured, and how it is shown.

mod arguments;
mod client;
mod floor;
mod host;
mod load;
mod machine;
mod process;
mod report;
mod setup;
mod statistics;
mod workloads;

use std::time::Instant;

use anyhow::{Context, bail};
use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use arguments::Arguments;
use machine::Machine;
use report::{Measured, Report};
use setup::Setup;
use workloads::{ALL, Workload};

// One thread: the load must not take more of the machine from the host than it needs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        ALL.iter().for_each(|workload| println!("{:6} {}", workload.id, workload.about));
        return Ok(());
    }
    let chosen = choose(&arguments.only)?;
    raise_file_limit()?;
    let setup = Setup::prepare(&arguments).await?;
    let machine = Machine::look(&setup.data);
    let begun = Instant::now();
    let mut workloads = Vec::new();
    for workload in chosen {
        eprintln!("{}: {}", workload.id, workload.about);
        let since = Instant::now();
        let measured = (workload.run)(&setup).await;
        let figures = measured.with_context(|| format!("workload `{}` failed; the host's log is {}", workload.id, setup.log.display()))?;
        workloads.push(Measured { id: workload.id, took_seconds: since.elapsed().as_secs_f64(), figures });
    }
    let report = Report { machine, quick: arguments.quick, scale: arguments.scale, took_seconds: begun.elapsed().as_secs_f64(), workloads };
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&report.to_json())? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    println!("{}", if arguments.markdown { report.to_markdown() } else { report.to_text() });
    Ok(())
}

/// A thousand clients need more files than many systems allow at first. The host inherits the limit.
fn raise_file_limit() -> anyhow::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read the limit of open files")?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("cannot raise the limit of open files")
}

/// The workloads of these ids, in any case, in the order of the list; all of them if none is given.
fn choose(names: &[String]) -> anyhow::Result<Vec<&'static Workload>> {
    let is_asked_for = |workload: &Workload, name: &String| workload.id.eq_ignore_ascii_case(name);
    if let Some(unknown) = names.iter().find(|name| !ALL.iter().any(|workload| is_asked_for(workload, name))) {
        let known: Vec<_> = ALL.iter().map(|workload| workload.id).collect();
        bail!("there is no workload `{unknown}`; there are {}", known.join(", "));
    }
    Ok(ALL.iter().filter(|workload| names.is_empty() || names.iter().any(|name| is_asked_for(workload, name))).collect())
}
