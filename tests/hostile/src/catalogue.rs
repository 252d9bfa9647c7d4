//! Everything bad, by what it attacks.

use std::sync::Arc;

use crate::row::Row;

mod bodies;
mod commands;
mod databases;
mod framing;
mod manifests;
mod routes;
mod uploads;

/// All rows, in an order that does not matter.
pub fn all() -> Vec<Row> {
    let good: Arc<[u8]> = good_component().into();
    let lists = [
        framing::rows(),
        routes::rows(),
        bodies::rows(),
        uploads::rows(&good),
        manifests::rows(&good),
        commands::rows(),
        databases::rows(),
    ];
    lists.into_iter().flatten().collect()
}

/// An orchestrator that works.
fn good_component() -> Vec<u8> {
    let path = crate::subject::app().path().join("components/misbehaving_orchestrator.wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn there_are_at_least_200_rows_and_each_has_a_name_of_its_own() {
        let rows = all();
        let names: HashSet<_> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.len(), rows.len());
        assert!(rows.len() >= 200, "{}", rows.len());
    }
}
