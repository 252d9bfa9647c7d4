//! The external system of the sample.

use std::time::Duration;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::web_api_command;
use crate::eventually::eventually;
use crate::{Answer, Http, Program};

/// What the program writes once it can be reached; the address follows.
const READY: &str = "Job API listening on http://";
/// Stands before the address in a line about a job.
const CALL_BACK: &str = "callbackUri ";
const LIMIT: Duration = Duration::from_secs(30);

/// The sample's external system, on a port of its own. It ends with its value.
pub struct JobApi {
    program: Program,
    /// Host and port.
    authority: String,
    delay: Duration,
    folder: TempDir,
    http: Http,
}

impl JobApi {
    /// Starts the external system, which takes `delay` for each answer.
    pub async fn start(delay: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (program, authority) = launch("127.0.0.1:0", delay, &folder).await;
        Self { program, authority, delay, folder, http: Http::default() }
    }

    /// Ends it; connections are refused from then on.
    pub fn stop(&mut self) {
        self.program.kill();
    }

    /// Starts it again on the same port.
    pub async fn start_again(&mut self) {
        (self.program, _) = launch(&self.authority, self.delay, &self.folder).await;
    }

    /// Host and port, such as `127.0.0.1:5000`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends it a job.
    pub async fn post(&self, job: &Value) -> Answer {
        self.http.send_json(Method::POST, &format!("http://{}/api/Job", self.authority), job).await
    }

    /// Waits until this many jobs have arrived since the latest start; they may not be answered yet.
    pub async fn until_requests(&self, count: usize) {
        eventually(format!("{count} jobs to arrive"), LIMIT, || async {
            let found = self.call_back_uris();
            if found.len() >= count { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }

    /// Waits for a job and returns the call-back address that it was sent with.
    pub async fn until_call_back_uri(&self) -> String {
        eventually("a call-back address", LIMIT, || async { self.call_back_uris().pop().ok_or_else(|| "no job".to_owned()) }).await
    }

    fn call_back_uris(&self) -> Vec<String> {
        let line = |line: String| line.split_once(CALL_BACK).map(|(_, uri)| uri.to_owned());
        self.program.stdout().into_iter().filter_map(line).collect()
    }
}

async fn launch(listen: &str, delay: Duration, folder: &TempDir) -> (Program, String) {
    let mut command = web_api_command();
    command.args(["--listen", listen, "--delay-ms", &delay.as_millis().to_string()]);
    let mut program = Program::spawn("the job API", command, &folder.path().join("stderr.log"));
    match program.line_after(READY, LIMIT).await {
        Ok(address) => {
            let (authority, _) = address.split_once('/').expect("the address has a path");
            (program, authority.to_owned())
        }
        Err(exit) => panic!("the job API ended with {exit} before it listened:\n{}", program.stderr()),
    }
}
