//! Promises to stored data: each file in `histories/` is a record as some version wrote it, and
//! every later version reads it.
//!
//! A file is never changed. A new kind, variant or member gets a sample in [`samples`] and a file
//! of its own; run the test with `LONGHAUL_WRITE_HISTORIES=1` to have missing files written.

mod samples;

use std::collections::BTreeMap;
use std::path::PathBuf;

use longhaul_core::Record;
use serde::Deserialize;
use serde_json::value::RawValue;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories")
}

/// A record as the log has it.
#[derive(Deserialize)]
struct File {
    kind: String,
    /// Kept as the text it is: payloads are stored exactly as they were given.
    data: Box<RawValue>,
}

fn files() -> BTreeMap<String, File> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let file = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        (name, file)
    });
    files.collect()
}

#[test]
fn every_stored_record_is_read_and_written_back_as_it_was() {
    let files = files();
    assert!(files.len() >= 40, "only {} files were found", files.len());
    for (name, File { kind, data }) in files {
        let record = Record::decode(&kind, data.get()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((record.kind(), record.encode().as_str()), (kind.as_str(), data.get()), "{name}");
    }
}

#[test]
fn every_kind_and_variant_has_a_file_that_means_the_same_as_today() {
    let may_write = std::env::var_os("LONGHAUL_WRITE_HISTORIES").is_some();
    let files = files();
    for (name, record) in samples::all() {
        match files.get(name) {
            Some(File { kind, data }) => assert_eq!(Record::decode(kind, data.get()).unwrap(), record, "{name}"),
            None => {
                let text = format!("{{\n  \"kind\": \"{}\",\n  \"data\": {}\n}}\n", record.kind(), record.encode());
                assert!(may_write, "histories/{name}.json is missing; it would read:\n{text}");
                std::fs::write(folder().join(format!("{name}.json")), text).unwrap();
            }
        }
    }
}

#[test]
fn a_record_from_a_newer_version_is_refused_with_the_reason() {
    let newer = r#"{"format":3,"at":0,"reason":"later"}"#;
    assert_eq!(
        Record::decode("parked", newer).unwrap_err().to_string(),
        "record format 3 is newer than 2, the newest that this version reads"
    );
    let unknown = Record::decode("dream", "{}").unwrap_err().to_string();
    assert!(unknown.starts_with("unknown kind of record 'dream'"), "{unknown}");
    let damaged = Record::decode("turn", "{\"format\":1}").unwrap_err().to_string();
    assert!(damaged.starts_with("cannot read a record of kind 'turn': "), "{damaged}");
}
