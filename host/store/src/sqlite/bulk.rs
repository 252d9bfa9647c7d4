//! Statements that insert many rows at once.
//!
//! The driver pays a hop between threads per statement, so rows go in by the hundred. Statements
//! exist in a few sizes, each prepared once; the rows that are missing to the next size are NULL
//! and filtered out by the statement itself.

use std::fmt::Write;

/// One statement in several sizes.
pub(super) struct Bulk {
    sizes: Vec<(usize, String)>,
}

impl Bulk {
    /// `before` and `after` surround `SELECT * FROM (VALUES ...)`; `columns` is the number of
    /// values in a row.
    pub(super) fn new(before: &str, columns: usize, after: &str, sizes: &[usize]) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        let text = |size: usize| {
            let mut sql = String::from(before);
            // Parameters have no numbers here: SQLite looks each named one up among all before it,
            // which is quadratic.
            write!(sql, "\nSELECT *\nFROM (VALUES {})\nWHERE column1 IS NOT NULL\n{after}", vec![row.as_str(); size].join(", "))
                .expect("writing to a string cannot fail");
            sql
        };
        Self { sizes: sizes.iter().map(|size| (*size, text(*size))).collect() }
    }

    /// The smallest statement with room for `rows`, or the largest there is.
    pub(super) fn for_rows(&self, rows: usize) -> &str {
        let fitting = self.sizes.iter().find(|(size, _)| *size >= rows).or(self.sizes.last());
        fitting.map_or("", |(_, sql)| sql)
    }
}
