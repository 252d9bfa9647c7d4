//! The host under test: started, ended and started again on one data folder and one port.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use e2e::{AppFolder, Http, Program, compiled_cache, eventually, longhaul_command};
use http::Method;

use crate::ledger::Ledger;

/// What the host writes once it can be reached; its address follows.
const READY: &str = "Longhaul listens on ";
/// Longest time from start to the first answer: a debug build on a busy machine, with a log to read.
const START_LIMIT: Duration = Duration::from_secs(120);
/// Longest time from SIGTERM to the end: longer than requests in flight may take to drain, and then some.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// A host process and where it keeps its data.
pub struct Subject<'a> {
    program: Mutex<Program>,
    address: String,
    folder: PathBuf,
    app: AppFolder,
    ledger: &'a Ledger,
    /// Times that what the host had in memory was lost.
    crashes: AtomicU32,
    http: Http,
}

impl<'a> Subject<'a> {
    /// Starts a host on a free port with its data below `folder`, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(folder: &Path, app: AppFolder, arguments: &[&str], ledger: &'a Ledger) -> Self {
        let command = command(folder, &app, "127.0.0.1:0", arguments);
        let mut program = Program::spawn("the host", command, &folder.join("host.log"));
        let address = match program.line_after(READY, START_LIMIT).await {
            Ok(address) => address,
            Err(exit) => panic!("the host ended with {exit} before it listened"),
        };
        let (http, crashes) = (Http::default(), AtomicU32::new(0));
        let subject = Self { program: Mutex::new(program), address, folder: folder.to_owned(), app, ledger, crashes, http };
        subject.until_healthy().await;
        subject
    }

    /// Ends the host as a power failure would, if it has not ended.
    pub fn kill(&self) {
        self.count_crash();
        self.program().kill();
    }

    /// Asks the host to stop and waits until it has.
    ///
    /// # Panics
    /// When it does not, or ends with an error.
    pub async fn stop(&self) {
        self.count_crash();
        self.program().terminate();
        let exit = self.until_ended().await;
        assert!(exit.success(), "the host ended with {exit} after SIGTERM");
    }

    /// Starts the host again without waiting for anything. It must have ended.
    pub async fn spawn_again(&self, arguments: &[&str]) {
        self.ledger.next_start().await;
        let command = self.command(arguments);
        *self.program() = Program::spawn("the host", command, &self.folder.join("host.log"));
    }

    /// Starts the host again, held before it does anything, until SIGCONT or a tracer lets it go. It must have ended.
    pub async fn spawn_held(&self, arguments: &[&str]) {
        self.ledger.next_start().await;
        let command = self.command(arguments);
        let mut held = Command::new("sh");
        held.args(["-c", "kill -STOP $$; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
        *self.program() = Program::spawn("the host", held, &self.folder.join("host.log"));
    }

    /// Starts the host again and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start_again(&self, arguments: &[&str]) {
        self.spawn_again(arguments).await;
        self.until_healthy().await;
    }

    /// Asks the host to stop, if it has not ended, and goes on.
    pub fn terminate(&self) {
        let mut program = self.program();
        // One that ends in this moment takes the signal all the same, as long as nobody has asked for its end.
        if program.exit().is_none() {
            program.terminate();
        }
    }

    /// Waits until the host has ended, in whatever way.
    ///
    /// # Panics
    /// When it does not.
    pub async fn until_ended(&self) -> ExitStatus {
        let look = || std::future::ready(self.program().exit().ok_or_else(|| "it still runs".to_owned()));
        eventually("the host to end", STOP_LIMIT, look).await
    }

    /// Sends a signal to the host.
    pub fn signal(&self, signal: &str) {
        self.program().signal(signal);
    }

    /// Whether the host has ended by itself or by a signal from elsewhere.
    pub fn has_ended(&self) -> bool {
        self.program().exit().is_some()
    }

    /// Counts that what the host had in memory is lost, and that activities may run again therefore.
    pub fn count_crash(&self) {
        self.crashes.fetch_add(1, Ordering::SeqCst);
    }

    /// How often that was.
    pub fn crashes(&self) -> usize {
        self.crashes.load(Ordering::SeqCst) as usize
    }

    /// The server to which its activities report.
    pub fn ledger(&self) -> &Ledger {
        self.ledger
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.program().id()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        data(&self.folder)
    }

    /// The URI of any route, such as `/admin/keys`.
    pub fn root_uri(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// The URI of a management route, such as `/instances/7`.
    pub fn uri(&self, path: &str) -> String {
        format!("{}/runtime/webhooks/durabletask{path}", self.address)
    }

    /// The client.
    pub fn http(&self) -> &Http {
        &self.http
    }

    fn program(&self) -> MutexGuard<'_, Program> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let listen = self.address.strip_prefix("http://").expect("the address is a URL");
        command(&self.folder, &self.app, listen, arguments)
    }

    async fn until_healthy(&self) {
        assert!(self.healthy_or_ended().await, "the host ended while it started");
    }

    /// Waits until the host answers, which is true, or has ended.
    ///
    /// # Panics
    /// When it does neither.
    pub async fn healthy_or_ended(&self) -> bool {
        eventually("the host to be healthy", START_LIMIT, || async {
            if self.has_ended() {
                return Ok(false);
            }
            match self.http.try_send(Method::GET, &format!("{}/healthz", self.address)).await {
                Ok(answer) if answer.status == 200 => Ok(true),
                Ok(answer) => Err(format!("status {}: {}", answer.status, answer.text())),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await
    }
}

/// The data folder of a run's folder.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn command(folder: &Path, app: &AppFolder, listen: &str, arguments: &[&str]) -> Command {
    let mut command = longhaul_command();
    command.args(["serve", "--rpc-port=off", "--max-host-deaths=1000000", "--listen", listen, "--data"]).arg(data(folder));
    // Every start names the app, because the first may be killed before it has deployed it.
    command.arg("--app").arg(app.path()).arg("--compiled-cache").arg(compiled_cache()).args(arguments);
    command
}
