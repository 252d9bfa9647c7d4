//! A host with few file descriptors: connections leave some to everything else.

use std::net::TcpStream;
use std::process::Command;

use super::support::{Host, longhaul, output_of};

/// Descriptors that the host may have.
const LIMIT: usize = 96;

/// The program with few descriptors, none of which it may add.
fn with_few_descriptors() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {LIMIT}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_longhaul")]);
    command.env_remove("LONGHAUL_LOG");
    command
}

#[tokio::test]
async fn idle_connections_go_for_new_ones_and_leave_descriptors_to_keys() {
    let host = Host::start_by(with_few_descriptors(), &["--auth=keys"]);
    let key = || std::fs::read_to_string(host.data().join("admin-key")).expect("a key").trim().to_owned();
    let before = key();
    // More than there are descriptors. Those that the host closes stay open here.
    let idle: Vec<_> = (0..3 * LIMIT).map(|_| TcpStream::connect(host.address()).expect("the kernel accepts")).collect();
    assert_eq!(host.send("GET", "/healthz").await.status, 200);
    let rotated = output_of(
        longhaul().args(["keys", "rotate", "admin", "default", "--host", &format!("http://{}", host.address()), "--data"]).arg(host.data()),
    );
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));
    let printed = String::from_utf8(rotated.stdout).expect("text");
    assert!(key() == printed.trim() && key() != before);
    assert_eq!(host.send_with("GET", "/metrics", &[("x-functions-key", &before)], "").await.status, 401);
    assert_eq!(host.send_with("GET", "/metrics", &[("x-functions-key", &key())], "").await.status, 200);
    drop(idle);
}
