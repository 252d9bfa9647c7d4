//! Words that must not stay: promises to finish later, paths of one machine, `unsafe`, and persons where
//! a comment speaks of threads, requests or instances.

use tidy::{assert_none, source_files};

/// The only files that may contain `unsafe`, each with the reason.
const MAY_BE_UNSAFE: [&str; 1] = [
    // Loading native code that this host compiled before: wasmtime marks it unsafe because it trusts the file.
    "host/wasm/src/compiled/trusted_code.rs",
];

/// Where comments and prose are free of persons for things. Add a folder once it is.
const PLAIN: [&str; 12] = [
    "host/core/src/",
    "host/store/",
    "host/wasm/",
    "sdk/",
    "wit/",
    "xtask/",
    "bench/",
    "docs/",
    "README.md",
    "SECURITY.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
];

/// Assembled, so that this file does not contain what it forbids.
fn unfinished() -> [String; 5] {
    [["to", "do!("], ["unimplemen", "ted!("], ["db", "g!("], ["FIX", "ME"], ["X", "XX"]].map(|parts| parts.concat())
}

fn machine_paths() -> [String; 3] {
    [["/wor", "k/"], ["/ro", "ot/"], ["/ho", "me/"]].map(|parts| parts.concat())
}

/// Words for persons. The subject of a sentence is a thing with a name: a request, a thread, a caller.
fn persons() -> [String; 6] {
    [["who", "ever"], ["no", "body"], ["some", "body"], ["any", "body"], ["every", "body"], ["who", "m"]].map(|parts| parts.concat())
}

/// What a line says to people: its comment, or all of it where the file is prose.
fn prose_of<'line>(path: &str, line: &'line str) -> Option<&'line str> {
    if path.ends_with(".md") { Some(line) } else { line.find("//").map(|start| &line[start..]) }
}

/// Whether a text speaks of a thing as of a person: by one of the words, or by a sentence about an unnamed one.
fn speaks_of_persons(text: &str) -> bool {
    let words = text.split(|character: char| !character.is_alphanumeric() && character != '_');
    let is_person = |word: &str| persons().iter().any(|person| person.eq_ignore_ascii_case(word));
    let begins_with = ["/// Wh", "//! Wh", "// Wh", ". Wh"].map(|start| format!("{start}o "));
    words.into_iter().any(is_person) || begins_with.iter().any(|start| text.contains(start.as_str()))
}

/// Whether the text contains the needle, not as the end of a longer word or path.
fn contains_apart(text: &str, needle: &str) -> bool {
    text.match_indices(needle).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        before.is_none_or(|character| !(character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '}' | '/')))
    })
}

/// Whether code, not a comment, a string of prose or a longer name such as `unsafe_code`, uses the keyword.
fn uses_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let keyword = ["un", "safe"].concat();
    ["{", "fn", "impl", "trait", "extern"].iter().any(|after| contains_apart(code, &format!("{keyword} {after}")))
        || contains_apart(code, &format!("#[{keyword}("))
}

fn breaches(extensions: Option<&[&str]>, mut breaks: impl FnMut(&str, &str) -> bool) -> Vec<String> {
    let files = source_files().into_iter().filter(|file| extensions.is_none_or(|extensions| file.has_extension(extensions)));
    let mut found = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            if breaks(&file.path, line) {
                found.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_unfinished() {
    let words = unfinished();
    let found = breaches(Some(&["rs", "wit", "sql", "toml", "sh", "py", "js", "ts"]), |_, line| {
        words.iter().any(|word| contains_apart(line, word))
    });
    assert_none("finish these, or open an issue", &found);
}

#[test]
fn no_file_mentions_the_paths_of_one_machine() {
    let paths = machine_paths();
    let found = breaches(None, |_, line| paths.iter().any(|path| contains_apart(line, path)));
    assert_none("these paths exist on one machine only", &found);
}

#[test]
fn unsafe_code_stays_where_it_is_argued() {
    let found = breaches(Some(&["rs"]), |path, line| !MAY_BE_UNSAFE.contains(&path) && uses_unsafe(line));
    assert_none("no unsafe code outside the list in this test", &found);
}

#[test]
fn comments_name_what_they_speak_of() {
    let found = breaches(Some(&["rs", "wit", "md"]), |path, line| {
        PLAIN.iter().any(|plain| path.starts_with(plain)) && prose_of(path, line).is_some_and(speaks_of_persons)
    });
    assert_none("name the request, the thread, the instance or the caller", &found);
}

#[test]
fn a_person_is_found_in_a_comment_and_not_in_code() {
    let person = persons()[0].clone();
    assert!(prose_of("a.rs", &format!("let a = 1; // {person} waits")).is_some_and(speaks_of_persons));
    assert!(prose_of("a.md", &format!("{person} waits")).is_some_and(speaks_of_persons));
    assert!(prose_of("a.rs", &format!("let {person} = 1;")).is_none());
    assert!(speaks_of_persons(&format!("/// Wh{} waits.", 'o')) && !speaks_of_persons("// People who run it, and their whole day."));
}

#[test]
fn a_needle_is_found_apart_but_not_inside_a_longer_word() {
    assert!(contains_apart("see (needle)", "needle"));
    assert!(contains_apart("needle", "needle"));
    assert!(!contains_apart("a_needle", "needle"));
    assert!(!contains_apart("net/needle", "needle"));
}

#[test]
fn a_block_breaks_the_rule_and_the_name_of_the_lint_does_not() {
    let keyword = ["un", "safe"].concat();
    assert!(uses_unsafe(&format!("let loaded = {keyword} {{ load() }};")));
    assert!(uses_unsafe(&format!("pub {keyword} fn load()")));
    assert!(!uses_unsafe(&format!("#![allow({keyword}_code)]")));
    assert!(!uses_unsafe(&format!("// no {keyword} {{ here")));
}
