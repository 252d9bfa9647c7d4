//! What has to be written in several places, because they share no code, is the same in all of them.

use tidy::{assert_none, root};

/// The statuses of an instance: in the core, in the contract with guests, and in the SDK.
const STATUSES: [(&str, &str); 3] = [
    ("host/core/src/model/status.rs", "pub enum RuntimeStatus {"),
    ("wit/client.wit", "enum runtime-status {"),
    ("sdk/rust/src/client/mod.rs", "pub enum RuntimeStatus {"),
];

/// The variants behind the opening line, in their order, in `PascalCase`.
fn variants(text: &str, opening: &str) -> Vec<String> {
    let body = text.split_once(opening).and_then(|(_, rest)| rest.split_once('}')).map_or("", |(body, _)| body);
    let code = body.lines().map(|line| line.split("//").next().unwrap_or_default());
    let words = code.flat_map(|line| line.split(',')).map(str::trim).filter(|word| !word.is_empty() && !word.starts_with('#'));
    words.map(pascal_case).collect()
}

fn pascal_case(word: &str) -> String {
    let capitalized = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split('-').map(capitalized).collect()
}

#[test]
fn all_copies_of_the_statuses_have_the_same_names_in_the_same_order() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
    let copies: Vec<_> = STATUSES.iter().map(|(path, opening)| (path, variants(&read(path), opening))).collect();
    let (_, first) = &copies[0];
    assert_eq!(first.len(), 8, "{first:?}");
    let others: Vec<_> = copies.iter().filter(|(_, names)| names != first).map(|(path, names)| format!("{path}: {names:?}")).collect();
    assert_none(&format!("these differ from {first:?}"), &others);
}

#[test]
fn variants_are_read_from_rust_and_from_wit() {
    assert_eq!(variants("enum a { running, continued-as-new }", "enum a {"), ["Running", "ContinuedAsNew"]);
    assert_eq!(variants("enum A {\n    /// Runs.\n    Running,\n    Failed, // No.\n}", "enum A {"), ["Running", "Failed"]);
}
