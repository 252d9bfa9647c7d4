//! What a run stands on: the host binary, the app and a folder on the disk to be measured.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::arguments::Arguments;

/// What every workload is given.
pub struct Setup {
    /// The host, built in release.
    pub host: PathBuf,
    /// The folder of the app that the workloads run.
    pub app: PathBuf,
    /// The folder of the sample app, to be deployed.
    pub sample: PathBuf,
    /// Where databases go.
    pub data: PathBuf,
    /// What the hosts of this run log; kept after it.
    pub log: PathBuf,
    /// Less of everything.
    pub quick: bool,
    /// What the sizes of a full run are multiplied by.
    pub scale: f64,
}

impl Setup {
    /// Builds the host unless one is given, and makes sure that the guests are there.
    ///
    /// # Errors
    /// When the host cannot be built or the guests are missing; the text says what to type.
    pub async fn prepare(arguments: &Arguments) -> anyhow::Result<Self> {
        ensure!(arguments.scale > 0.0 && arguments.scale <= 100.0, "--scale {} is not above 0 and at most 100", arguments.scale);
        let app = built_app("bench")?;
        let sample = built_app("retry-timeout-callback")?;
        let built = match &arguments.host_bin {
            Some(path) => path.clone(),
            None => build_host()?,
        };
        let host = built.canonicalize().with_context(|| format!("cannot find the host at {}", built.display()))?;
        let data = arguments.data_dir.clone().unwrap_or_else(|| root().join("target"));
        std::fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        let log = data.join("bench-host.log");
        File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        Ok(Self { host, app, sample, data, log, quick: arguments.quick, scale: arguments.scale })
    }

    /// A fresh folder for one database, removed when it is dropped.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn folder(&self, purpose: &str) -> anyhow::Result<TempDir> {
        let made = tempfile::Builder::new().prefix(&format!("bench-{purpose}-")).tempdir_in(&self.data);
        made.with_context(|| format!("cannot make a folder in {}", self.data.display()))
    }

    /// `full`, or `quick` in a quick run.
    pub fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A number of things: `full` times the scale, at least ten, or `quick` in a quick run.
    pub fn count(&self, full: u64, quick: u64) -> u64 {
        self.size((full as f64 * self.scale).round().max(10.0) as u64, quick)
    }
}

/// The folder of an app whose guests are built.
fn built_app(name: &str) -> anyhow::Result<PathBuf> {
    let app = root().join("guest-functions").join(name);
    let text = "the guests are not built: no folder `components` in";
    ensure!(app.join("components").is_dir(), "{text} {}; run `cargo xtask guests` first", app.display());
    Ok(app)
}

/// The root of the checkout that this program was built from.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench lies one folder below the root").to_owned()
}

/// Builds the host in release and returns where cargo put it.
fn build_host() -> anyhow::Result<PathBuf> {
    eprintln!("building the host in release");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // No package is named: then all default members choose the features of the dependencies, as they do
    // for `cargo build --release`, and nothing is compiled twice.
    command.args(["build", "--release", "--bin", "longhaul", "--message-format=json-render-diagnostics"]);
    // Cargo describes the package that it runs in these variables. Inherited, they would make build
    // scripts that read them (ring's) run again, and compile everything above them again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(&name);
        }
    }
    let output = command.current_dir(root()).stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cannot build the host: cargo ended with {}", output.status);
    }
    let text = String::from_utf8(output.stdout).context("cargo printed something that is not UTF-8")?;
    let mut messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages.find_map(|message| match message["target"]["name"] == "longhaul" {
        true => message["executable"].as_str().map(PathBuf::from),
        false => None,
    });
    executable.context("cargo built the host but did not say where the binary is")
}
