//! Bundles, manifests, allowed hosts.

use std::collections::HashSet;

use bytes::Bytes;
use http::Uri;
use longhaul_app::manifest::{Kind, MAX_MANIFEST_BYTES, Manifest};
use longhaul_app::package::{MAX_COMPONENT_BYTES, Package};
use longhaul_wasm::AllowedHosts;

use crate::input::{first_line, text};

/// A deployment's body.
///
/// What is taken is written to a body that is read as the same.
pub fn bundle(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let bundle = match Package::decode(&body) {
        Ok(bundle) => bundle,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let bytes: usize = bundle.components.iter().map(|file| file.bytes.len()).sum();
    assert!(bytes < data.len() && bundle.components.iter().all(|file| file.bytes.len() <= MAX_COMPONENT_BYTES));
    let paths: HashSet<_> = bundle.components.iter().map(|file| &file.path).collect();
    assert_eq!(paths.len(), bundle.components.len(), "a path stands once");
    assert_eq!(Package::decode(&bundle.encode().into()), Ok(bundle));
}

/// A manifest.
///
/// What is taken keeps the rules: bounded, inside its folder, each name and route once. A refusal names a line that is there.
pub fn manifest(data: &[u8]) {
    let text = text(data);
    let manifest = match Manifest::parse(&text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let message = error.to_string();
            let line = message.split_once(", line ").and_then(|(_, rest)| rest.split(':').next()?.parse::<usize>().ok());
            return assert!(line.is_none_or(|line| line <= text.matches('\n').count() + 1), "{message}");
        }
    };
    assert!(text.len() <= MAX_MANIFEST_BYTES && !manifest.functions.is_empty());
    let (mut names, mut routes) = (HashSet::new(), HashSet::new());
    for function in &manifest.functions {
        assert!(names.insert((function.kind, function.name.to_ascii_lowercase())), "{} stands twice", function.name);
        assert_eq!(function.kind == Kind::Client, function.route.is_some() && !function.methods.is_empty());
        assert!(function.route.as_ref().is_none_or(|route| routes.insert(route.to_ascii_lowercase())), "{:?}", function.route);
        let is_inside = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
        assert!(function.component.split('/').all(is_inside), "{}", function.component);
        assert!(function.timeout.is_none_or(|timeout| !timeout.is_zero()));
    }
    assert!(manifest.component_paths().len() <= manifest.functions.len());
    assert!(!matches!(AllowedHosts::parse(&manifest.allowed_hosts).expect("each was checked"), AllowedHosts::Any));
    let is_orchestrator = |name: &str| manifest.of_kind(Kind::Orchestrator).any(|function| function.name.eq_ignore_ascii_case(name));
    assert!(manifest.timers.iter().all(|timer| is_orchestrator(&timer.orchestrator)));
}

/// A line with an address, and a line for each entry of a list.
///
/// What is allowed has scheme, host and port of an entry and nothing in front of its host; two lists allow what each allows.
pub fn allowed_hosts(data: &[u8]) {
    let text = text(data);
    let (address, entries) = first_line(&text);
    let entries: Vec<_> = entries.lines().collect();
    let list = match AllowedHosts::parse(&entries) {
        Ok(list) => list,
        Err(error) => return assert!(error.to_string().contains("write it like")),
    };
    let (one, other) = entries.split_at(entries.len() / 2);
    let half = |entries: &[&str]| AllowedHosts::parse(entries).expect("each entry was read with the others");
    let (one, other) = (half(one), half(other));
    let Ok(uri) = address.parse::<Uri>() else { return };
    assert_eq!(one.clone().and(other.clone()).allows(&uri), one.allows(&uri) && other.allows(&uri), "{uri}");
    let AllowedHosts::Only(origins) = &list else { return };
    assert_eq!(list.allows(&uri), one.allows(&uri) || other.allows(&uri), "{uri}");
    if list.allows(&uri) {
        assert!(!origins.is_empty());
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let host = uri.host().expect("what is allowed has a host").to_lowercase();
        let plain = format!("{}://{host}:{}", uri.scheme_str().unwrap_or_default(), uri.port_u16().unwrap_or(default_port));
        let named = |entry: &str| AllowedHosts::parse([entry]) == AllowedHosts::parse([&plain]);
        assert!(entries.iter().any(|entry| named(entry)), "{uri} is {plain}, which no entry is");
    }
}
