//! Reads the bugs of `tests/planted`.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::workspace;

/// A deliberate bug.
#[derive(Debug)]
pub struct Bug {
    /// The patch's file name without its end.
    pub name: String,
    /// What is wrong.
    pub what: String,
    /// The promise that it breaks.
    pub breaks: String,
    /// What follows `cargo test`; its last word is the test's name.
    pub test: String,
    /// The file.
    pub patch: PathBuf,
}

/// All bugs, by name.
///
/// # Errors
/// When a patch cannot be read, or lacks a line of its head.
pub fn all() -> anyhow::Result<Vec<Bug>> {
    let folder = workspace::root().join("tests/planted");
    let entries = folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))?;
    let mut bugs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "patch") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            bugs.push(parse(&path, &text)?);
        }
    }
    bugs.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(bugs)
}

fn parse(path: &Path, text: &str) -> anyhow::Result<Bug> {
    let head = |field: &str| {
        let lines = || text.lines().take_while(|line| !line.starts_with("diff ") && !line.starts_with("--- "));
        let value = lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": "));
        value.map(str::to_owned).with_context(|| format!("{} has no line `{field}: ...` before its changes", path.display()))
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Bug { name, what: head("Bug")?, breaks: head("Breaks")?, test: head("Test")?, patch: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_names_its_bug_and_the_test_that_catches_it() {
        let text = "Bug: timers fire early\nBreaks: never early\nTest: -p longhaul-core --lib timers\n\n--- a/x\n+++ b/x\n";
        let bug = parse(Path::new("tests/planted/early-timer.patch"), text).expect("its head is whole");
        assert_eq!((bug.name.as_str(), bug.what.as_str()), ("early-timer", "timers fire early"));
        assert_eq!((bug.breaks.as_str(), bug.test.as_str()), ("never early", "-p longhaul-core --lib timers"));
    }

    #[test]
    fn a_patch_without_a_test_is_refused_by_name() {
        let text = "Bug: timers fire early\nBreaks: never early\n\n--- a/x\nTest: too late\n";
        let error = parse(Path::new("early-timer.patch"), text).expect_err("the test stands among the changes");
        assert!(error.to_string().contains("early-timer.patch has no line `Test: ...`"), "{error}");
    }
}
