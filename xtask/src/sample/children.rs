//! The programs that the sample runs: started, watched, and always stopped.
//!
//! They share the terminal's process group, so Ctrl-C reaches them without our help. Whatever else ends the sample (a signal sent
//! to this program alone, an error, one of them dying) must end them too, which is why dropping [`Children`] stops them.

use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::progress::note;

/// How often programs are asked whether they still run.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// After Ctrl-C, programs have the signal already; one that has not ended by then is told again.
const INTERRUPT_GRACE: Duration = Duration::from_secs(5);

/// A program that was told to stop and has not is killed after this; the host loses nothing by it.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Running programs, stopped when dropped.
pub struct Children {
    running: Vec<(&'static str, Child)>,
    signals: Receiver<i32>,
    grace: Duration,
}

impl Children {
    /// Prepares to watch programs. From now on Ctrl-C no longer ends this process by itself.
    ///
    /// # Errors
    /// When the system does not let this process handle signals.
    pub fn new() -> anyhow::Result<Self> {
        let mut awaited = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot handle signals")?;
        let (sender, signals) = mpsc::channel();
        // The thread ends with the process; nothing depends on it once the receiver is gone.
        std::thread::spawn(move || awaited.forever().try_for_each(|signal| sender.send(signal)));
        Ok(Self { running: Vec::new(), signals, grace: Duration::ZERO })
    }

    /// Starts a program under the name that messages use.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, name: &'static str, mut command: Command) -> anyhow::Result<()> {
        let child = command.spawn().with_context(|| format!("cannot start the {name}, {}", command.get_program().display()))?;
        self.running.push((name, child));
        Ok(())
    }

    /// Waits until `ready` says so.
    ///
    /// # Errors
    /// When the limit passes, a program ends, or the person at the terminal gives up first.
    pub fn wait_until(&mut self, name: &str, limit: Duration, ready: impl Fn() -> bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        while !ready() {
            if let Some(signal) = self.next_signal_or_death()? {
                bail!("stopped by signal {signal} while the {name} was starting");
            }
            if Instant::now() >= deadline {
                bail!("the {name} is not ready after {} s", limit.as_secs());
            }
        }
        Ok(())
    }

    /// Waits for Ctrl-C or another request to end, then stops all programs.
    ///
    /// # Errors
    /// When a program ends by itself; the others are stopped then.
    pub fn run_until_stopped(mut self) -> anyhow::Result<()> {
        while self.next_signal_or_death()?.is_none() {}
        note("stopping");
        Ok(())
    }

    /// Waits for one interval. A program that ended is an error.
    fn next_signal_or_death(&mut self) -> anyhow::Result<Option<i32>> {
        match self.signals.recv_timeout(POLL_INTERVAL) {
            Ok(signal) => {
                // Only Ctrl-C reaches the whole process group.
                self.grace = if signal == SIGINT { INTERRUPT_GRACE } else { Duration::ZERO };
                return Ok(Some(signal));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => bail!("cannot wait for signals"),
        }
        for (name, child) in &mut self.running {
            if let Some(status) = child.try_wait()? {
                bail!("the {name} ended by itself: {}", described(status));
            }
        }
        Ok(None)
    }

    fn all_ended_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            // A program that cannot be asked any more is gone as far as we are concerned.
            self.running.retain_mut(|(_, child)| matches!(child.try_wait(), Ok(None)));
            if self.running.is_empty() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        if self.all_ended_within(self.grace) {
            return;
        }
        for (_, child) in &self.running {
            // It may have ended this moment; the wait below notices either way.
            let _ = kill(pid(child), Signal::SIGTERM);
        }
        if self.all_ended_within(STOP_LIMIT) {
            return;
        }
        for (name, child) in &mut self.running {
            note(&format!("the {name} did not stop within {} s and is killed", STOP_LIMIT.as_secs()));
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("process ids fit an i32 on every system we run on"))
}

fn described(status: ExitStatus) -> String {
    if status.success() { "it reports success".to_owned() } else { status.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Long enough for any machine, short enough to be noticed.
    const LIMIT: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_that_dies_while_it_starts_is_reported_with_its_status() {
        let mut children = Children::new().expect("signals can be handled");
        children.start("host", shell("exit 7")).expect("a shell");
        let error = children.wait_until("host", LIMIT, || false).expect_err("it ended");
        assert!(error.to_string().contains("the host ended by itself: exit status: 7"), "{error}");
    }

    #[test]
    fn when_one_program_dies_the_other_is_stopped() {
        let mut children = Children::new().expect("signals can be handled");
        children.start("host", shell("exec sleep 1000")).expect("a shell");
        let survivor = pid(&children.running[0].1);
        children.start("job API", shell("exit 1")).expect("a shell");
        let error = children.run_until_stopped().expect_err("one ended");
        assert!(error.to_string().contains("the job API ended by itself"), "{error}");
        assert!(kill(survivor, None).is_err(), "the host still runs");
    }

    #[test]
    fn a_program_may_end_gracefully_when_told_to_stop() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (ready, ended) = (folder.path().join("ready"), folder.path().join("ended"));
        let script = format!("trap 'echo > {}; exit 0' TERM; echo > {}; while :; do sleep 0.05; done", ended.display(), ready.display());
        let mut children = Children::new().expect("signals can be handled");
        children.start("host", shell(&script)).expect("a shell");
        children.wait_until("host", LIMIT, || ready.exists()).expect("it starts");
        drop(children);
        assert!(ended.exists());
    }
}
