//! Runs the real program and talks to it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest wait for anything that a healthy host does at once.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program, ready for arguments.
pub fn longhaul() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_longhaul"));
    command.env_remove("LONGHAUL_LOG");
    command
}

/// Runs the program to its end.
pub fn output_of(command: &mut Command) -> Output {
    command.output().expect("the program can be run")
}

/// A running host with data of its own. It is killed when dropped.
pub struct Host {
    child: Child,
    data: tempfile::TempDir,
    address: String,
}

/// What a host answered.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Host {
    /// Starts a host on a free port and waits for its first line of output.
    pub fn start(options: &[&str]) -> Self {
        Self::start_by(longhaul(), options)
    }

    /// The same by another command, which takes the program's arguments.
    pub fn start_by(mut command: Command, options: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder for the data can be made");
        command.args(["serve", "--listen", "127.0.0.1:0", "--rpc-port=0", "--data"]).arg(data.path()).args(options);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program can be run");
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("its output is text");
        let address =
            line.trim_end().strip_prefix("Longhaul listens on http://").unwrap_or_else(|| panic!("first line: {line:?}")).to_owned();
        // Read on, or the host would wait for room in the pipe one day.
        std::thread::spawn(move || output.lines().for_each(drop));
        Self { child, data, address }
    }

    /// Where it listens, such as `127.0.0.1:40001`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Sends a request without a body.
    pub async fn send(&self, method: &str, path: &str) -> Answered {
        self.send_with(method, path, &[], "").await
    }

    /// Sends a request below the management prefix.
    pub async fn manage(&self, method: &str, path: &str) -> Answered {
        self.send(method, &format!("/runtime/webhooks/durabletask{path}")).await
    }

    /// Sends a request with headers and a body.
    pub async fn send_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
        tokio::time::timeout(DEADLINE, self.exchange(method, path, headers, body)).await.expect("the host answers in time")
    }

    async fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answered {
        let stream = TcpStream::connect(&self.address).await.expect("the host accepts");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("the host speaks HTTP");
        tokio::spawn(connection);
        let method: Method = method.parse().expect("a method");
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", &self.address);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).expect("a request");
        let (head, body) = sender.send_request(request).await.expect("the host answers").into_parts();
        let body = body.collect().await.expect("the whole body arrives").to_bytes();
        Answered { status: head.status, headers: head.headers, body: String::from_utf8(body.to_vec()).expect("bodies are UTF-8") }
    }

    /// Asks the host to stop and waits for its end.
    pub fn stop(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("there is a kill program");
        assert!(asked.success(), "the host is still there to be stopped");
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the host can be waited for") {
                return status;
            }
            assert!(since.elapsed() < DEADLINE, "the host does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
