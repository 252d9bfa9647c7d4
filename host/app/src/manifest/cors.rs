//! The table `[http.cors]`: pages of which other sites may use the app.

use serde::Deserialize;
use toml::Spanned;

use super::ManifestError;
use super::check::Checker;

/// Most origins in the table.
const MAX_ORIGINS: usize = 100;

/// Pages of which other sites may use the addresses of instances and the client functions; of none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    allowed_origins: Vec<String>,
    /// Whether such pages may send what the browser knows of the host by itself, such as cookies. Default false.
    pub allow_credentials: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CorsTable {
    allowed_origins: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    allow_credentials: bool,
}

impl Cors {
    /// Whether no page of another site may use anything.
    pub fn is_off(&self) -> bool {
        self.allowed_origins.is_empty()
    }

    /// Whether pages of this origin may, as a browser writes it.
    pub fn allows(&self, origin: &[u8]) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed.as_bytes() == origin)
    }
}

impl Checker<'_> {
    pub(super) fn cors(&self, table: Option<&CorsTable>) -> Result<Cors, ManifestError> {
        let Some(CorsTable { allowed_origins, allow_credentials }) = table else { return Ok(Cors::default()) };
        let origins = allowed_origins.get_ref();
        if origins.is_empty() || origins.len() > MAX_ORIGINS {
            let message = format!("allowed-origins in [http.cors] has {} entries; it has 1 to {MAX_ORIGINS}", origins.len());
            return Err(self.error(allowed_origins, message));
        }
        let checked = origins.iter().map(|origin| match problem(origin.get_ref()) {
            None => Ok(origin.get_ref().clone()),
            Some(problem) => Err(self.error(origin, format!("allowed-origins: '{}' {problem}", origin.get_ref()))),
        });
        Ok(Cors { allowed_origins: checked.collect::<Result<_, _>>()?, allow_credentials: *allow_credentials })
    }
}

/// Why a browser would never write an origin so.
fn problem(origin: &str) -> Option<String> {
    if origin.contains('*') || origin == "null" {
        return Some("is the origin of no site; each origin is listed by itself".into());
    }
    let written = crate::origin::configured(origin).ok().map(|origin| origin.to_ascii_lowercase());
    let rule = "is no origin; one is written like https://status.example or http://localhost:3000";
    let Some(written) = written else { return Some(rule.into()) };
    let default_port = if written.starts_with("https:") { ":443" } else { ":80" };
    let written = written.strip_suffix(default_port).unwrap_or(&written);
    (written != origin).then(|| format!("is not as browsers write it, which is '{written}'"))
}

#[cfg(test)]
mod tests {
    use super::super::Manifest;
    use super::*;

    fn cors(table: &str) -> Result<Cors, String> {
        let function = "[[function]]\nname = \"A\"\nkind = \"activity\"\ncomponent = \"a.wasm\"\n";
        let text = format!("[app]\nname = \"a\"\n[http.cors]\n{table}\n{function}");
        Manifest::parse(&text).map(|manifest| manifest.cors).map_err(|error| error.to_string())
    }

    #[test]
    fn origins_are_listed_one_by_one_as_browsers_write_them() {
        let read = cors(r#"allowed-origins = ["https://status.example", "http://localhost:3000"]"#).unwrap();
        assert!(read.allows(b"https://status.example") && read.allows(b"http://localhost:3000") && !read.allow_credentials);
        for other in [&b"http://status.example"[..], b"https://status.example:8443", b"https://STATUS.example", b"null", b""] {
            assert!(!read.allows(other));
        }
        assert!(cors("allowed-origins = [\"https://a\"]\nallow-credentials = true").unwrap().allow_credentials);
        for (bad, said) in [
            ("*", "each origin is listed"),
            ("null", "each origin is listed"),
            ("https://*.example", "each origin is listed"),
            ("status.example", "no origin"),
            ("https://a/path", "no origin"),
            ("https://a/", "'https://a'"),
            ("https://A.example", "'https://a.example'"),
            ("https://a:443", "'https://a'"),
            ("http://a:80", "'http://a'"),
        ] {
            let refusal = cors(&format!("allowed-origins = [\"{bad}\"]")).expect_err(bad);
            assert!(refusal.contains(said) && refusal.contains("line 4"), "{bad}: {refusal}");
        }
        assert!(cors("allowed-origins = []").unwrap_err().contains("1 to 100"));
        assert!(cors("").is_err());
    }
}
