//! One host process and its data.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{compiled_cache, longhaul_command};
use crate::eventually::eventually;
use crate::{Answer, AppFolder, Http, Program};

/// What the host writes once it can be reached; its address follows.
const READY: &str = "Longhaul listens on ";
/// What it writes about local RPC, if there is any; the base follows.
const LOCAL_RPC: &str = "Local RPC for client libraries: ";
/// Where the management routes are.
const MANAGEMENT: &str = "/runtime/webhooks/durabletask";
/// The data folder's name, beside the log.
const DATA: &str = "data";
/// Longest time from start to the first answer: components are compiled meanwhile, on a machine that may be busy.
const START_LIMIT: Duration = Duration::from_secs(180);
/// Longest time from SIGTERM to the end.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// How a host is started.
#[derive(Default)]
pub struct HostOptions<'a> {
    /// Deployed at the first start.
    pub app: Option<&'a AppFolder>,
    /// More of the command line.
    pub arguments: Vec<&'static str>,
}

/// A host on a port and a data folder of its own. It ends with its value.
pub struct Host {
    /// The process that runs, or the last one that did. Never locked while something is awaited.
    program: Mutex<Program>,
    address: String,
    /// Holds the data folder and, beside it, what the host logged.
    folder: TempDir,
    arguments: Vec<&'static str>,
    http: Http,
}

impl Host {
    /// Starts a host with an app and waits until it answers.
    pub async fn with_app(app: &AppFolder) -> Self {
        Self::start(HostOptions { app: Some(app), arguments: Vec::new() }).await
    }

    /// Starts a host and waits until it answers.
    ///
    /// # Panics
    /// When it ends or does not answer in time.
    pub async fn start(options: HostOptions<'_>) -> Self {
        Self::start_on("127.0.0.1:0", options).await
    }

    /// As `start`, for a host that listens on all addresses of the machine. The test reaches it on
    /// loopback.
    pub async fn start_on_all_addresses(options: HostOptions<'_>) -> Self {
        Self::start_on("0.0.0.0:0", options).await
    }

    async fn start_on(listen: &str, options: HostOptions<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let HostOptions { app, arguments } = options;
        let (program, address) = launch(folder.path(), listen, app.map(AppFolder::path), &arguments).await;
        let address = address.replace("//0.0.0.0:", "//127.0.0.1:");
        let host = Self { program: Mutex::new(program), address, folder, arguments, http: Http::default() };
        host.until_healthy().await;
        host
    }

    /// Ends the host as a power failure would.
    pub fn kill(&self) {
        self.program().kill();
    }

    /// Starts the host again on the same data and the same port, once it has been killed or stopped.
    pub async fn start_again(&self) {
        let listen = self.address.strip_prefix("http://").expect("the address is a URL");
        let (program, address) = launch(self.folder.path(), listen, None, &self.arguments).await;
        assert_eq!(address, self.address, "the host took another port");
        *self.program() = program;
        self.until_healthy().await;
    }

    /// Kills the host and starts it again.
    pub async fn crash(&self) {
        self.kill();
        self.start_again().await;
    }

    /// Asks the host to stop and waits until it has.
    pub async fn stop(&self) -> ExitStatus {
        self.program().terminate();
        let exit = || std::future::ready(self.program().exit().ok_or_else(|| "it still runs".to_owned()));
        eventually("the host to stop", STOP_LIMIT, exit).await
    }

    /// Deploys an app with the command line's `deploy`; returns what that printed.
    ///
    /// # Errors
    /// What it wrote to its error output, if it failed.
    pub fn deploy(&self, app: &AppFolder) -> Result<String, String> {
        self.command(&["deploy", &app.path().to_string_lossy()])
    }

    /// Runs a command of the command line against this host; returns what it printed.
    ///
    /// # Errors
    /// What it wrote to its error output, if it failed.
    pub fn command(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = longhaul_command();
        command.args(arguments).args(["--host", &self.address, "--data"]).arg(self.data());
        let output = command.output().expect("the program can be started");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// Where the host is reached, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.data().join("longhaul.db")
    }

    /// The key for administration that its first start made.
    pub fn admin_key(&self) -> String {
        std::fs::read_to_string(self.data().join("admin-key")).expect("the first start made a key").trim().to_owned()
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join(DATA)
    }

    /// What it wrote to its standard output since its latest start.
    pub fn output(&self) -> Vec<String> {
        self.program().stdout()
    }

    /// What it logged since its first start.
    pub fn log(&self) -> String {
        self.program().stderr()
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.program().id()
    }

    /// The client for requests of other kinds than those below.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// The URI of a path on this host.
    pub fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The URI of a management route, such as `/instances/7`.
    pub fn management_uri(&self, path: &str) -> String {
        format!("{}{MANAGEMENT}{path}", self.address)
    }

    /// The URI of a path on the local RPC listener, such as `/instances/7`.
    ///
    /// # Panics
    /// When the host has no such listener; `--rpc-port=0` gives it one.
    pub fn rpc_uri(&self, path: &str) -> String {
        let output = self.output();
        let base = output.iter().find_map(|line| line.strip_prefix(LOCAL_RPC)).unwrap_or_else(|| panic!("no local RPC in {output:?}"));
        format!("{}{path}", base.trim_end_matches('/'))
    }

    /// What `longhaul client-binding` prints for this host.
    ///
    /// # Errors
    /// What it wrote to its error output, if it failed.
    pub fn client_binding(&self) -> Result<String, String> {
        self.command(&["client-binding"])
    }

    /// GET of a management route.
    pub async fn get(&self, path: &str) -> Answer {
        self.http.send(Method::GET, &self.management_uri(path)).await
    }

    /// POST without a body to a management route.
    pub async fn post(&self, path: &str) -> Answer {
        self.http.send(Method::POST, &self.management_uri(path)).await
    }

    /// POST of JSON to a management route.
    pub async fn post_json(&self, path: &str, body: &Value) -> Answer {
        self.http.send_json(Method::POST, &self.management_uri(path), body).await
    }

    /// DELETE of a management route.
    pub async fn delete(&self, path: &str) -> Answer {
        self.http.send(Method::DELETE, &self.management_uri(path)).await
    }

    fn program(&self) -> MutexGuard<'_, Program> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until_healthy(&self) {
        eventually("the host to be healthy", START_LIMIT, || async {
            match self.http.try_send(Method::GET, &self.uri("/healthz")).await {
                Ok(answer) if answer.status == 200 => Ok(()),
                Ok(answer) => Err(format!("status {}: {}", answer.status, answer.text())),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await;
    }
}

/// Starts the program and waits for its address.
async fn launch(folder: &Path, listen: &str, app: Option<&Path>, arguments: &[&str]) -> (Program, String) {
    let mut command = longhaul_command();
    command
        .args(["serve", "--listen", listen, "--data"])
        .arg(folder.join(DATA))
        .arg("--compiled-cache")
        .arg(compiled_cache())
        .args(arguments);
    // Hosts of many tests run beside each other and beside one that somebody uses.
    if !arguments.iter().any(|argument| argument.starts_with("--rpc-port")) {
        command.arg("--rpc-port=off");
    }
    if let Some(app) = app {
        command.arg("--app").arg(app);
    }
    let mut program = Program::spawn("the host", command, &folder.join("stderr.log"));
    match program.line_after(READY, START_LIMIT).await {
        Ok(address) => (program, address),
        Err(exit) => panic!("the host ended with {exit} before it listened:\n{}", program.stderr()),
    }
}
