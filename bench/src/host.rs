//! The host as a child process.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::process::ProcessFacts;
use crate::setup::Setup;

/// Longest time until the host listens. Guests are compiled at the first start.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Longest time until the host has stopped.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// The database's file in the host's data folder.
const DATABASE: &str = "longhaul.db";
/// Lines of the host's log that an error message shows.
const LOG_LINES: usize = 20;

/// A running host; killed when dropped.
pub struct Host {
    child: Child,
    /// When the process was started.
    pub spawned: Instant,
    /// From there until it listened.
    pub ready_after: Duration,
    /// Where it listens.
    pub address: SocketAddr,
    log: PathBuf,
}

impl Host {
    /// Starts the host with the workloads' app on a data folder and waits until it listens.
    ///
    /// # Errors
    /// When it ends instead, or does not listen within two minutes; the text holds the end of its log.
    pub async fn start(setup: &Setup, data: &Path) -> anyhow::Result<Self> {
        Self::start_with(setup, data, Some(&setup.app)).await
    }

    /// The same with another app, or none.
    ///
    /// # Errors
    /// As [`Host::start`].
    pub async fn start_with(setup: &Setup, data: &Path, app: Option<&Path>) -> anyhow::Result<Self> {
        let log = setup.log.clone();
        let stderr = File::options().append(true).open(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(&setup.host);
        command.args(["serve", "--listen", "127.0.0.1:0", "--rpc-port=off", "--data"]).arg(data);
        if let Some(app) = app {
            command.arg("--app").arg(app);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let spawned = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", setup.host.display()))?;
        let stdout = child.stdout.take().context("the host's output is not captured")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = tokio::time::timeout(READY_LIMIT, first_address(&mut lines)).await;
        let ready_after = spawned.elapsed();
        let address =
            address.map_err(|_| anyhow!("the host did not listen within {} s", READY_LIMIT.as_secs())).and_then(|address| address);
        let address = address.with_context(|| tail(&log))?;
        // Read to its end, so that the host never waits for room in the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, spawned, ready_after, address, log })
    }

    /// What the kernel knows about it.
    ///
    /// # Errors
    /// When it has ended.
    pub fn facts(&self) -> anyhow::Result<ProcessFacts> {
        ProcessFacts::of(self.process()?).with_context(|| tail(&self.log))
    }

    /// Stops it with SIGTERM and returns how long that took.
    ///
    /// # Errors
    /// When it does not end within a minute, or ends with anything but 0.
    pub async fn stop(mut self) -> anyhow::Result<Duration> {
        let process = Pid::from_raw(i32::try_from(self.process()?)?);
        let begun = Instant::now();
        kill(process, Signal::SIGTERM).context("cannot send SIGTERM to the host")?;
        let status = tokio::time::timeout(STOP_LIMIT, self.child.wait()).await;
        let status = status.with_context(|| format!("the host did not stop within {} s", STOP_LIMIT.as_secs()))??;
        ensure!(status.success(), "the host ended with {status}; {}", tail(&self.log));
        Ok(begun.elapsed())
    }

    /// Ends it with SIGKILL, as a crash would.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn crash(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("cannot kill the host")
    }

    fn process(&self) -> anyhow::Result<u32> {
        self.child.id().with_context(|| format!("the host has ended; {}", tail(&self.log)))
    }
}

/// The database of a data folder.
pub fn database(data: &Path) -> PathBuf {
    data.join(DATABASE)
}

/// Size of a stopped host's database in bytes.
///
/// # Errors
/// When there is none.
pub fn database_bytes(data: &Path) -> anyhow::Result<u64> {
    let path = database(data);
    Ok(path.metadata().with_context(|| format!("cannot see the database {}", path.display()))?.len())
}

async fn first_address(lines: &mut Lines<BufReader<ChildStdout>>) -> anyhow::Result<SocketAddr> {
    while let Some(line) = lines.next_line().await.context("cannot read the host's output")? {
        if let Some((_, address)) = line.split_once("listens on http://") {
            return address.trim().trim_end_matches('/').parse().with_context(|| format!("the host says '{line}'"));
        }
    }
    bail!("the host ended before it listened; if components are missing, run `cargo xtask guests`")
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!("the end of the host's log:\n{}", lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"))
}
