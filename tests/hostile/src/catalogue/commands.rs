//! Command lines and settings that are wrong. The program says so and touches nothing.

use std::path::Path;

use crate::row::{Answer, Input, Prepare, Row};

pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = LINES.iter().map(|(line, text)| row(format!("command: {line}"), Box::new(|_| {}), line, text)).collect();
    rows.extend(FILES.iter().map(|&(settings, text)| {
        let prepare = move |folder: &Path| std::fs::write(folder.join("host.toml"), settings).expect("a settings file");
        row(format!("settings: {settings}"), Box::new(prepare), "serve --config {folder}/host.toml --data {folder}/data", text)
    }));
    rows.extend(PIPES.iter().map(|line| row(format!("pipe: {line}"), Box::new(pipe), line, "no regular file")));
    rows
}

/// Commands that are told to read a pipe, to which nothing ever writes.
const PIPES: [&str; 6] = [
    "serve --config {folder}/pipe --data {folder}/d",
    "serve --tls-certificate={folder}/pipe --tls-key={folder}/pipe --listen 127.0.0.1:0 --data {folder}/d",
    "serve --listen 127.0.0.1:0 --rpc-port=off --data {folder}/d --outbound-ca-file {folder}/pipe",
    "serve --listen 127.0.0.1:0 --rpc-port=off --data {folder}/p",
    "keys list --host {host} --key-file {folder}/pipe",
    "timers --host https://127.0.0.1:1 --ca-file {folder}/pipe",
];

fn pipe(folder: &Path) {
    std::fs::create_dir(folder.join("p")).expect("a folder");
    for path in ["pipe", "p/longhaul.db"] {
        let made = std::process::Command::new("mkfifo").arg(folder.join(path)).status().expect("there is a mkfifo");
        assert!(made.success(), "{path} cannot be made");
    }
}

/// A row about the program with the words of `line`.
pub(super) fn row(name: String, prepare: Prepare, line: &str, text: &'static str) -> Row {
    let arguments = line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    Row { name, input: Input::Command { prepare, arguments }, answer: Answer::Fails(text) }
}

const LINES: &[(&str, &str)] = &[
    ("", "Usage"),
    ("explode", "explode"),
    ("serve --explode", "--explode"),
    ("serve --listen nowhere --data {folder}/d", "cannot listen on nowhere"),
    ("serve --listen 127.0.0.1:99999 --data {folder}/d", "127.0.0.1:99999"),
    ("serve --max-connections=0 --data {folder}/d", "--max-connections"),
    ("serve --max-connections-per-address=0 --data {folder}/d", "--max-connections-per-address"),
    ("serve --max-header-bytes=100 --data {folder}/d", "--max-header-bytes"),
    ("serve --max-headers=0 --data {folder}/d", "--max-headers"),
    ("serve --max-uri-bytes=0 --data {folder}/d", "--max-uri-bytes"),
    ("serve --body-deadline-seconds=0 --data {folder}/d", "--body-deadline-seconds"),
    ("serve --write-deadline-seconds=0 --data {folder}/d", "--write-deadline-seconds"),
    ("serve --max-body-bytes=0 --data {folder}/d", "--max-body-bytes"),
    ("serve --max-body-bytes=-1 --data {folder}/d", "--max-body-bytes"),
    ("serve --max-body-bytes=many --data {folder}/d", "many"),
    ("serve --max-body-bytes=99999999999999999999 --data {folder}/d", "--max-body-bytes"),
    ("serve --activity-timeout-seconds=0 --data {folder}/d", "--activity-timeout-seconds"),
    ("serve --compile-memory-bytes=1000 --data {folder}/d", "--compile-memory-bytes"),
    ("serve --compile-deadline-seconds=0 --data {folder}/d", "--compile-deadline-seconds"),
    ("serve --tls-key={folder}/key.pem --data {folder}/d", "--tls-certificate"),
    ("serve --tls-certificate={folder}/none.pem --tls-key={folder}/none.pem --listen 127.0.0.1:0 --data {folder}/d", "none.pem"),
    ("serve --rpc-port=70000 --data {folder}/d", "70000"),
    ("serve --public-url=nowhere --data {folder}/d", "--public-url"),
    ("serve --allow-outbound=http://a/b --data {folder}/d", "allow-outbound"),
    ("serve --overridable-existing-instance-states=Some --data {folder}/d", "Some"),
    ("serve --config {folder}/none.toml --data {folder}/d", "none.toml"),
    ("serve --listen 127.0.0.1:0 --rpc-port=off --data {folder}/d --outbound-ca-file {folder}/none.pem", "none.pem"),
    ("deploy {folder} --host {host}", "an app's folder"),
    ("deploy {folder}/none --host {host}", "none: No such file or directory"),
    ("serve --listen 127.0.0.1:0 --rpc-port=off --data {data}", "pid "),
    ("deploy", "DIR"),
    ("deploy {folder} --set novalue --host {host}", "NAME=VALUE"),
    ("client-binding --host http://127.0.0.1:1", "127.0.0.1:1"),
    ("client-binding --host nowhere://", "nowhere"),
    ("timers pause none --host {host} --data {data}", "no timer 'none'"),
    ("timers pause none --host {host} --data {folder}", "asks for a key"),
    ("serve --listen 127.0.0.1:0 --rpc-port=off --data /tmp", "name a folder of the host's own"),
    ("timers run --host {host}", "NAME"),
];

const FILES: &[(&str, &str)] = &[
    ("max-body-byte = 1", "max-body-byte"),
    ("max-body-bytes = \"many\"", "max-body-bytes"),
    ("max-body-bytes = -1", "max-body-bytes"),
    ("listen = 7071", "listen"),
    ("[limits]\nmax-uri-byte = 1", "max-uri-byte"),
    ("[limits]\nmax-uri-bytes = 0", "--max-uri-bytes"),
    ("nonsense", "host.toml"),
    ("[secrets]\nTOKEN = \"the value itself\"", "expected `file` or `env`"),
    ("listen = \"127.0.0.1:0\"\nrpc-port = \"off\"\n[secrets]\nTOKEN = { file = \"none.secret\" }", "none.secret"),
    ("listen = \"127.0.0.1:0\"\nrpc-port = \"off\"\n[secrets]\nTOKEN = { env = \"LONGHAUL_NOT_SET\" }", "LONGHAUL_NOT_SET"),
    ("task-hub = \" \"", "--task-hub"),
];
