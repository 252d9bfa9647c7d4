//! Which hosts an app may send requests to.

use std::collections::BTreeSet;

use http::Uri;
use http::uri::Scheme;

/// A list of hosts, compared exactly: scheme, host name and port. Nothing is allowed that is not
/// listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Every host: the entry `*`. Meant for the operator's list, so that the manifest decides
    /// alone.
    Any,
    /// These and no others.
    Only(BTreeSet<Origin>),
}

/// Scheme, host name in lower case, port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    scheme: String,
    host: String,
    port: u16,
}

/// An entry of a list of allowed hosts cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("allowed host '{entry}' {problem}; write it like 'http://localhost:5000' or 'api.example.com:8080'")]
pub struct InvalidHost {
    entry: String,
    problem: &'static str,
}

impl Default for AllowedHosts {
    fn default() -> Self {
        Self::Only(BTreeSet::new())
    }
}

impl AllowedHosts {
    /// Reads entries such as `http://localhost:5000`, `api.example.com:8080` (any scheme left out
    /// means `http`) and `*`. The port of a scheme's own may be left out.
    ///
    /// # Errors
    /// [`InvalidHost`] for the first entry with a path, a user name, a wildcard within, no host or
    /// another scheme than `http` and `https`.
    pub fn parse<I: IntoIterator<Item: AsRef<str>>>(entries: I) -> Result<Self, InvalidHost> {
        let (mut origins, mut any) = (BTreeSet::new(), false);
        for entry in entries {
            match entry.as_ref().trim() {
                // What follows is read all the same: a mistake in it is one, whether or not it
                // matters today.
                "*" => any = true,
                entry => {
                    origins.insert(parse_entry(entry).map_err(|problem| InvalidHost { entry: entry.into(), problem })?);
                }
            }
        }
        Ok(if any { Self::Any } else { Self::Only(origins) })
    }

    /// What both lists allow: the manifest's and the operator's.
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, both) | (both, Self::Any) => both,
            (Self::Only(one), Self::Only(other)) => Self::Only(one.intersection(&other).cloned().collect()),
        }
    }

    /// Whether a request to this address may be sent.
    pub fn allows(&self, uri: &Uri) -> bool {
        match self {
            Self::Any => true,
            Self::Only(origins) => Origin::of(uri).is_some_and(|origin| origins.contains(&origin)),
        }
    }
}

impl Origin {
    /// `None` when the address has no host or an unknown scheme without a port.
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = uri.scheme()?;
        let port = uri.port_u16().or_else(|| default_port(scheme))?;
        Some(Self { scheme: scheme.as_str().to_lowercase(), host: uri.host()?.to_lowercase(), port })
    }
}

fn default_port(scheme: &Scheme) -> Option<u16> {
    match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn parse_entry(entry: &str) -> Result<Origin, &'static str> {
    let with_scheme = if entry.contains("://") { entry.to_owned() } else { format!("http://{entry}") };
    let uri: Uri = with_scheme.parse().map_err(|_| "is no address")?;
    let authority = uri.authority().ok_or("has no host")?.as_str();
    if authority.contains('@') {
        return Err("contains a user name");
    }
    if authority.contains('*') {
        return Err("contains a wildcard, and names are compared exactly");
    }
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err("has another scheme than http or https");
    }
    if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
        return Err("has a path, but only whole hosts are allowed");
    }
    if uri.port().is_none() && authority.trim_start_matches(uri.host().unwrap_or_default()).starts_with(':') {
        return Err("has a port that is no number from 0 to 65535");
    }
    Origin::of(&uri).ok_or("has no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entries: &[&str], uri: &str) -> bool {
        AllowedHosts::parse(entries).unwrap().allows(&uri.parse().unwrap())
    }

    #[test]
    fn nothing_is_allowed_that_is_not_listed() {
        assert!(!AllowedHosts::default().allows(&"http://localhost/".parse().unwrap()));
        assert!(allows(&["http://localhost:5000"], "http://LOCALHOST:5000/api/Job?x=1"));
        assert!(!allows(&["http://localhost:5000"], "http://localhost:5001/"));
        assert!(!allows(&["http://localhost:5000"], "http://localhost.evil.com:5000/"));
        assert!(!allows(&["http://localhost:5000"], "http://localhost:5000@evil.com/"));
        assert!(!allows(&["api.example.com:443"], "https://api.example.com/"));
    }

    #[test]
    fn scheme_and_port_may_be_left_out() {
        assert!(allows(&["api.example.com:8080"], "http://api.example.com:8080/"));
        assert!(allows(&["https://api.example.com"], "https://api.example.com:443/"));
        assert!(allows(&["[::1]:5000"], "http://[::1]:5000/"));
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_a_reason() {
        for (entry, reason) in [
            ("http://a/b", "has a path"),
            ("ftp://a:21", "another scheme"),
            ("http://*.a.com", "wildcard"),
            ("http://me@a", "user name"),
            ("a:99999", "port"),
            ("", "is no address"),
        ] {
            let error = AllowedHosts::parse([entry]).unwrap_err().to_string();
            assert!(error.contains(reason), "{entry}: {error}");
        }
    }

    #[test]
    fn a_mistake_behind_an_entry_for_every_host_is_found() {
        assert_eq!(AllowedHosts::parse(["*", "a:1"]), Ok(AllowedHosts::Any));
        assert!(AllowedHosts::parse(["*", "me@a"]).is_err());
    }

    #[test]
    fn manifest_and_operator_must_both_allow_a_host() {
        let list = |entries: &[&str]| AllowedHosts::parse(entries).unwrap();
        assert_eq!(list(&["a:1", "b:2"]).and(list(&["b:2", "c:3"])), list(&["b:2"]));
        assert_eq!(list(&["a:1"]).and(list(&["*"])), list(&["a:1"]));
    }
}
