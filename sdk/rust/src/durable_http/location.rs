//! From a `Location` header to an address: RFC 3986, section 5.

use super::shortened;

/// The address that `location` means in the answer of `base`. An empty one, or a fragment alone,
/// means `base` itself.
///
/// # Errors
/// In words, when it is not one of HTTP that can be asked.
pub(super) fn resolve(base: &str, location: &str) -> Result<String, String> {
    let refused = |reason: &str| Err(format!("Location '{}' {reason}", shortened(location)));
    let trimmed = location.trim();
    if trimmed.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '\\')) {
        return refused("contains a blank or another character that an address cannot have");
    }
    let resolved = against(base, trimmed);
    let Some((scheme, rest)) = resolved.split_once("://").filter(|(scheme, _)| is_http(scheme)) else {
        return refused("is not an address of http or https");
    };
    let authority = authority_of(rest);
    if authority.contains('@') {
        return refused("has a user name");
    }
    if host_and_port(scheme, authority).is_none() {
        return refused("has no host, or a port that is not a number");
    }
    Ok(resolved)
}

/// Whether two addresses have the same scheme, host and port.
pub(super) fn is_of_same_origin(one: &str, other: &str) -> bool {
    let origin = |address: &str| {
        let (scheme, rest) = address.split_once("://")?;
        let (host, port) = host_and_port(scheme, authority_of(rest))?;
        Some((scheme.to_ascii_lowercase(), host, port))
    };
    origin(one).is_some_and(|one| Some(one) == origin(other))
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn authority_of(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn host_and_port(scheme: &str, authority: &str) -> Option<(String, u16)> {
    // Colons of an address of IPv6 stand within brackets.
    let end_of_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority[end_of_host..].find(':') {
        Some(colon) => authority.split_at(end_of_host + colon),
        None => (authority, ""),
    };
    let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    let port = match port.trim_start_matches(':') {
        "" => default,
        digits => digits.parse().ok()?,
    };
    (!host.is_empty()).then(|| (host.to_ascii_lowercase(), port))
}

/// RFC 3986, section 5.2.
fn against(base: &str, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
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
