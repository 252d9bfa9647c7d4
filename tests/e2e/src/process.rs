//! One child process: its output is kept, and it never outlives its test.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::eventually::eventually;

/// How much of a program's error output a failing test shows, bytes.
const SHOWN_BYTES: usize = 16 * 1024;

/// A running program.
pub struct Program {
    name: &'static str,
    child: Child,
    stdout: Arc<Mutex<Vec<String>>>,
    stderr: PathBuf,
}

impl Program {
    /// Starts a program. What it writes to its error output is appended to the file `stderr`.
    pub fn spawn(name: &'static str, mut command: Command, stderr: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(stderr).expect("a file for the program's log");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (pipe, seen) = (child.stdout.take().expect("stdout is piped"), lines.clone());
        // Reads until the program ends, so that the program never blocks on a full pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { name, child, stdout: lines, stderr: stderr.to_owned() }
    }

    /// What the program wrote to its standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it wrote to its error output so far, and what its predecessors on the same file wrote.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn exit(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked for its end")
    }

    /// The rest of the first line of output that begins with `start`.
    ///
    /// # Errors
    /// When the program ended without such a line.
    pub async fn line_after(&mut self, start: &str, limit: Duration) -> Result<String, ExitStatus> {
        let what = format!("{} to write \"{start}…\"", self.name);
        eventually(what, limit, || {
            // Asked first: a line written before the end counts.
            let exit = self.exit();
            let found = self.stdout().iter().find_map(|line| line.strip_prefix(start).map(str::to_owned));
            let look = match (found, exit) {
                (Some(rest), _) => Ok(Ok(rest)),
                (None, Some(exit)) => Ok(Err(exit)),
                (None, None) => Err(format!("{:?}", self.stdout())),
            };
            std::future::ready(look)
        })
        .await
    }

    /// Ends the program without giving it a chance to do anything (SIGKILL), and waits for its end.
    pub fn kill(&mut self) {
        // Fails only if it has ended already.
        let _ = self.child.kill();
        self.child.wait().expect("a killed child ends");
    }

    /// Asks the program to stop (SIGTERM).
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal, such as `STOP`, to the program, which must not have been waited for.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status().expect("the command `kill`");
        assert!(sent.success(), "cannot signal {}", self.name);
    }

    /// Waits for the program's end.
    pub async fn ended(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} to end", self.name);
        eventually(what, limit, || std::future::ready(self.exit().ok_or_else(|| "it still runs".to_owned()))).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.stderr();
            let start = log.char_indices().map(|(at, _)| at).find(|at| log.len() - at <= SHOWN_BYTES).unwrap_or(0);
            eprintln!("---- what {} wrote ----\n{}\n{}\n----", self.name, self.stdout().join("\n"), &log[start..]);
        }
    }
}
