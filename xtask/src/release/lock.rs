//! Checksums from `Cargo.lock`.

use std::collections::BTreeMap;

/// SHA-256 of each package from a registry, by name and version.
pub struct Checksums(BTreeMap<(String, String), String>);

impl Checksums {
    /// Reads the text of a lock file: cargo writes it in one form, a table of `name = "value"` lines for each package.
    pub fn parse(lock: &str) -> Self {
        let tables = lock.split("[[package]]").skip(1);
        let value = |table: &str, name: &str| {
            let line = table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        let package = |table: &str| Some(((value(table, "name")?, value(table, "version")?), value(table, "checksum")?));
        Self(tables.filter_map(package).collect())
    }

    /// The checksum of a package; `None` for one of this repository.
    pub fn of(&self, name: &str, version: &str) -> Option<&str> {
        self.0.get(&(name.to_owned(), version.to_owned())).map(String::as_str)
    }

    /// How many packages have one.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}
