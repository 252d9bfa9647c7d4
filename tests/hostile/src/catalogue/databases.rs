//! Data folders that the host must not use, and must not change.

use std::path::Path;

use super::commands::row;
use crate::row::Row;

const SERVE: &str = "serve --listen 127.0.0.1:0 --rpc-port=off --compiled-cache {folder}/cache --data {folder}";
const FILE: &str = "longhaul.db";
/// Where an SQLite file keeps the version of its format, its application's number, and the size of its pages.
const USER_VERSION: usize = 60;
const APPLICATION_ID: usize = 68;
const PAGE: usize = 4_096;
/// Pages before that of the log, which is the first table that is made; that of the instances is the next.
const LOG: usize = 1;

/// What has happened to the bytes of a database.
type Damage = fn(&mut Vec<u8>);

pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = [
        ("no database", "notes ".repeat(1_000).into_bytes(), "not an SQLite database"),
        ("zero bytes alone", vec![0; 8_192], "not an SQLite database"),
        ("the first words of a database", b"SQLite format 3\0".to_vec(), "longhaul.db"),
        ("another program's database", header(&[(APPLICATION_ID, 7)]), "longhaul.db"),
        ("a newer database", header(&[(APPLICATION_ID, 1_281_837_164), (USER_VERSION, 99)]), "longhaul.db"),
        ("a database without its pages", header(&[(APPLICATION_ID, 1_281_837_164), (USER_VERSION, 1), (28, 1_000)]), "longhaul.db"),
    ]
    .into_iter()
    .map(|(name, bytes, text)| {
        let prepare = move |folder: &Path| std::fs::write(folder.join(FILE), &bytes).expect("a database");
        row(format!("database: {name}"), Box::new(prepare), SERVE, text)
    })
    .collect();
    let folder_instead = |folder: &Path| std::fs::create_dir(folder.join(FILE)).expect("a folder");
    rows.push(row("database: a folder in its place".into(), Box::new(folder_instead), SERVE, "longhaul.db"));
    let file_instead = |folder: &Path| std::fs::write(folder.join("data"), "mine").expect("a file");
    rows.push(row(
        "database: a file in place of its folder".into(),
        Box::new(file_instead),
        &SERVE.replace("--data {folder}", "--data {folder}/data"),
        "data",
    ));
    rows.extend(damaged());
    rows
}

/// Databases that the host has made itself, and that something has happened to since.
fn damaged() -> impl Iterator<Item = Row> {
    let damages: [(&str, Damage, &'static str); 6] = [
        ("a damaged page of the log", |bytes| bytes[LOG * PAGE..][..PAGE].fill(0xa5), "longhaul.db: it is damaged"),
        ("a damaged page of the instances", |bytes| bytes[(LOG + 1) * PAGE..][..PAGE].fill(0xa5), "longhaul.db: it is damaged"),
        ("a damaged first page", |bytes| bytes[100..PAGE].fill(0xa5), "longhaul.db"),
        ("cut off in the middle", |bytes| bytes.truncate(bytes.len() / 2), "longhaul.db: it is damaged"),
        ("cut off within a page", |bytes| bytes.truncate(bytes.len() - 1), "longhaul.db"),
        ("a newer one", |bytes| bytes[USER_VERSION..][..4].copy_from_slice(&99_u32.to_be_bytes()), "longhaul.db: its format is 99"),
    ];
    damages.into_iter().map(|(name, damage, text)| {
        let prepare = move |folder: &Path| {
            let mut bytes = own(folder);
            damage(&mut bytes);
            std::fs::write(folder.join(FILE), bytes).expect("a database");
        };
        row(format!("own database: {name}"), Box::new(prepare), SERVE, text)
    })
}

/// Has the host make a database in `folder`, and returns its bytes.
fn own(folder: &Path) -> Vec<u8> {
    let mut command = e2e::longhaul_command();
    let output = command.args(["keys", "list", "--offline", "--data"]).arg(folder).output().expect("the program can be started");
    assert!(output.status.success(), "the program makes no database: {output:?}");
    // Names whoever comes next.
    std::fs::remove_file(folder.join("longhaul.lock")).expect("a lock file");
    std::fs::read(folder.join(FILE)).expect("a database")
}

/// A page that begins as a database does, with numbers at their places.
fn header(numbers: &[(usize, u32)]) -> Vec<u8> {
    let mut page = vec![0; 4_096];
    // Page size 4,096, versions for reading and writing 1, no reserved bytes, and the fractions that every file has.
    page[..24].copy_from_slice(b"SQLite format 3\0\x10\x00\x01\x01\x00\x40\x20\x20");
    // One page, schema format 4, UTF-8.
    for (at, number) in [(28, 1), (44, 4), (56, 1)].iter().chain(numbers) {
        page[*at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
    // The root of an empty schema.
    page[100] = 13;
    page[105..107].copy_from_slice(&4_096_u16.to_be_bytes());
    page
}
