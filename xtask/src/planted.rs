//! `cargo xtask planted`: shows that deliberate bugs are caught.
//!
//! Each patch of `tests/planted` is a bug and names the test that has to fail with it. It is applied to a copy of the checkout, so that nothing of
//! it can stay behind, and all copies are built in one target folder, so that each costs the crates that it touches.

mod bug;
mod tree;
mod trial;

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::bail;
use clap::Args;

use crate::progress::{headline, note, seconds};
use bug::Bug;
use trial::Outcome;

/// Shows that deliberate bugs are caught by the tests that are there for them.
///
/// Every test is run without any bug first, where it has to pass.
#[derive(Args)]
pub struct PlantedArguments {
    /// Plant only this one; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Name the bugs and their tests, and do nothing
    #[arg(long)]
    list: bool,
}

/// Runs `cargo xtask planted`.
pub fn run(arguments: &PlantedArguments) -> anyhow::Result<()> {
    let bugs = chosen(&arguments.only)?;
    if arguments.list {
        bugs.iter().for_each(|bug| println!("{}\n  {}\n  breaks: {}\n  cargo test {}", bug.name, bug.what, bug.breaks, bug.test));
        return Ok(());
    }
    let began = Instant::now();
    tree::refresh()?;
    headline("Without any bug");
    for test in bugs.iter().map(|bug| &bug.test).collect::<BTreeSet<_>>() {
        match trial::run(test, "without")? {
            Outcome::Passed => note(&format!("passes: cargo test {test}")),
            other => bail!("`cargo test {test}` has to pass before anything is planted: {other}"),
        }
    }
    let missed: Vec<_> = bugs.iter().map(|bug| Ok((bug, plant(bug)?))).collect::<anyhow::Result<Vec<_>>>()?;
    let missed: Vec<_> = missed.into_iter().filter(|(_, caught)| !caught).map(|(bug, _)| bug.name.as_str()).collect();
    if !missed.is_empty() {
        bail!("{} of {} bugs are not caught: {}", missed.len(), bugs.len(), missed.join(", "));
    }
    headline(&format!("All {} bugs are caught, in {}", bugs.len(), seconds(began.elapsed())));
    Ok(())
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<Bug>> {
    let mut bugs = bug::all()?;
    if let Some(unknown) = only.iter().find(|name| !bugs.iter().any(|bug| bug.name == **name)) {
        let known: Vec<_> = bugs.iter().map(|bug| bug.name.as_str()).collect();
        bail!("there is no planted bug '{unknown}'; there are: {}", known.join(", "));
    }
    bugs.retain(|bug| only.is_empty() || only.contains(&bug.name));
    Ok(bugs)
}

/// Plants one bug and takes it out again. Returns whether its test has caught it.
fn plant(bug: &Bug) -> anyhow::Result<bool> {
    headline(&format!("{}: {}", bug.name, bug.what));
    let began = Instant::now();
    tree::apply(&bug.patch)?;
    let outcome = trial::run(&bug.test, &bug.name);
    // First of all, whatever came of it.
    tree::refresh()?;
    let outcome = outcome?;
    let caught = matches!(outcome, Outcome::Failed);
    let verdict = if caught { "caught" } else { "NOT CAUGHT" };
    note(&format!("{verdict} in {}: cargo test {}: {outcome}", seconds(began.elapsed()), bug.test));
    Ok(caught)
}
