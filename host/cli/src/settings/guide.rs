//! Every limit that can be set stands in `docs/guide/limits.md` with its default, and what stands
//! there can be set.

use std::collections::BTreeMap;
use std::path::Path;

use clap::CommandFactory;

use super::{LimitOptions, ServeOptions};
use crate::Cli;

fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/limits.md");
    std::fs::read_to_string(page).expect("the page of limits")
}

fn names(of_rows: &[&str]) -> Vec<String> {
    of_rows.iter().map(|name| name.replace('_', "-")).collect()
}

/// The rows of the page's tables: the names in their column of settings, and whether they are said to be in `[limits]`.
fn rows() -> Vec<(String, bool)> {
    let page = page();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1).map(str::to_owned));
    cells.filter_map(|cell| Some((cell.strip_prefix('`')?.split('`').next()?.to_owned(), cell.contains("`[limits]`")))).collect()
}

#[test]
fn every_setting_of_the_table_limits_is_documented() {
    let documented = rows();
    let missing = names(LimitOptions::NAMES).into_iter().filter(|name| !documented.contains(&(name.clone(), true)));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new(), "settings that the page does not show in `[limits]`");
}

#[test]
fn every_setting_on_the_page_exists() {
    let (limits, others) = (names(LimitOptions::NAMES), names(ServeOptions::NAMES));
    let unknown = rows().into_iter().filter(|(name, in_table)| if *in_table { !limits.contains(name) } else { !others.contains(name) });
    assert_eq!(unknown.map(|(name, _)| name).collect::<Vec<_>>(), Vec::<String>::new(), "settings on the page that do not exist");
}

/// The number that a text begins with; thousands may have commas.
fn number(text: &str) -> Option<u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit() && c != ',').next()?;
    digits.replace(',', "").parse().ok()
}

/// The defaults of all settings, as the help of the command tells them, where they are numbers.
fn defaults() -> BTreeMap<String, u64> {
    let command = Cli::command();
    let serve = command.find_subcommand("serve").expect("the command");
    let default = |argument: &clap::Arg| {
        let help = argument.get_help()?.to_string();
        let (_, default) = help.split_once("[default: ")?;
        Some((argument.get_long()?.to_owned(), number(default)?))
    };
    serve.get_arguments().filter_map(default).collect()
}

#[test]
fn the_page_has_the_defaults_that_the_help_has() {
    let (page, defaults) = (page(), defaults());
    assert!(defaults.len() >= 20, "the defaults cannot be found: {defaults:?}");
    let mut wrong = Vec::new();
    for cells in page.lines().filter_map(|line| Some(line.strip_prefix("| ")?.split(" | ").collect::<Vec<_>>())) {
        let [_, setting, shown, ..] = cells[..] else { continue };
        let name = setting.trim_start_matches('`').split('`').next().unwrap_or_default();
        if let Some(default) = defaults.get(name)
            && number(shown) != Some(*default)
        {
            wrong.push(format!("{name}: {shown}, and the help says {default}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "defaults on the page that are not those of the help");
}
