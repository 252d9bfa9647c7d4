//! Links and paths in Markdown lead somewhere. Rename freely; this test tells you what to mend.

use std::path::Path;

use tidy::{SKIPPED_FOLDERS, assert_none, root, source_files};

/// A word in back-ticks with a slash and one of these endings is meant as a path of this repository.
const PATH_EXTENSIONS: [&str; 13] = ["rs", "wit", "sql", "toml", "md", "sh", "py", "js", "mjs", "ts", "json", "yml", "html"];

/// The lines outside fenced code, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// The targets of `[text](target)` that are not addresses on the web, without their `#anchor`.
fn links(line: &str) -> Vec<&str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    files.map(|target| target.split(['#', ' ']).next().unwrap_or_default()).filter(|target| !target.is_empty()).collect()
}

/// The words in back-ticks that look like paths of this repository.
fn quoted_paths(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).filter(|word| looks_like_a_path(word)).collect()
}

fn looks_like_a_path(word: &str) -> bool {
    let plain = word.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '/' | '.' | '_' | '-'));
    let ends_like_one = word.ends_with('/') || PATH_EXTENSIONS.iter().any(|extension| word.ends_with(&format!(".{extension}")));
    // What a build leaves behind need not be there.
    let is_built = word.split('/').any(|folder| SKIPPED_FOLDERS.contains(&folder));
    plain && ends_like_one && word.contains('/') && !word.starts_with('/') && !is_built
}

/// A path may be written from the root, or from the folder of the page.
fn exists(page: &str, path: &str) -> bool {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    root().join(path).exists() || root().join(folder).join(path).exists()
}

#[test]
fn every_link_leads_to_a_file() {
    let mut broken = Vec::new();
    for page in source_files().iter().filter(|file| file.has_extension(&["md"])) {
        let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
        for (number, line) in prose(&page.text) {
            let missing = links(line).into_iter().filter(|target| !root().join(folder).join(target).exists());
            broken.extend(missing.map(|target| format!("{}:{number}: {target}", page.path)));
        }
    }
    assert_none("these links lead nowhere", &broken);
}

/// The `(target, anchor)` of each link with an anchor into a page of this repository; the target is empty for the page itself.
fn anchors(line: &str) -> Vec<(&str, &str)> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    targets.filter(|target| !target.contains("://")).filter_map(|target| target.split_once('#')).collect()
}

/// The anchor that a heading has: lower case, hyphens for blanks, no other punctuation than `-` and `_`.
fn anchor_of(heading: &str) -> String {
    let kept = heading.chars().filter(|character| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    prose(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| line.trim_start_matches('#').trim())
}

#[test]
fn every_anchor_is_a_heading() {
    let mut broken = Vec::new();
    for page in source_files().iter().filter(|file| file.has_extension(&["md"])) {
        let folder = root().join(Path::new(&page.path).parent().unwrap_or(Path::new("")));
        for (number, line) in prose(&page.text) {
            for (target, anchor) in anchors(line) {
                let text = if target.is_empty() { Ok(page.text.clone()) } else { std::fs::read_to_string(folder.join(target)) };
                if !text.is_ok_and(|text| headings(&text).any(|heading| anchor_of(heading) == anchor)) {
                    broken.push(format!("{}:{number}: {target}#{anchor}", page.path));
                }
            }
        }
    }
    assert_none("these anchors are no headings", &broken);
}

#[test]
fn every_path_in_back_ticks_exists() {
    let mut broken = Vec::new();
    for page in source_files().iter().filter(|file| file.has_extension(&["md"])) {
        for (number, line) in prose(&page.text) {
            let missing = quoted_paths(line).into_iter().filter(|path| !exists(&page.path, path));
            broken.extend(missing.map(|path| format!("{}:{number}: {path}", page.path)));
        }
    }
    assert_none("these paths do not exist", &broken);
}

#[test]
fn web_addresses_and_anchors_are_not_files() {
    assert_eq!(links("[a](docs/a.md#top) [b](https://example.com/b.md) [c](#here) [d](../d.md \"title\")"), ["docs/a.md", "../d.md"]);
}

#[test]
fn an_anchor_is_written_as_its_heading_without_punctuation() {
    assert_eq!(anchor_of("3. Start: POST `orchestrators/{fn}[/{id}]`"), "3-start-post-orchestratorsfnid");
    assert_eq!(anchors("[a](b.md#c) [d](#e) [f](https://g#h) [i](j.md)"), [("b.md", "c"), ("", "e")]);
}

#[test]
fn urls_routes_and_types_in_back_ticks_are_not_paths() {
    assert_eq!(
        quoted_paths("`host/core/` and `wit/types.wit`, `POST /api/Job`, `text/plain`, `<app>/components/`, `components/`"),
        ["host/core/", "wit/types.wit"]
    );
}

#[test]
fn fenced_code_is_not_prose() {
    let lines: Vec<_> = prose("a\n```sh\nb\n```\nc").collect();
    assert_eq!(lines, [(1, "a"), (5, "c")]);
}
