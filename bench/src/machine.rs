//! Where and of what the figures were taken.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::setup::root;

/// The machine, the disk and the revision. A fact that cannot be found out is "unknown"; nothing here fails a run.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// Threads that can run at a time.
    pub cores: usize,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// Kernel and its version.
    pub kernel: String,
    /// File system that the databases were on.
    pub file_system: String,
    /// Its device.
    pub device: String,
    /// Load average of the last minute when the run began: much above 0 means that the machine was busy with something else.
    pub load_before: String,
    /// The checkout's revision; with `+` if files differ from it.
    pub revision: String,
    /// When the run began, UTC.
    pub date: String,
}

impl Machine {
    /// Looks at the machine, for databases in the folder `data`.
    pub fn look(data: &Path) -> Self {
        let (device, file_system) = mount(data).unwrap_or_else(|| (unknown(), unknown()));
        let load = read("/proc/loadavg").and_then(|text| text.split(' ').next().map(str::to_owned));
        Self {
            processor: read("/proc/cpuinfo").and_then(|text| value(&text, "model name")).unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: read("/proc/meminfo").and_then(|text| kib(&value(&text, "MemTotal")?)).unwrap_or_default() / 1024,
            kernel: said("uname", &["-sr"]).unwrap_or_else(unknown),
            file_system,
            device,
            load_before: load.unwrap_or_else(unknown),
            revision: revision(),
            date: said("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]).unwrap_or_else(unknown),
        }
    }

    /// One line for people.
    pub fn to_line(&self) -> String {
        let Self { processor, cores, memory_mib, kernel, file_system, device, load_before, revision, date } = self;
        format!(
            "{processor}, {cores} cores, {} GiB, {kernel}, {file_system} on {device}; load {load_before} before; revision {revision}, {date}",
            (memory_mib + 512) / 1024
        )
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The value of a line `name : value`.
fn value(text: &str, name: &str) -> Option<String> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

fn kib(value: &str) -> Option<u64> {
    value.strip_suffix("kB")?.trim().parse().ok()
}

/// Device and type of the file system that a folder is on.
fn mount(folder: &Path) -> Option<(String, String)> {
    let folder = folder.canonicalize().ok()?;
    let mounts = read("/proc/mounts")?;
    let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).filter(|fields| fields.len() > 2);
    // Of the mount points above the folder the longest is the one; of two at the same place, the later covers the earlier.
    let best = fields.filter(|fields| folder.starts_with(fields[1])).max_by_key(|fields| fields[1].len())?;
    Some((best[0].to_owned(), best[2].to_owned()))
}

fn revision() -> String {
    let Some(revision) = said("git", &["rev-parse", "--short", "HEAD"]) else { return unknown() };
    match said("git", &["status", "--porcelain"]) {
        Some(changes) if changes.is_empty() => revision,
        Some(_) | None => revision + "+",
    }
}

/// What a program prints, if it can run and succeeds.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(root()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
