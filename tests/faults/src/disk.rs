//! A small disk of its own for the data, so that it can be filled.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Room for the data of a run and its write-ahead log, and quickly filled.
const SIZE: &str = "size=192m";

/// A file system in memory, mounted until the value ends.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one over `folder`; `None` if this process may not.
    pub fn mount(folder: &Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", SIZE, "longhaul-faults"]).arg(folder);
        succeeds(&mut command).then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            keep(&self.0);
        }
        // Lazily: a failing run may leave a host behind for a moment.
        succeeds(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

/// Copies what is on the disk beside it, where it outlives the disk.
fn keep(disk: &Path) {
    let kept = disk.with_extension("kept");
    if let Err(error) = std::fs::create_dir_all(&kept) {
        return eprintln!("cannot keep the data in {}: {error}", kept.display());
    }
    let files = disk.read_dir().into_iter().flatten().flatten().filter(|entry| entry.path().is_file());
    for entry in files {
        if let Err(error) = std::fs::copy(entry.path(), kept.join(entry.file_name())) {
            eprintln!("cannot keep {}: {error}", entry.path().display());
        }
    }
}

/// Whether strace is installed and may attach to other processes, tried on a process of its own.
pub fn strace_works() -> bool {
    let Ok(mut sleeper) = Command::new("sleep").arg("5").spawn() else { return false };
    let mut strace = Command::new("timeout");
    // Ended by `timeout` after it has attached; it fails at once where it may not attach.
    strace.args(["--preserve-status", "-s", "INT", "0.3", "strace", "-qq", "-o", "/dev/null", "-p", &sleeper.id().to_string()]);
    let output = strace.stdout(Stdio::null()).output();
    let _ = sleeper.kill();
    let _ = sleeper.wait();
    output.is_ok_and(|output| !String::from_utf8_lossy(&output.stderr).contains("not permitted") && output.status.code() != Some(127))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
