//! A file above 400 lines holds two ideas; the split usually has a name already.

use tidy::{assert_none, source_files};

const MAX_LINES: usize = 400;
const SOURCES: [&str; 9] = ["rs", "wit", "sql", "sh", "py", "js", "mjs", "ts", "html"];

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let sources: Vec<_> = source_files().into_iter().filter(|file| file.has_extension(&SOURCES)).collect();
    assert!(sources.iter().any(|file| file.path == "tests/tidy/src/lib.rs"), "the walk misses this very crate");
    let too_long = sources.iter().map(|file| (file, file.text.lines().count())).filter(|(_, lines)| *lines > MAX_LINES);
    let breaches: Vec<_> = too_long.map(|(file, lines)| format!("{}: {lines} lines", file.path)).collect();
    assert_none("split these files", &breaches);
}
