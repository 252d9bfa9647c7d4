//! Scheme and host of an address, as settings and manifests have them.

use http::Uri;

/// Reads an origin that was configured: scheme, host and perhaps a port, nothing behind them.
///
/// # Errors
/// A text that says what is wrong with it.
pub fn configured(text: &str) -> Result<String, String> {
    let problem = || format!("'{text}' is no address such as https://longhaul.example or http://10.0.0.7:7071");
    let uri: Uri = text.trim().parse().map_err(|_| problem())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(problem()) };
    let is_bare = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
    if is_bare { Ok(format!("{scheme}://{authority}")) } else { Err(problem()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_origin_is_scheme_and_host_and_nothing_more() {
        assert_eq!(configured("https://longhaul.example/").unwrap(), "https://longhaul.example");
        for bad in ["longhaul.example", "ftp://a", "https://a/path", "https://a?x=1", "https://u@a", ""] {
            assert!(configured(bad).unwrap_err().contains("https://longhaul.example"), "{bad}");
        }
    }
}
