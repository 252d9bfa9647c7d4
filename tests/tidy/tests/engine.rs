//! The engine's files import downward: no circle of files, and only the state's own files can name a
//! field of the locked state.

use std::collections::{BTreeMap, BTreeSet};

use tidy::{assert_none, source_files};

const ENGINE: &str = "host/engine/src/";

/// A module's path below the crate; the root's is empty.
type Module = Vec<String>;

/// The engine's files by their modules, without tests and without comments.
fn modules() -> BTreeMap<Module, String> {
    let files = source_files().into_iter().filter(|file| file.path.starts_with(ENGINE) && file.path.ends_with(".rs"));
    let modules: BTreeMap<_, _> = files
        .map(|file| {
            let path = file.path[ENGINE.len()..].trim_end_matches(".rs").to_owned();
            let module: Module = if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() };
            (module, code_of(&file.text))
        })
        .filter(|(module, _)| module.last().is_none_or(|name| name != "tests"))
        .collect();
    assert!(modules.len() > 40, "the engine's files cannot be found: {:?}", modules.keys());
    modules
}

/// The code without comments, without what stands there for tests, which is last in its file, and without
/// declarations of modules: a parent must name its files.
fn code_of(text: &str) -> String {
    let tests_at = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let code = text[..tests_at].lines().map(|line| line.split("//").next().unwrap_or_default());
    let is_declaration = |line: &&str| {
        let (_, after) = line.split_once("mod ").unwrap_or_default();
        after.ends_with(';') && !line.contains("use ")
    };
    code.filter(|line| !is_declaration(line)).map(without_visibility).collect::<Vec<_>>().join("\n")
}

/// The line without what follows `pub` in parentheses: it names a module and imports nothing.
fn without_visibility(line: &str) -> String {
    let mut parts = line.split("pub(");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| line + part.split_once(')').map_or(part, |(_, after)| after))
}

#[derive(Debug, PartialEq)]
enum Token<'code> {
    Name(&'code str),
    Colons,
    Other(char),
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token::Name(&rest[..length]));
            length
        } else if rest.starts_with("::") {
            found.push(Token::Colons);
            2
        } else {
            found.push(Token::Other(first));
            first.len_utf8()
        };
        rest = rest[length..].trim_start();
    }
    found
}

/// Every path that the code writes, groups of a `use` taken apart.
fn paths(code: &str) -> BTreeSet<Vec<String>> {
    let tokens = tokens(code);
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < tokens.len() {
        at = match tokens[at] {
            Token::Name(_) => path_at(&tokens, at, &[], &mut found),
            Token::Colons | Token::Other(_) => at + 1,
        };
    }
    found
}

/// Reads the path that begins at `at`, below `prefix`. Returns where it ends.
fn path_at(tokens: &[Token<'_>], mut at: usize, prefix: &[String], found: &mut BTreeSet<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(Token::Name(name)) = tokens.get(at) {
        path.push((*name).to_owned());
        at += 1;
        if tokens.get(at) != Some(&Token::Colons) {
            break;
        }
        at += 1;
        if tokens.get(at) == Some(&Token::Other('{')) {
            at += 1;
            while at < tokens.len() && tokens[at] != Token::Other('}') {
                at = match tokens[at] {
                    Token::Name(_) => path_at(tokens, at, &path, found),
                    Token::Colons | Token::Other(_) => at + 1,
                };
            }
            return at + 1;
        }
    }
    found.insert(path);
    at
}

/// The module that a path of `from` leads into, if it is one of ours.
fn target(from: &Module, path: &[String], modules: &BTreeMap<Module, String>) -> Option<Module> {
    let (mut module, mut rest) = match path.first()?.as_str() {
        "crate" => (Module::new(), &path[1..]),
        "super" | "self" => (from.clone(), path),
        // A single name is a field or a variable.
        child if path.len() > 1 => {
            let child = [from.as_slice(), &[child.to_owned()]].concat();
            (modules.contains_key(&child).then_some(child)?, &path[1..])
        }
        _ => return None,
    };
    while let Some((step, after)) = rest.split_first() {
        match step.as_str() {
            "super" => _ = module.pop(),
            "self" => {}
            name => {
                let below = [module.as_slice(), &[name.to_owned()]].concat();
                if !modules.contains_key(&below) {
                    break;
                }
                module = below;
            }
        }
        rest = after;
    }
    (module != *from).then_some(module)
}

