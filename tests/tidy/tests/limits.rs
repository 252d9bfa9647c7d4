//! Every limit that can be set stands in `docs/guide/limits.md` with its default, and what stands there can be set.

use tidy::{assert_none, root};

const PAGE: &str = "docs/guide/limits.md";
/// The table `[limits]` of the settings, and the settings beside it.
const LIMITS: &str = "host/cli/src/settings/limits.rs";
const SETTINGS: &str = "host/cli/src/settings.rs";

/// The names of the optional members of a file's structs, as settings are written.
fn settings(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("cannot read {file}: {error}"));
    let members = text.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": Option<"));
    members.map(|(name, _)| name.replace('_', "-")).collect()
}

/// The rows of the page's tables: the names in their column of settings, and whether they are said to be in `[limits]`.
fn rows() -> Vec<(String, bool)> {
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page of limits");
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1).map(str::to_owned));
    cells.filter_map(|cell| Some((cell.strip_prefix('`')?.split('`').next()?.to_owned(), cell.contains("`[limits]`")))).collect()
}

#[test]
fn every_setting_of_the_table_limits_is_documented() {
    let documented = rows();
    let limits = settings(LIMITS);
    assert!(limits.len() >= 6, "the settings cannot be found: {limits:?}");
    let missing = limits.into_iter().filter(|name| !documented.contains(&(name.clone(), true)));
    assert_none(&format!("settings that {PAGE} does not show in `[limits]`"), &missing.collect::<Vec<_>>());
}

#[test]
fn every_setting_on_the_page_exists() {
    let (limits, others) = (settings(LIMITS), settings(SETTINGS));
    let unknown = rows().into_iter().filter(|(name, in_table)| if *in_table { !limits.contains(name) } else { !others.contains(name) });
    assert_none(&format!("settings on {PAGE} that do not exist"), &unknown.map(|(name, _)| name).collect::<Vec<_>>());
}

/// The number that a text begins with; thousands may have commas.
fn number(text: &str) -> Option<u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit() && c != ',').next()?;
    digits.replace(',', "").parse().ok()
}

/// The defaults of a file's settings, as their help tells them, where they are numbers.
fn defaults(file: &str) -> Vec<(String, u64)> {
    let text = std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("cannot read {file}: {error}"));
    let mut said = None;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some((_, default)) = line.strip_prefix("///").and_then(|help| help.split_once("[default: ")) {
            said = number(default);
        } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|member| member.split_once(": Option<")) {
            found.extend(said.take().map(|default| (name.replace('_', "-"), default)));
        }
    }
    found
}

#[test]
fn the_page_has_the_defaults_that_the_help_has() {
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page of limits");
    let defaults: Vec<_> = [LIMITS, SETTINGS].into_iter().flat_map(defaults).collect();
    assert!(defaults.len() >= 20, "the defaults cannot be found: {defaults:?}");
    let mut wrong = Vec::new();
    for cells in page.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split(" | ").collect::<Vec<_>>())) {
        let [_, setting, shown, ..] = cells[..] else { continue };
        let name = setting.trim_start_matches('`').split('`').next().unwrap_or_default();
        if let Some((name, default)) = defaults.iter().find(|(other, _)| other == name)
            && number(shown) != Some(*default)
        {
            wrong.push(format!("{name}: {shown}, and the help says {default}"));
        }
    }
    assert_none(&format!("defaults on {PAGE} that are not those of the help"), &wrong);
}
