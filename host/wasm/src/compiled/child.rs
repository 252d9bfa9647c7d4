//! Compiles a component in a child process, and ends that process when it takes too much.

use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::Signal;

use super::{CompileError, CompileJob, Outcome, Source};
use crate::config::Config;

/// Most bytes that are kept of what the process writes.
const KEPT_BYTES: u64 = 64 << 10;
/// The last messages of the standard library and of the engine when they get no memory.
const OUT_OF_MEMORY: [&str; 3] = ["memory allocation of", "Cannot allocate memory", "out of memory"];

/// The standard library's message for a stack overflow: something in the component is nested too
/// deep.
const OVERFLOWED: &str = "has overflowed its stack";

/// Compiles in a child process, whose memory and time are bounded.
///
/// The program is started with two words, the second of them a [`CompileJob`] as JSON. It carries
/// the job out with the component that it reads from its standard input, and writes the [`Outcome`]
/// as JSON to its standard output.
#[derive(Clone, Debug)]
pub struct ChildCompiler {
    /// The program.
    pub program: PathBuf,
    /// The first word that it is started with.
    pub command: &'static str,
    /// Most memory for one component, bytes.
    pub memory_bytes: u64,
    /// Longest time for one component, by the clock and in processor time.
    pub deadline: Duration,
}

/// How a process ended, and what it wrote.
struct Ended {
    /// Absent if it was ended for taking too long.
    status: Option<ExitStatus>,
    output: String,
    errors: String,
}

impl ChildCompiler {
    /// Leaves the code in the cache.
    pub(super) fn compile(&self, config: &Config, source: &Source<'_>) -> Result<(), CompileError> {
        let broken = |error: std::io::Error| CompileError::Broken(format!("cannot run the compiler {}: {error}", self.program.display()));
        let job = self.job(config, source).map_err(broken)?;
        let mut command = Command::new(&self.program);
        // The environment may hold secrets of the operator, and the compiler needs nothing of it.
        command.arg0("longhaul").arg(self.command).arg(job).env_clear();
        // An allocator that reserves a gigabyte of address space in advance would hand that out
        // beyond the bound.
        command.env("MIMALLOC_ARENA_RESERVE", "0");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(broken)?;
        self.judge(&attend(child, source.bytes, self.deadline).map_err(broken)?)
    }

    fn job(&self, config: &Config, source: &Source<'_>) -> std::io::Result<String> {
        let folder = config.compiled_cache.clone().unwrap_or_default();
        let job = CompileJob {
            kind: source.kind,
            guest_memory_bytes: source.kind.memory_bytes(&config.limits),
            sha256: source.sha256.to_owned(),
            folder: std::path::absolute(folder)?,
            memory_bytes: self.memory_bytes,
            seconds: self.deadline.as_secs().max(1),
        };
        Ok(serde_json::to_string(&job)?)
    }

    fn judge(&self, ended: &Ended) -> Result<(), CompileError> {
        let too_long = || CompileError::TooCostly(format!("more than {} s (compile-deadline-seconds)", self.deadline.as_secs()));
        let too_much = || CompileError::TooCostly(format!("more than {} bytes of memory (compile-memory-bytes)", self.memory_bytes));
        let ran_out = |text: &str| OUT_OF_MEMORY.iter().any(|words| text.contains(words));
        let Some(status) = ended.status else { return Err(too_long()) };
        match (status.signal(), serde_json::from_str(&ended.output)) {
            (None, Ok(Outcome::Done)) => Ok(()),
            (None, Ok(Outcome::Unusable(text) | Outcome::Broken(text))) if ran_out(&text) => Err(too_much()),
            (None, Ok(Outcome::Unusable(text))) => Err(CompileError::Unusable(text)),
            (None, Ok(Outcome::Broken(text))) => Err(CompileError::Broken(text)),
            (Some(signal), _) if signal == Signal::XCPU.as_raw() => Err(too_long()),
            // The host kills in one case only, which was handled above: here the kernel needed the
            // memory.
            (Some(signal), _) if signal == Signal::KILL.as_raw() => {
                Err(CompileError::TooCostly("more memory than this machine has to spare".into()))
            }
            _ if ran_out(&ended.errors) => Err(too_much()),
            _ if ended.errors.contains(OVERFLOWED) => Err(CompileError::TooCostly("more stack than the compiler has".into())),
            _ => Err(CompileError::Broken(format!("the compiler ended with {status}: {}", ended.errors.trim()))),
        }
    }
}

