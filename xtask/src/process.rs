//! Running other programs: with their output shown, with it captured, or with a deadline.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How the names of the variables begin that describe the package which cargo runs.
const PACKAGE_VARIABLES: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];
/// How often a program with a deadline is asked whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The cargo that runs this program, so that a build uses the same toolchain.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_package(&mut command);
    command
}

/// Removes the variables in which cargo describes the package that it runs. Inherited, they would make
/// build scripts that read them (ring's) run again, and compile everything above them again.
pub fn forget_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| PACKAGE_VARIABLES.iter().any(|start| name.starts_with(start))) {
            command.env_remove(&name);
        }
    }
}

/// Runs a program with its output shown.
///
/// # Errors
/// When it cannot be started or ends with anything but 0; the message holds the command line.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// Runs a program with its errors shown and returns what it printed.
///
/// # Errors
/// As [`run`], and when the output is not UTF-8.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}", line(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed something that is not UTF-8", line(command)))
}

/// A program that runs beside others, whose output is read. Dropping it kills the program.
pub struct Beside {
    child: Child,
    output: Option<JoinHandle<std::io::Result<String>>>,
    line: String,
}

/// Starts a program whose output is wanted later, with its errors shown.
///
/// # Errors
/// When it cannot be started.
pub fn start(command: &mut Command) -> anyhow::Result<Beside> {
    let line = line(command);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start `{line}`"))?;
    let mut pipe = child.stdout.take().context("its output is piped")?;
    // Read all the time: a full pipe would hold the program up.
    let output = std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).map(|_| text)
    });
    Ok(Beside { child, output: Some(output), line })
}

impl Beside {
    /// Waits for the program's end and returns what it printed.
    ///
    /// # Errors
    /// When it ends with anything but 0, and when the output is not UTF-8.
    pub fn output(mut self) -> anyhow::Result<String> {
        let text = self.output.take().and_then(|reader| reader.join().ok()).context("the output was not read")?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("`{}` failed: {status}", self.line);
        }
        text.with_context(|| format!("`{}` printed something that is not UTF-8", self.line))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After `output` it has ended, and both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program silently and returns what it printed, or nothing when it cannot run or fails.
pub fn probe(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Runs a program with its output shown and kills it when it takes longer than `limit`.
///
/// # Errors
/// As [`run`], and when the limit is reached.
pub fn run_within(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let mut child = command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start `{}`", line(command)))?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            if status.success() {
                return Ok(());
            }
            bail!("`{}` failed: {status}", line(command));
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            bail!("`{}` took longer than {} s", line(command), limit.as_secs());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// Finds a program on the search path.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| is_program(candidate))
}

/// Whether the path is a file that may be executed.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The command as a person would type it, for messages.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_outlives_its_limit_is_killed_and_named() {
        let error = run_within(Command::new("sleep").arg("60"), Duration::from_millis(50)).expect_err("the limit is shorter");
        assert!(error.to_string().contains("`sleep 60` took longer"), "{error}");
    }

    #[test]
    fn a_failing_program_is_named_with_its_arguments() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).expect_err("it exits with 3");
        assert!(error.to_string().contains("`sh -c exit 3` failed"), "{error}");
    }

    #[test]
    fn a_program_beside_others_is_read_whole_and_judged_by_its_end() {
        let print = |code: &str| start(Command::new("sh").args(["-c", &format!("head -c 200000 /dev/zero | tr '\\0' x; exit {code}")]));
        assert_eq!(print("0").unwrap().output().unwrap().len(), 200_000, "more than a pipe holds");
        assert!(print("3").unwrap().output().unwrap_err().to_string().contains("exit status: 3"));
    }

    #[test]
    fn a_program_beside_others_ends_when_it_is_dropped() {
        let beside = start(Command::new("sleep").arg("600")).unwrap();
        let process = PathBuf::from(format!("/proc/{}", beside.child.id()));
        assert!(!cfg!(target_os = "linux") || process.exists());
        drop(beside);
        assert!(!process.exists());
    }

    #[test]
    fn a_nested_cargo_knows_nothing_of_the_package_that_runs_it() {
        let removed = |name: &str| cargo().get_envs().any(|(other, value)| other == name && value.is_none());
        for name in ["CARGO_PKG_NAME", "CARGO_PKG_VERSION", "CARGO_MANIFEST_DIR"] {
            assert!(std::env::var_os(name).is_none() || removed(name), "{name}");
        }
        assert!(removed("CARGO_PKG_NAME"), "cargo runs this test");
    }

    #[test]
    fn a_probe_of_a_missing_program_is_nothing() {
        assert_eq!(probe(&mut Command::new("no-such-program-anywhere")), None);
    }
}
