//! A manifest and its components on their way to a host, as one body.
//!
//! The body is one line of JSON, `{"manifest": "...", "components": [{"path", "sha256", "bytes"}, ...]}`, a line feed, and then the
//! bytes of the components in that order with nothing between them. One body makes a deployment whole or not at all: nothing
//! is staged that could be left behind.

use std::collections::HashSet;

use bytes::Bytes;
use longhaul_core::Sha256;
use serde::{Deserialize, Serialize};

/// What the body of a deployment is called. A browser asks before it sends this type to another site, so no web page can deploy
/// to a host on its reader's machine.
pub const CONTENT_TYPE: &str = "application/vnd.longhaul.deployment";

/// Largest component, bytes.
pub const MAX_COMPONENT_BYTES: usize = 64 * 1024 * 1024;

/// Longest first line, bytes: a manifest as JSON, and every component that one can name.
const MAX_HEADER_BYTES: usize = 4 * 1024 * 1024;

/// A manifest and its components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The manifest, TOML.
    pub manifest: String,
    /// The components, each path once.
    pub components: Vec<ComponentFile>,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentFile {
    /// Its path, as the manifest writes it.
    pub path: String,
    /// Digest of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The component.
    pub bytes: Bytes,
}

/// Why a body is no package.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// There is no first line, or it is something else.
    #[error("the body does not begin with a line of JSON that names a manifest and its components: {0}")]
    Header(String),
    /// The body is shorter or longer than its first line says.
    #[error("the first line announces {announced} bytes of components, the body has {found}")]
    Length {
        /// What the first line says.
        announced: u64,
        /// What is there.
        found: u64,
    },
    /// The bytes are not those that were meant to be sent.
    #[error("component '{path}' has SHA-256 {actual}, expected {expected}; it changed on the way")]
    Digest {
        /// The component.
        path: String,
        /// What the first line says.
        expected: String,
        /// What the bytes give.
        actual: String,
    },
    /// A path stands twice in the first line.
    #[error("component '{0}' is sent twice")]
    Twice(String),
    /// A component is too large.
    #[error("component '{path}' has {bytes} bytes; the most is {MAX_COMPONENT_BYTES}")]
    TooLarge {
        /// The component.
        path: String,
        /// Its size.
        bytes: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    manifest: String,
    components: Vec<HeaderEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderEntry {
    path: String,
    sha256: String,
    bytes: u64,
}

impl ComponentFile {
    /// A component with the digest of its bytes.
    pub fn new(path: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { path: path.into(), sha256: Sha256::of(&bytes).to_string(), bytes }
    }
}

impl Package {
    /// The package as a body.
    ///
    /// # Panics
    /// Never: texts and numbers are always JSON.
    pub fn encode(&self) -> Vec<u8> {
        let entry =
            |file: &ComponentFile| HeaderEntry { path: file.path.clone(), sha256: file.sha256.clone(), bytes: file.bytes.len() as u64 };
        let header = Header { manifest: self.manifest.clone(), components: self.components.iter().map(entry).collect() };
        let mut body = serde_json::to_vec(&header).expect("texts and numbers are always JSON");
        body.push(b'\n');
        for component in &self.components {
            body.extend_from_slice(&component.bytes);
        }
        body
    }

    /// Reads a body and checks every digest, which takes milliseconds per megabyte: not for a thread that others wait for.
    ///
    /// # Errors
    /// [`PackageError`] says what is wrong with the body.
    pub fn decode(body: &Bytes) -> Result<Self, PackageError> {
        let within = &body[..body.len().min(MAX_HEADER_BYTES)];
        let no_end = || PackageError::Header(format!("there is no line feed within {MAX_HEADER_BYTES} bytes"));
        let end = within.iter().position(|byte| *byte == b'\n').ok_or_else(no_end)?;
        let header: Header = serde_json::from_slice(&body[..end]).map_err(|error| PackageError::Header(error.to_string()))?;
        let mut rest = body.slice(end + 1..);
        let announced = header.components.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.bytes));
        if announced != rest.len() as u64 {
            return Err(PackageError::Length { announced, found: rest.len() as u64 });
        }
        let mut components: Vec<ComponentFile> = Vec::with_capacity(header.components.len());
        let mut paths = HashSet::with_capacity(header.components.len());
        for HeaderEntry { path, sha256, bytes } in header.components {
            if !paths.insert(path.clone()) {
                return Err(PackageError::Twice(path));
            }
            let length = usize::try_from(bytes).ok().filter(|length| *length <= MAX_COMPONENT_BYTES);
            let Some(length) = length else { return Err(PackageError::TooLarge { path, bytes }) };
            let file = ComponentFile::new(path, rest.split_to(length));
            if file.sha256 != sha256 {
                return Err(PackageError::Digest { path: file.path, expected: sha256, actual: file.sha256 });
            }
            components.push(file);
        }
        Ok(Self { manifest: header.manifest, components })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        let components = vec![ComponentFile::new("a.wasm", vec![1, b'\n', 3]), ComponentFile::new("b/c.wasm", vec![])];
        Package { manifest: "[app]\nname = \"a\"\n".into(), components }
    }

    fn decode(body: Vec<u8>) -> Result<Package, PackageError> {
        Package::decode(&body.into())
    }

    #[test]
    fn a_bundle_survives_the_way() {
        assert_eq!(decode(package().encode()), Ok(package()));
    }

    #[test]
    fn a_body_that_was_cut_or_grew_is_refused() {
        let mut body = package().encode();
        body.push(0);
        assert_eq!(decode(body.clone()), Err(PackageError::Length { announced: 3, found: 4 }));
        body.truncate(body.len() - 2);
        assert_eq!(decode(body), Err(PackageError::Length { announced: 3, found: 2 }));
    }

    #[test]
    fn a_component_that_changed_on_the_way_is_refused_by_name() {
        let mut body = package().encode();
        *body.last_mut().unwrap() = 9;
        assert!(matches!(decode(body), Err(PackageError::Digest { path, .. }) if path == "a.wasm"));
    }

    #[test]
    fn a_path_stands_once() {
        let mut twice = package();
        twice.components[1].path = "a.wasm".into();
        assert_eq!(decode(twice.encode()), Err(PackageError::Twice("a.wasm".into())));
    }

    #[test]
    fn a_first_line_without_an_end_is_not_read_on() {
        let body = vec![b' '; MAX_HEADER_BYTES + 1];
        assert!(matches!(decode(body), Err(PackageError::Header(text)) if text.contains("within 4194304 bytes")));
    }

    #[test]
    fn anything_else_is_no_bundle() {
        for body in ["", "{}", "{}\n", "{\"manifest\": \"\"\n", "{\"manifest\":\"\",\"components\":[],\"more\":1}\n"] {
            assert!(matches!(decode(body.as_bytes().to_vec()), Err(PackageError::Header(_))), "{body:?}");
        }
        let huge = "{\"manifest\":\"\",\"components\":[{\"path\":\"a\",\"sha256\":\"\",\"bytes\":18446744073709551615}]}\n";
        assert!(matches!(decode(huge.as_bytes().to_vec()), Err(PackageError::Length { .. })));
    }
}
