//! Runs one test in the copy, and tells a test that fails from one that does not compile, does not exist or does not end.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::tree;
use crate::process;

/// Longest run of a test.
const LIMIT: Duration = Duration::from_secs(300);
/// How often a running test is asked whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How a test ended.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Well.
    Passed,
    /// It was run and failed.
    Failed,
    /// No test has the name.
    Absent,
    /// It was still running at the limit.
    Endless,
}

impl fmt::Display for Outcome {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => to.write_str("it passes"),
            Self::Failed => to.write_str("it fails"),
            Self::Absent => to.write_str("there is no such test"),
            Self::Endless => write!(to, "it runs longer than {} s", LIMIT.as_secs()),
        }
    }
}

/// A test program of cargo's.
struct Program {
    file: PathBuf,
    package: PathBuf,
}

/// Builds and runs `cargo test` with these words, the last of which is the test's name. What it prints is kept under `name`.
///
/// # Errors
/// When it does not compile.
pub fn run(test: &str, name: &str) -> anyhow::Result<Outcome> {
    let mut words: Vec<_> = test.split_whitespace().collect();
    let filter = words.pop().context("the test has no name")?;
    let log = tree::folder().join(format!("{name}.log"));
    let programs = build(&words).with_context(|| format!("`cargo test --no-run {}` failed with {name}", words.join(" ")))?;
    let mut outcomes = Vec::new();
    for program in programs {
        outcomes.push(run_program(&program, filter, &log)?);
    }
    Ok(sum(outcomes))
}

/// A program without the test says nothing about it.
fn sum(outcomes: Vec<Outcome>) -> Outcome {
    let worst = |outcome: &Outcome| match outcome {
        Outcome::Absent => 0,
        Outcome::Passed => 1,
        Outcome::Failed => 2,
        Outcome::Endless => 3,
    };
    outcomes.into_iter().max_by_key(worst).unwrap_or(Outcome::Absent)
}

fn build(words: &[&str]) -> anyhow::Result<Vec<Program>> {
    let mut command = process::cargo();
    command.args(["test", "--no-run", "--quiet", "--message-format", "json-render-diagnostics"]).args(words);
    command.current_dir(tree::tree()).env("CARGO_TARGET_DIR", tree::folder().join("build"));
    let text = process::output(&mut command)?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let program = |message: serde_json::Value| {
        let is_test = message["profile"]["test"].as_bool() == Some(true);
        let file = message["executable"].as_str().filter(|_| is_test)?;
        let package = Path::new(message["manifest_path"].as_str()?).parent()?;
        Some(Program { file: file.into(), package: package.to_owned() })
    };
    Ok(messages.filter_map(program).collect())
}

/// Run by itself and not by cargo, so that nothing of it is left when it is killed.
fn run_program(program: &Program, filter: &str, log: &Path) -> anyhow::Result<Outcome> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(&program.file);
    command.arg(filter).current_dir(&program.package).env("CARGO_MANIFEST_DIR", &program.package);
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", process::line(&command)))?;
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            return Ok(Outcome::Endless);
        }
        std::thread::sleep(POLL_INTERVAL);
    };
    let told = String::from_utf8_lossy(&std::fs::read(log)?).into_owned();
    match (status.success(), told.contains("running 0 tests"), told.contains("test result: FAILED")) {
        (true, true, _) => Ok(Outcome::Absent),
        (true, false, _) => Ok(Outcome::Passed),
        (false, _, true) => Ok(Outcome::Failed),
        (false, _, false) => bail!("`{}` ended with {status} and no verdict; see {}", process::line(&command), log.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_the_test_does_not_count() {
        assert_eq!(sum(vec![Outcome::Absent, Outcome::Failed, Outcome::Absent]), Outcome::Failed);
        assert_eq!(sum(vec![Outcome::Passed, Outcome::Absent]), Outcome::Passed);
        assert_eq!(sum(vec![Outcome::Absent]), Outcome::Absent);
    }

    #[test]
    fn one_program_that_fails_is_enough() {
        assert_eq!(sum(vec![Outcome::Passed, Outcome::Failed]), Outcome::Failed);
    }
}
