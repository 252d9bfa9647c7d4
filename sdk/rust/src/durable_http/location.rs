//! From a `Location` header to an address: RFC 3986, section 5.

/// The address that `location` means in the answer of `base`.
pub(super) fn resolve(base: &str, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default().trim();
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    let rest = rest.split('#').next().unwrap_or_default();
    let (authority, path_and_query) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = path_and_query.split('?').next().unwrap_or_default();
    if has_scheme(location) {
        return location.to_owned();
    }
    if let Some(elsewhere) = location.strip_prefix("//") {
        return format!("{scheme}://{elsewhere}");
    }
    let (new_path, query) = match location.split_once('?') {
        Some((new_path, query)) => (new_path, Some(query)),
        None => (location, None),
    };
    let (path, query) = match new_path {
        "" if query.is_none() => (path.to_owned(), path_and_query.split_once('?').map(|(_, query)| query)),
        "" => (path.to_owned(), query),
        absolute if absolute.starts_with('/') => (without_dots(absolute), query),
        relative => {
            let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
            (without_dots(&format!("{folder}{relative}")), query)
        }
    };
    let path = if path.is_empty() { "/" } else { &path };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{scheme}://{authority}{path}{query}")
}

fn has_scheme(location: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    location.split_once(':').is_some_and(|(scheme, _)| scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_part))
}

fn without_dots(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let mut ends_in_folder = false;
    for part in path.split('/').skip(1) {
        ends_in_folder = matches!(part, "." | "..");
        match part {
            "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    let end = if ends_in_folder && !parts.is_empty() { "/" } else { "" };
    format!("/{}{end}", parts.join("/"))
}