fn imports(modules: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let of = |(module, code): (&Module, &String)| {
        let found = paths(code).iter().filter_map(|path| target(module, path, modules)).collect();
        (module.clone(), found)
    };
    modules.iter().map(of).collect()
}

/// A circle among the imports that can be reached from `at`, if there is one. `on_way`: how `at` was reached.
fn circle_from<'graph>(
    at: &'graph Module,
    graph: &'graph BTreeMap<Module, BTreeSet<Module>>,
    on_way: &mut Vec<&'graph Module>,
    done: &mut BTreeSet<&'graph Module>,
) -> Option<String> {
    if let Some(begin) = on_way.iter().position(|module| *module == at) {
        let names = on_way[begin..].iter().chain([&at]).map(|module| module.join("/"));
        return Some(names.collect::<Vec<_>>().join(" -> "));
    }
    if done.contains(at) {
        return None;
    }
    on_way.push(at);
    let found = graph[at].iter().find_map(|next| circle_from(next, graph, on_way, done));
    on_way.pop();
    done.insert(at);
    found
}

fn circles(graph: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<String> {
    let mut done = BTreeSet::new();
    graph.keys().filter_map(|module| circle_from(module, graph, &mut Vec::new(), &mut done)).collect()
}

#[test]
fn no_circle_of_files_is_in_the_engine() {
    let graph = imports(&modules());
    assert!(graph[&vec!["engine".to_owned()]].len() > 5, "the imports cannot be read: {graph:?}");
    assert_none("these files of the engine import one another", &circles(&graph));
}

#[test]
fn only_files_of_the_state_can_name_a_field_of_it() {
    let files = source_files();
    let code = |path: &str| {
        let path = format!("{ENGINE}{path}.rs");
        files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("there is no {path}")).text.as_str()
    };
    let body = |path: &str, name: &str| {
        let (_, after) = code(path).split_once(&format!("struct {name} {{\n")).unwrap_or_else(|| panic!("{path} has no struct {name}"));
        after.split("\n}").next().unwrap_or_default().to_owned()
    };
    // The compiler keeps private fields to the scheduler's own files.
    let open: Vec<_> =
        body("state/scheduler", "Scheduler").lines().filter(|line| line.trim().starts_with("pub")).map(str::to_owned).collect();
    assert_none("fields of the scheduler that other files can name", &open);
    let parts = [
        ("state/instance", "InstanceCell"),
        ("state/mailbox", "Mailbox"),
        ("state/commit_queue", "CommitQueue"),
        ("state/activity_queue", "ActivityQueue"),
        ("state/wakeups", "Wakeups"),
        ("state/prefetch", "Prefetch"),
        ("state/lane", "Lane"),
        ("state/idle_threads", "IdleThreads"),
    ];
    let shown = |(path, name): &(&str, &str)| !code(path).contains(&format!("pub(super) struct {name} {{"));
    let found: Vec<_> = parts.iter().filter(|part| shown(part)).map(|(path, name)| format!("{name} in {path}")).collect();
    assert_none("parts of the state that files outside of it can name", &found);
}

#[test]
fn paths_are_read_from_imports_and_from_code() {
    let code = "use crate::{a::B, c::{self, d::E}};\nuse super::f;\nfn g() { h::i(crate::j::K); }";
    let found: Vec<_> = paths(code).into_iter().map(|path| path.join("::")).filter(|path| path.contains("::")).collect();
    assert_eq!(found, ["crate::a::B", "crate::c::d::E", "crate::c::self", "crate::j::K", "h::i", "super::f"]);
}

#[test]
fn a_circle_is_found_and_named() {
    let sources =
        [("", "pub mod a;"), ("a", "pub(crate) mod c;\nuse crate::b::X;"), ("b", "fn f(x: crate::a::c::C) {}"), ("a/c", "use super::A;")];
    let modules: BTreeMap<Module, String> = sources
        .into_iter()
        .map(|(path, code)| (path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect(), code_of(code)))
        .collect();
    assert_eq!(circles(&imports(&modules)), ["a -> b -> a/c -> a"]);
}
