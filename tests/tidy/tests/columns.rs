//! Comments fit into 100 columns, so that they read as prose beside code of any width.

use tidy::{assert_none, source_files};

const MAX_COLUMNS: usize = 100;
/// Where that holds. A folder that has come so far is added and stays.
const FOLDERS: [&str; 6] = ["host/core/", "host/engine/", "host/store/", "host/wasm/", "tests/seeded/", "tests/simulation/"];

/// Whether a line is nothing but a comment, and too long for one. A single word that is too long
/// cannot be wrapped.
fn is_too_long(line: &str) -> bool {
    let comment = line.trim_start();
    comment.starts_with("//") && line.chars().count() > MAX_COLUMNS && comment.trim_start_matches(['/', '!', '-', ' ']).contains(' ')
}

#[test]
fn comments_fit_into_100_columns() {
    let sources =
        source_files().into_iter().filter(|file| file.has_extension(&["rs"]) && FOLDERS.iter().any(|folder| file.path.starts_with(folder)));
    let too_long = sources.flat_map(|file| {
        let lines = file.text.lines().enumerate().filter(|(_, line)| is_too_long(line));
        lines.map(|(index, _)| format!("{}:{}", file.path, index + 1)).collect::<Vec<_>>()
    });
    assert_none("wrap these comments", &too_long.collect::<Vec<_>>());
}

#[test]
fn code_and_single_words_may_be_longer() {
    let long = "x".repeat(MAX_COLUMNS);
    assert!(is_too_long(&format!("    /// a {long}")));
    assert!(!is_too_long(&format!("/// {long}")));
    assert!(!is_too_long(&format!("let a = \"{long} {long}\";")));
}
