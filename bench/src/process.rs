//! What the kernel knows about a process: memory, processor time, bytes written to disk.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

/// Length of a tick in `/proc/<pid>/stat`. The kernel's interface fixes it at a hundredth of a second, whatever the kernel itself uses.
const TICK: Duration = Duration::from_millis(10);

/// A process as it stands at one moment.
#[derive(Clone, Copy, Debug)]
pub struct ProcessFacts {
    /// Processor time of all threads since the start, user and kernel.
    pub cpu: Duration,
    /// Bytes that it caused to be sent to a disk.
    pub written_bytes: u64,
    /// Memory in use now, bytes.
    pub resident_bytes: u64,
    /// The most memory it ever used, bytes.
    pub peak_resident_bytes: u64,
}

impl ProcessFacts {
    /// Looks at a process.
    ///
    /// # Errors
    /// When it has ended, or the kernel does not show one of these (it is Linux's `/proc` that is read).
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).with_context(|| format!("cannot read /proc/{process}/{name}"));
        let (stat, io, status) = (read("stat")?, read("io")?, read("status")?);
        Ok(Self {
            cpu: cpu(&stat).with_context(|| format!("unexpected text in /proc/{process}/stat: {stat}"))?,
            written_bytes: field(&io, "write_bytes:").context("no write_bytes in /proc/<pid>/io")?,
            resident_bytes: 1024 * field(&status, "VmRSS:").context("no VmRSS in /proc/<pid>/status")?,
            peak_resident_bytes: 1024 * field(&status, "VmHWM:").context("no VmHWM in /proc/<pid>/status")?,
        })
    }

    /// This process.
    ///
    /// # Errors
    /// As [`ProcessFacts::of`].
    pub fn own() -> anyhow::Result<Self> {
        Self::of(std::process::id())
    }
}

fn cpu(stat: &str) -> Option<Duration> {
    // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let (user, kernel): (u32, u32) = (fields.get(11)?.parse().ok()?, fields.get(12)?.parse().ok()?);
    Some(TICK * (user + kernel))
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 1 2 3 4 30 12 0 0 20 0 1 0 5";
        assert_eq!(cpu(stat), Some(Duration::from_millis(420)));
    }

    #[test]
    fn this_process_uses_memory() {
        let facts = ProcessFacts::own().expect("Linux");
        assert!(facts.resident_bytes > 0 && facts.peak_resident_bytes >= facts.resident_bytes);
    }
}
