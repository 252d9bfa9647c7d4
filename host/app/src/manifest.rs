//! `longhaul.toml`: what an app consists of.
//!
//! ```toml
//! [app]
//! name = "orders"
//! completion = "cancel-open-tasks"   # the default; or "wait-for-open-tasks"
//!
//! [settings]
//! JOB_API_URL = "http://localhost:5000/api/Job"
//!
//! [http]
//! allowed-hosts = ["http://localhost:5000"]
//!
//! [http.cors]                                     # pages of other sites; without this table of none
//! allowed-origins = ["https://status.example"]    # exactly, as browsers write it
//! allow-credentials = false                       # the default
//!
//! [[function]]
//! name = "HttpStartClient"
//! kind = "client"               # client | orchestrator | activity | entity
//! component = "components/http_start_client.wasm"
//! methods = ["GET", "POST"]     # clients only; this is the default
//! route = "HttpStartClient"     # clients only, below /api/; the default is the name
//! auth = "function"             # clients only, who may call it: anonymous | function | admin; this is the default
//! secrets = ["API_TOKEN"]       # clients and activities, what they may read of the operator's secrets; the default is nothing
//! timeout = "30s"               # activities only, the longest run: ms, s, m or h; the default is the operator's
//! reuse = true                  # activities only: runs may follow one another in the same guest; the default is a guest for each
//! reuse-calls = 1000            # with reuse only: most runs of a guest; this is the default
//! reuse-seconds = 60            # with reuse only: how long a guest is used again; this is the default
//!
//! [[timer]]
//! name = "nightly"
//! schedule = "0 2 * * *"        # or six fields with seconds first, or @daily and the like
//! time-zone = "Europe/Berlin"   # the default is UTC
//! orchestrator = "CleanUp"
//! input = { days = 30 }         # any value; or input-json with a text; the default is null
//! overlap = "skip"              # skip (the default) | allow | terminate-running
//! missed = "run-once"           # run-once (the default) | skip
//! paused = false
//! ```

mod check;
mod cors;
mod schedule;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use longhaul_core::OnReturn;
use longhaul_wasm::GuestReuse;
use serde::Deserialize;
use toml::Spanned;

pub use cors::Cors;
pub use schedule::{Missed, Overlap, ScheduleEntry};

/// Name of the manifest in an app's folder.
pub const FILE_NAME: &str = "longhaul.toml";

/// Longest manifest, bytes.
pub const MAX_MANIFEST_BYTES: usize = 256 * 1024;

/// What an app consists of, checked: names and routes are unique, paths stay inside the app's folder.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The app's name.
    pub app: String,
    /// What happens to the tasks that an orchestrator leaves open when it returns: `completion` in the table `[app]`.
    pub on_return: OnReturn,
    /// Settings that its activities and clients can read.
    pub settings: BTreeMap<String, String>,
    /// Where its activities and clients ask to send requests, such as `http://localhost:5000`.
    pub allowed_hosts: Vec<String>,
    /// Pages of which other sites may use it.
    pub cors: Cors,
    /// Its functions, in the manifest's order.
    pub functions: Vec<FunctionEntry>,
    /// Its timers, in the manifest's order.
    pub timers: Vec<ScheduleEntry>,
}

/// One function of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionEntry {
    /// Its name, as the manifest spells it; compared ignoring case.
    pub name: Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// The component's path inside the app's folder, with `/` between its parts.
    pub component: String,
    /// The requests that reach it; empty unless it is a client.
    pub methods: Vec<Method>,
    /// Where they reach it, below `/api/`; absent unless it is a client.
    pub route: Option<String>,
    /// Whose key a caller needs; nobody's means nothing unless it is a client.
    pub auth: AuthLevel,
    /// The operator's secrets that it may read; empty unless it is a client or an activity.
    pub secrets: Vec<String>,
    /// The longest run of an activity; absent for the operator's default, and unless it is an activity.
    pub timeout: Option<Duration>,
    /// How often an activity's guest is used again; absent if every run has its own, and unless it is an activity.
    pub reuse: Option<GuestReuse>,
}

/// Whose key the callers of a client function need, where the host asks for keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthLevel {
    /// None: everybody may call it.
    Anonymous,
    /// One of the function's, or one that is for all functions.
    #[default]
    Function,
    /// An administrator's.
    Admin,
}

/// What a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Answers HTTP requests.
    Client,
    /// Decides what happens next.
    Orchestrator,
    /// A step with side effects.
    Activity,
    /// Keyed state.
    Entity,
}

impl Kind {
    /// The word for it in a manifest.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Orchestrator => "orchestrator",
            Self::Activity => "activity",
            Self::Entity => "entity",
        }
    }
}

/// Whether a manifest is deployed now, or was deployed before.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    New,
    Stored,
}

/// Why a text is no manifest. The message names the line and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{FILE_NAME}{}: {message}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct ManifestError {
    line: Option<usize>,
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    app: AppTable,
    #[serde(default)]
    settings: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    http: HttpTable,
    #[serde(default, rename = "function")]
    functions: Vec<FunctionTable>,
    #[serde(default, rename = "timer")]
    timers: Vec<schedule::ScheduleTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct AppTable {
    name: Spanned<String>,
    #[serde(default)]
    completion: OnReturn,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HttpTable {
    #[serde(default)]
    allowed_hosts: Vec<Spanned<String>>,
    cors: Option<cors::CorsTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct FunctionTable {
    name: Spanned<String>,
    kind: Kind,
    component: Spanned<String>,
    methods: Option<Spanned<Vec<String>>>,
    route: Option<Spanned<String>>,
    auth: Option<Spanned<AuthLevel>>,
    #[serde(default)]
    secrets: Vec<Spanned<String>>,
    timeout: Option<Spanned<String>>,
    reuse: Option<Spanned<bool>>,
    reuse_calls: Option<Spanned<u32>>,
    reuse_seconds: Option<Spanned<u32>>,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] for anything but a manifest that keeps every rule; unknown keys are errors.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        Self::read(text, Reading::New)
    }

    /// Reads a manifest that was deployed before, maybe to a version that took more. What this version refuses of a timer is read as it was
    /// then, and a line in the log says what is wrong with it.
    ///
    /// # Errors
    /// [`ManifestError`] for what no version took.
    pub fn parse_stored(text: &str) -> Result<Self, ManifestError> {
        Self::read(text, Reading::Stored)
    }

    fn read(text: &str, reading: Reading) -> Result<Self, ManifestError> {
        if text.len() > MAX_MANIFEST_BYTES {
            let message = format!("the manifest has {} bytes; the most is {MAX_MANIFEST_BYTES}", text.len());
            return Err(ManifestError { line: None, message });
        }
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            ManifestError { line, message: error.message().to_owned() }
        })?;
        check::check(text, file, reading)
    }

    /// The functions of one kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &FunctionEntry> {
        self.functions.iter().filter(move |function| function.kind == kind)
    }

    /// The paths of the components, each once, in the order of their first use.
    pub fn component_paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = Vec::new();
        for function in &self.functions {
            if !paths.contains(&function.component.as_str()) {
                paths.push(&function.component);
            }
        }
        paths
    }
}

/// The line, from 1, that the byte at `offset` stands on.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
