//! Every rule in `docs/contract.md` and every promise in `docs/guarantees.md` names tests that exist:
//! rename a test, and this one tells you which row to mend. Every section that a rule cites has its
//! text in `docs/contract`.

use std::collections::BTreeSet;
use std::path::Path;

use tidy::{assert_none, root, source_files};

const CONTRACT: &str = "docs/contract.md";
/// Where the text of the contract stands, one file for each group of sections.
const TEXTS: &str = "docs/contract";
const GUARANTEES: &str = "docs/guarantees.md";
/// Where a test `module::name` stands: end to end, or beside the code.
const HOMES: [&str; 2] = ["tests/e2e/tests/suite", "host/http/src"];
/// The sections of the contract that say what is answered when. The others are sources, an overview, and what other hosts do.
const SECTIONS: [&str; 29] = [
    "1", "1.1", "3", "4", "5", "6", "7", "8", "9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "10.1", "10.2", "10.3", "10.4", "10.5",
    "10.6", "10.7", "10.8", "10.9", "10.10", "10.11", "10.12", "11", "12.1",
];

/// A row of a table: its section, and the column of its tests.
struct Row {
    number: usize,
    sections: String,
    tests: String,
}

fn rows(page: &str) -> Vec<Row> {
    let cells = page.lines().enumerate().filter_map(|(index, line)| {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [sections, _, tests] = cells[..] else { return None };
        Some(Row { number: index + 1, sections: sections.to_owned(), tests: tests.to_owned() })
    });
    cells.filter(|row| row.tests != "test").collect()
}

/// The names of a row with the files that they may stand in. A name on its own stands in the file that is named next.
fn named(tests: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let (mut found, mut waiting) = (Vec::new(), Vec::new());
    for word in tests.split('`').skip(1).step_by(2) {
        if word.ends_with(".rs") {
            let names = if waiting.is_empty() { vec![String::new()] } else { std::mem::take(&mut waiting) };
            found.extend(names.into_iter().map(|name| (name, vec![word.to_owned()])));
        } else if let Some((module, name)) = word.split_once("::") {
            found.push((name.to_owned(), HOMES.iter().map(|home| format!("{home}/{module}.rs")).collect()));
        } else {
            waiting.push(word.to_owned());
        }
    }
    match waiting.first() {
        Some(name) => Err(format!("no file is named after {name}")),
        None if found.is_empty() => Err("no test is named".to_owned()),
        None => Ok(found),
    }
}

/// Whether one of the files has a test of that name; any, if the name is empty.
fn exists(name: &str, files: &[String]) -> bool {
    files.iter().filter_map(|file| std::fs::read_to_string(root().join(file)).ok()).any(|text| has_test(&text, name))
}

fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.windows(2).any(|pair| {
        let function = pair[1].trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        let is_test = matches!(pair[0], "#[test]" | "#[tokio::test]") || pair[0].starts_with("#[tokio::test(");
        is_test && function.is_some_and(|function| name.is_empty() || function == name)
    })
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).expect("the page is there")
}

/// What is wrong with the tests that a page names. Only rows of three cells name any.
fn breaches(page: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for row in rows(&read(page)) {
        match named(&row.tests) {
            Err(problem) => breaches.push(format!("{page}:{}: {problem}", row.number)),
            Ok(tests) => {
                let missing = tests.iter().filter(|(name, files)| !exists(name, files));
                breaches.extend(missing.map(|(name, files)| format!("{page}:{}: {name} in {}", row.number, files.join(" or "))));
            }
        }
    }
    breaches
}

#[test]
fn every_test_that_the_contract_and_the_guarantees_name_exists() {
    let breaches: Vec<String> = [CONTRACT, GUARANTEES].into_iter().flat_map(breaches).collect();
    assert_none("these tests are named and do not exist", &breaches);
}

#[test]
fn every_promise_has_a_row() {
    let rows = rows(&read(GUARANTEES));
    let missing: Vec<String> = ["1", "2", "3", "4", "5"]
        .into_iter()
        .filter(|promise| rows.iter().all(|row| row.sections != *promise))
        .map(str::to_owned)
        .collect();
    assert_none("these promises have no row in docs/guarantees.md", &missing);
}

#[test]
fn every_section_of_the_contract_has_a_row() {
    let rows = rows(&read(CONTRACT));
    let words = rows.iter().flat_map(|row| row.sections.split([' ', ',']));
    let present: BTreeSet<&str> = words.collect();
    let missing: Vec<String> = SECTIONS.iter().filter(|section| !present.contains(*section)).map(|section| section.to_string()).collect();
    assert_none("these sections have no row in docs/contract.md", &missing);
}

/// The sections that a text has: the numbers at the front of its headings (`## 5. Lists`, `### 9.2 Events`) and of its tables' rows.
fn sections_of(text: &str) -> BTreeSet<String> {
    let numbers = text.lines().filter_map(|line| {
        let heading = line.strip_prefix("### ").or_else(|| line.strip_prefix("## "));
        let number = heading.or_else(|| line.strip_prefix("| "))?.split(' ').next()?.trim_end_matches('.');
        is_section(number).then(|| number.to_owned())
    });
    numbers.collect()
}

fn is_section(word: &str) -> bool {
    !word.is_empty() && word.split('.').all(|part| !part.is_empty() && part.chars().all(|character| character.is_ascii_digit()))
}

#[test]
fn every_section_that_a_row_cites_has_a_text() {
    let texts = source_files().into_iter().filter(|file| Path::new(&file.path).parent() == Some(Path::new(TEXTS)));
    let present: BTreeSet<String> = texts.flat_map(|file| sections_of(&file.text)).collect();
    let mut missing = Vec::new();
    for row in rows(&read(CONTRACT)) {
        let cited = row.sections.split([' ', ',']).filter(|word| is_section(word));
        missing.extend(cited.filter(|cited| !present.contains(*cited)).map(|cited| format!("{CONTRACT}:{}: {cited}", row.number)));
    }
    assert_none("these sections have no text in docs/contract", &missing);
}

#[test]
fn a_section_is_a_heading_or_the_front_of_a_row() {
    let found = sections_of("## 5. Lists\n### 9.2 Events\n| 14.3 | text |\n| 404 | 7 |\nsee 8\n## Words\n| section | rule |");
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ["14.3", "404", "5", "9.2"]);
    assert!(is_section("10.12") && !is_section("–") && !is_section("10.") && !is_section(""));
}

#[test]
fn a_name_stands_in_the_file_after_it_or_in_its_module() {
    let files =
        |tests: &str| named(tests).map(|found| found.into_iter().map(|(name, files)| format!("{name} {}", files[0])).collect::<Vec<_>>());
    assert_eq!(files("`a`, `b` in `x/y.rs`; `c` in `z.rs`").unwrap(), ["a x/y.rs", "b x/y.rs", "c z.rs"]);
    assert_eq!(files("`http_start::a`, `x.rs`").unwrap(), ["a tests/e2e/tests/suite/http_start.rs", " x.rs"]);
    assert!(files("`a`").is_err() && files("see there").is_err());
}

#[test]
fn only_tests_count() {
    let text = "fn helper() {}\n#[test]\nfn plain() {}\n#[tokio::test]\nasync fn other() {}";
    assert!(has_test(text, "plain") && has_test(text, "other") && has_test(text, "") && !has_test(text, "helper"));
}
