//! A log that nothing reads: the host works on, and stops when it is asked to.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use e2e::{Answer, Apps, Http, eventually, longhaul_command};
use http::Method;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(180);
const READY: &str = "Longhaul listens on ";

/// Ends with its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A host whose standard error is a pipe that nothing reads.
fn host(data: &std::path::Path) -> (Running, String) {
    let mut command = longhaul_command();
    command.args(["serve", "--listen=127.0.0.1:0", "--rpc-port=off", "--compiled-cache"]).arg(e2e::compiled_cache());
    command.arg("--data").arg(data).arg("--app").arg(Apps::test_guests().path());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the host starts");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let running = Running(child);
    let line = output.lines().map_while(Result::ok).find(|line| line.starts_with(READY)).expect("the host says where it listens");
    (running, line[READY.len()..].to_owned())
}

async fn send(http: &Http, method: Method, uri: &str, body: &serde_json::Value) -> Answer {
    let answer = tokio::time::timeout(LIMIT, http.try_send_json(method, uri, body)).await;
    answer.expect("it is answered although nothing reads the log").expect("it is answered")
}

#[tokio::test]
async fn a_log_that_nothing_reads_stops_neither_starts_nor_health_nor_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut host, address) = host(&folder.path().join("data"));
    let http = Http::default();
    let start = format!("{address}/runtime/webhooks/durabletask/orchestrators/Misbehaving?timeout=120&pollingInterval=1");
    for _ in 0..6 {
        // 1.6 MB of lines each.
        let answer = send(&http, Method::POST, &start, &json!("ask activity long lines")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let health = send(&http, Method::GET, &format!("{address}/healthz"), &json!(null)).await;
    let metrics = send(&http, Method::GET, &format!("{address}/metrics"), &json!(null)).await.text();
    assert_eq!(health.status, 200);
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("longhaul_log_lines_dropped_total ")).expect("it is counted");
    assert!(dropped.parse::<u64>().expect("a number") > 0, "{dropped}");

    let id = host.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("the command `kill`").success());
    let ended = || std::future::ready(host.0.try_wait().expect("it can be asked").ok_or_else(|| "it still runs".to_owned()));
    assert!(eventually("the host to stop", LIMIT, ended).await.success());
}

#[tokio::test]
async fn once_the_log_is_read_again_it_says_how_much_is_missing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut host, address) = host(&folder.path().join("data"));
    let http = Http::default();
    let start = format!("{address}/runtime/webhooks/durabletask/orchestrators/Misbehaving?timeout=120&pollingInterval=1");
    for _ in 0..6 {
        send(&http, Method::POST, &start, &json!("ask activity long lines")).await;
    }
    let mut log = host.0.stderr.take().expect("it is piped");
    let read = tokio::task::spawn_blocking(move || {
        let mut seen = Vec::new();
        let mut piece = vec![0; 1 << 16];
        while !String::from_utf8_lossy(&seen[seen.len().saturating_sub(1 << 17)..]).contains("were dropped here") {
            let read = log.read(&mut piece).expect("it can be read");
            assert!(read > 0, "the host ended");
            seen.extend_from_slice(&piece[..read]);
        }
    });
    tokio::time::timeout(LIMIT, read).await.expect("it says so in time").expect("it says so");
}
