//! Planted bugs: each applies to the code as it is, names a test that there is, and stands in the guide.

use std::collections::BTreeSet;
use std::process::Command;

use tidy::{SourceFile, assert_none, root, source_files};

const FOLDER: &str = "tests/planted/";
const GUIDE: &str = "docs/guide/planted-bugs.md";

fn patches() -> Vec<SourceFile> {
    let entries = root().join(FOLDER).read_dir().expect("the folder of planted bugs can be read");
    let names = entries.map(|entry| entry.expect("an entry of the folder").file_name().to_string_lossy().into_owned());
    let patches: Vec<_> = names
        .filter(|name| name.ends_with(".patch"))
        .map(|name| SourceFile {
            text: std::fs::read_to_string(root().join(FOLDER).join(&name)).expect("a patch can be read"),
            path: format!("{FOLDER}{name}"),
        })
        .collect();
    assert!(patches.len() >= 10, "there are {} planted bugs in {FOLDER}, and at least ten are wanted", patches.len());
    patches
}

/// The value of a line of a patch's head.
fn head<'text>(patch: &'text SourceFile, field: &str) -> Option<&'text str> {
    let mut lines = patch.text.lines().take_while(|line| !line.starts_with("diff "));
    lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
}

#[test]
fn every_planted_bug_applies_to_the_code() {
    let applies = |patch: &SourceFile| {
        let check = Command::new("git").args(["apply", "--check", &patch.path]).current_dir(root()).output().expect("git can be started");
        (!check.status.success()).then(|| format!("{}: {}", patch.path, String::from_utf8_lossy(&check.stderr).trim()))
    };
    let found: Vec<_> = patches().iter().filter_map(applies).collect();
    assert_none("the code has changed under these planted bugs: make them again", &found);
}

#[test]
fn every_planted_bug_says_what_it_is_and_names_a_test_that_there_is() {
    let sources: Vec<_> = source_files().into_iter().filter(|file| file.has_extension(&["rs"])).collect();
    let mut found = Vec::new();
    for patch in patches() {
        for field in ["Bug", "Breaks", "Test"] {
            if head(&patch, field).is_none_or(str::is_empty) {
                found.push(format!("{} has no line `{field}: ...`", patch.path));
            }
        }
        let test = head(&patch, "Test").and_then(|test| test.split_whitespace().last()).unwrap_or_default();
        let declared = format!("fn {test}(");
        if !sources.iter().any(|file| file.text.contains(&declared)) {
            found.push(format!("{}: there is no test `{test}`", patch.path));
        }
    }
    assert_none("planted bugs with a wrong head", &found);
}

#[test]
fn the_guide_lists_the_planted_bugs_and_no_others() {
    let guide = std::fs::read_to_string(root().join(GUIDE)).expect("the guide can be read");
    let names: BTreeSet<_> = patches().iter().map(|patch| patch.path[FOLDER.len()..].trim_end_matches(".patch").to_owned()).collect();
    let listed: BTreeSet<_> =
        guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, names, "the table of {GUIDE} and the patches of {FOLDER}");
}
