//! Kills the host at a chosen system call, counted over all of its threads.
//!
//! strace counts in each thread by itself, so it would never come to the calls of a thread that writes little. This counts
//! those calls that change something below the data folder, whoever makes them. It is a process of its own, because a process that waits for
//! its child would take away the stops that a tracer in one of its threads waits for.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::sys::ptrace::Options;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What the tracer writes once no call can escape it.
const ATTACHED: &str = "attached";
/// The value of `op` at a stop where a thread enters a system call.
const ENTRY: u8 = 1;
/// Calls that change the file of their first argument.
const ON_FILES: [i64; 8] = [
    libc::SYS_pwrite64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwritev,
    libc::SYS_fdatasync,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
];
/// Calls that change a folder. Whose is not looked at: the host changes hardly any other than its own.
const ON_FOLDERS: [i64; 4] = [libc::SYS_renameat2, libc::SYS_unlinkat, libc::SYS_mkdirat, libc::SYS_linkat];
/// The older forms of the same, which newer machines do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: [i64; 5] = [libc::SYS_rename, libc::SYS_unlink, libc::SYS_mkdir, libc::SYS_link, libc::SYS_renameat];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: [i64; 0] = [];

/// What a tracer saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Calls that were entered, the last one included.
    pub calls: u64,
    /// Whether the process was killed at one.
    pub killed: bool,
}

/// A tracer at work. It ends with the traced process.
pub struct Tracer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Tracer {
    /// Attaches to a process with the program `faults`. It will be killed as it enters its `number`-th call, counted from now on, that changes something in `folder`.
    ///
    /// # Errors
    /// When this process may not trace others.
    pub fn attach(faults: &Path, process: u32, folder: &Path, number: u64) -> anyhow::Result<Self> {
        let mut command = Command::new(faults);
        command.arg("trace").arg(process.to_string()).arg(folder).arg(number.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start the tracer")?;
        let mut lines = BufReader::new(child.stdout.take().context("the tracer has no output")?);
        let mut line = String::new();
        lines.read_line(&mut line).context("cannot read from the tracer")?;
        if line.trim() != ATTACHED {
            bail!("the tracer could not attach to process {process}: {:?}", child.wait());
        }
        Ok(Self { child, lines })
    }

    /// Waits for the end of the traced process.
    ///
    /// # Errors
    /// When the tracer failed.
    pub fn finish(mut self) -> anyhow::Result<Traced> {
        let mut line = String::new();
        self.lines.read_line(&mut line).context("cannot read from the tracer")?;
        let exit = self.child.wait()?;
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [calls, killed] if exit.success() => Ok(Traced { calls: calls.parse()?, killed: killed.parse()? }),
            _ => bail!("the tracer ended with {exit} and said '{line}'"),
        }
    }
}

/// The tracer's process: traces `process` until it ends, and says what it saw.
///
/// # Errors
/// When the process cannot be traced.
pub fn run(process: u32, folder: &Path, number: u64) -> anyhow::Result<()> {
    let process = Pid::from_raw(i32::try_from(process)?);
    seize(process)?;
    let mut output = std::io::stdout();
    writeln!(output, "{ATTACHED}")?;
    output.flush()?;
    let traced = Trace { process, folder: folder.to_owned(), number, seen: Traced { calls: 0, killed: false } }.follow()?;
    writeln!(output, "{} {}", traced.calls, traced.killed)?;
    Ok(())
}

/// Attaches to all threads and stops them. New ones are attached to by the kernel.
fn seize(process: Pid) -> anyhow::Result<()> {
    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    let mut seized = HashSet::new();
    loop {
        let mut new = false;
        for entry in std::fs::read_dir(format!("/proc/{process}/task"))? {
            let thread = Pid::from_raw(entry?.file_name().to_string_lossy().parse()?);
            // A thread that was made by one that is traced already cannot be seized again.
            if seized.insert(thread) && ptrace::seize(thread, options).is_ok() {
                ptrace::interrupt(thread).context("cannot stop a thread")?;
                new = true;
            }
        }
        if !new {
            break;
        }
    }
    Ok(())
}

struct Trace {
    process: Pid,
    folder: PathBuf,
    number: u64,
    seen: Traced,
}

impl Trace {
    fn follow(mut self) -> anyhow::Result<Traced> {
        loop {
            let (thread, signal) = match waitpid(None, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::PtraceSyscall(thread)) => {
                    self.at_call(thread);
                    (thread, None)
                }
                Ok(WaitStatus::PtraceEvent(thread, ..)) => (thread, None),
                Ok(WaitStatus::Stopped(thread, signal)) => (thread, Some(signal)),
                Ok(_) => continue,
                Err(Errno::ECHILD) => return Ok(self.seen),
                Err(Errno::EINTR) => continue,
                Err(error) => bail!("cannot wait for the traced process: {error}"),
            };
            // Fails when the thread has been killed meanwhile.
            let _ = ptrace::syscall(thread, signal);
        }
    }

    fn at_call(&mut self, thread: Pid) {
        if self.seen.killed || ptrace::syscall_info(thread).map(|info| info.op) != Ok(ENTRY) {
            return;
        }
        let Ok((call, first)) = call(thread) else { return };
        let counts = ON_FOLDERS.contains(&call) || OLDER.contains(&call) || ON_FILES.contains(&call) && self.is_ours(first);
        if counts {
            self.seen.calls += 1;
            if self.seen.calls == self.number {
                self.seen.killed = true;
                let _ = kill(self.process, Signal::SIGKILL);
            }
        }
    }

    fn is_ours(&self, descriptor: u64) -> bool {
        let link = std::fs::read_link(format!("/proc/{}/fd/{descriptor}", self.process));
        link.is_ok_and(|path| path.starts_with(&self.folder))
    }
}

/// The number and the first argument of the call that a thread enters.
fn call(thread: Pid) -> nix::Result<(i64, u64)> {
    let registers = ptrace::getregs(thread)?;
    #[cfg(target_arch = "x86_64")]
    return Ok((registers.orig_rax.cast_signed(), registers.rdi));
    #[cfg(target_arch = "aarch64")]
    return Ok((registers.regs[8].cast_signed(), registers.regs[0]));
}
