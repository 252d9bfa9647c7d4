//! The host under siege: default settings, keys asked for, a memory control group around it, and a log that nothing reads.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::{Apps, compiled_cache, longhaul_command};
use tempfile::TempDir;
use tokio::time::Instant;

const READY: &str = "Longhaul listens on http://";
/// What the control group leaves the host.
const GROUP_BYTES: u64 = 2 << 30;
/// Longest time from SIGTERM to the end. A guest that computes gives way to whatever else the machine does, and the host waits for its call.
const STOP_LIMIT: Duration = Duration::from_secs(300);
/// How much of a long log is shown.
const SHOWN_BYTES: usize = 4_096;

pub(super) struct Besieged {
    child: Child,
    /// Nothing reads it until the end.
    log: Option<ChildStderr>,
    address: SocketAddr,
    key: String,
    group: Option<Group>,
    _data: TempDir,
}

impl Besieged {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let app = Apps::test_guests().with_manifest(|manifest| {
            let client = "component = \"components/misbehaving_client.wasm\"";
            manifest.replace(client, &format!("{client}\nauth = \"anonymous\""))
        });
        let group = Group::new();
        let mut command = command_within(group.as_ref());
        let data = folder.path().join("data");
        command.args(["serve", "--listen=127.0.0.1:0", "--rpc-port=off", "--auth=keys", "--compiled-cache"]).arg(compiled_cache());
        command.arg("--data").arg(&data).arg("--app").arg(app.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().context("its output is piped")?);
        let log = child.stderr.take();
        let mut host = Self { child, log, address: ([127, 0, 0, 1], 0).into(), key: String::new(), group, _data: folder };
        let (found, address) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in output.lines().map_while(Result::ok) {
                if let Some(rest) = line.strip_prefix(READY)
                    && let Some(found) = found.take()
                {
                    // The siege waits for it, unless it has been given up.
                    let _ = found.send(rest.to_owned());
                }
            }
        });
        let Ok(address) = address.await else {
            anyhow::bail!("the host ended before it listened:\n{}", host.read_log().join().unwrap_or_default());
        };
        host.address = address.parse().context("the host says where it listens")?;
        host.key = std::fs::read_to_string(data.join("admin-key")).context("the first start makes a key")?.trim().to_owned();
        Ok(host)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The admin's key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// What is around the host.
    pub(super) fn group(&self) -> String {
        match &self.group {
            Some(group) => format!("a memory control group of {} MiB ({})", GROUP_BYTES >> 20, group.folder.display()),
            None => "no memory control group can be made here: resident memory alone is watched".into(),
        }
    }

    /// How it ended, if it did.
    pub(super) fn exit(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to stop, while something reads the log again. Returns what was wrong with that, or with what the log says, and how long it took.
    pub(super) async fn stop(mut self) -> anyhow::Result<(Option<String>, Duration)> {
        let begun = Instant::now();
        let reader = self.read_log();
        // Fails only if it has ended already.
        let _ = Command::new("kill").args(["-TERM", &self.process_id().to_string()]).stderr(Stdio::null()).status()?;
        while self.exit()?.is_none() && begun.elapsed() < STOP_LIMIT {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let (exit, took) = (self.exit()?, begun.elapsed());
        self.child.kill()?;
        self.child.wait()?;
        let log = reader.join().unwrap_or_default();
        if log.contains("panicked at host") || log.contains("panicked at 'host") {
            return Ok((Some(format!("the host panicked:\n{}", end_of(&log))), took));
        }
        let wrong = match exit {
            Some(exit) if exit.success() => None,
            Some(exit) => Some(format!("the host ended with {exit}:\n{}", end_of(&log))),
            None => Some(format!("the host still ran {STOP_LIMIT:?} after it was asked to stop:\n{}", end_of(&log))),
        };
        Ok((wrong, took))
    }

    /// Reads the log to the end of the host.
    fn read_log(&mut self) -> std::thread::JoinHandle<String> {
        let log = self.log.take();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What cannot be read is not shown.
            let _ = log.map(|mut log| log.read_to_end(&mut bytes));
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }
}

impl Drop for Besieged {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn end_of(log: &str) -> &str {
    let start = log.char_indices().map(|(at, _)| at).find(|at| log.len() - at <= SHOWN_BYTES).unwrap_or(0);
    &log[start..]
}

/// The program, which a shell puts into the group first: the host's defaults follow from the memory that it finds at its start.
fn command_within(group: Option<&Group>) -> Command {
    let program = longhaul_command();
    let Some(group) = group else { return program };
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(group.folder.join("cgroup.procs")).arg(program.get_program());
    command
}

/// A control group that ends what takes more memory than it may.
struct Group {
    folder: PathBuf,
}

impl Group {
    /// `None` where none can be made.
    fn new() -> Option<Self> {
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        versions.into_iter().find_map(|(mount, file)| Self::below(Path::new(mount), file).ok())
    }

    fn below(mount: &Path, file: &str) -> anyhow::Result<Self> {
        let folder = mount.join(format!("longhaul-siege-{}", std::process::id()));
        std::fs::create_dir(&folder)?;
        let group = Self { folder };
        // Where this is no such mount there is no such file: it is not made.
        ensure!(group.folder.join(file).exists(), "no limit can be set");
        std::fs::write(group.folder.join(file), GROUP_BYTES.to_string())?;
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel counts a process that was ended a moment longer. What stays behind is an empty folder.
        for _ in 0..50 {
            if std::fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