/// Feeds the process and waits for its end.
fn attend(mut child: Child, bytes: &[u8], deadline: Duration) -> std::io::Result<Ended> {
    let (mut input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (said, hear) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A process that has ended takes no more; its output says why.
            let _ = input.as_mut().map(|input| input.write_all(bytes));
        });
        // It closes its output when it ends, and not before.
        scope.spawn(move || said.send(kept(output)));
        let errors = scope.spawn(move || kept(errors));
        let output = hear.recv_timeout(deadline);
        if output == Err(RecvTimeoutError::Timeout) {
            child.kill()?;
        }
        let status = child.wait()?;
        let errors = errors.join().unwrap_or_default();
        Ok(match output {
            Ok(output) => Ended { status: Some(status), output, errors },
            Err(_) => Ended { status: None, output: String::new(), errors },
        })
    })
}

/// The beginning of what comes out of a pipe. The rest is read and dropped, so that the writer does
/// not block.
fn kept(pipe: Option<impl Read>) -> String {
    let Some(mut pipe) = pipe else { return String::new() };
    let mut bytes = Vec::new();
    // What was read until an error is all that there is.
    let _ = pipe.by_ref().take(KEPT_BYTES).read_to_end(&mut bytes);
    let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the host makes of a compiler that is this script.
    fn verdict_within(deadline: Duration, script: &str) -> String {
        let mut shell = Command::new("sh");
        let child = shell.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ended = attend(child, &[7; 1 << 20], deadline).unwrap();
        let compiler = ChildCompiler { program: "sh".into(), command: "", memory_bytes: 1_000, deadline: Duration::from_secs(9) };
        match compiler.judge(&ended) {
            Ok(()) => "done".into(),
            Err(CompileError::Unusable(text)) => format!("unusable: {text}"),
            Err(CompileError::TooCostly(text)) => format!("too costly: {text}"),
            Err(CompileError::Broken(text)) => format!("broken: {text}"),
        }
    }

    fn verdict(script: &str) -> String {
        verdict_within(Duration::from_secs(60), script)
    }

    #[test]
    fn a_process_says_what_came_of_it() {
        assert_eq!(verdict("cat >/dev/null; echo '\"Done\"'"), "done");
        assert_eq!(verdict(r#"echo '{"Unusable":"bad"}'"#), "unusable: bad");
        assert_eq!(verdict(r#"echo '{"Broken":"disk"}'"#), "broken: disk");
    }

    #[test]
    fn a_process_that_takes_too_much_is_told_from_one_that_fails() {
        assert_eq!(verdict_within(Duration::from_millis(50), "exec sleep 600"), "too costly: more than 9 s (compile-deadline-seconds)");
        assert_eq!(verdict("kill -XCPU $$"), "too costly: more than 9 s (compile-deadline-seconds)");
        let memory = "too costly: more than 1000 bytes of memory (compile-memory-bytes)";
        assert_eq!(verdict("echo memory allocation of 16 bytes failed >&2; kill -ABRT $$"), memory);
        assert_eq!(verdict(r#"echo '{"Broken":"Cannot allocate memory (os error 12)"}'"#), memory);
        assert_eq!(verdict("kill -KILL $$"), "too costly: more memory than this machine has to spare");
        let stack = verdict("echo \"thread 'main' has overflowed its stack\" >&2; kill -ABRT $$");
        assert_eq!(stack, "too costly: more stack than the compiler has");
        let broken = verdict("echo why >&2; exit 3");
        assert!(broken.starts_with("broken: the compiler ended with") && broken.ends_with(": why"), "{broken}");
    }
}
