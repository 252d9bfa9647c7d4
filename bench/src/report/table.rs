//! The report as a table, for a terminal and as Markdown.

use super::{Figure, Goal, Report, Unit};

const HEADINGS: [&str; 7] = ["id", "figure", "measured", "floor", "ratio", "goal", ""];
/// Columns from this one on hold numbers and are aligned to the right.
const FIRST_NUMBER: usize = 2;
const LEGEND: &str = "Floor: the same rows written by group commit alone, in the same run. Ratio: how many times the floor's cost; 1 is the best there is. \
     Goals are for a full run on a quiet machine with two cores.";

type Row = [String; HEADINGS.len()];

impl Report {
    /// Aligned columns.
    pub fn to_text(&self) -> String {
        let rows = self.rows();
        let widths: [usize; HEADINGS.len()] = std::array::from_fn(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([HEADINGS[column].len()]).max().unwrap_or_default()
        });
        let line = |row: &Row| {
            let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column < FIRST_NUMBER {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![self.heading(), String::new(), line(&HEADINGS.map(str::to_owned))];
        lines.extend(rows.iter().map(line));
        lines.extend([String::new(), LEGEND.to_owned()]);
        lines.join("\n")
    }

    /// A Markdown table.
    pub fn to_markdown(&self) -> String {
        let line = |row: &Row| format!("| {} |", row.join(" | "));
        let rule = (0..HEADINGS.len()).map(|column| if column < FIRST_NUMBER { "---" } else { "---:" });
        let mut lines = vec![self.heading(), String::new(), line(&HEADINGS.map(str::to_owned))];
        lines.push(format!("| {} |", rule.collect::<Vec<_>>().join(" | ")));
        lines.extend(self.rows().iter().map(line));
        lines.extend([String::new(), LEGEND.to_owned()]);
        lines.join("\n")
    }

    fn heading(&self) -> String {
        let kind = if self.quick { "quick run" } else { "run" };
        let scale = if self.scale == 1.0 { String::new() } else { format!(" at {} of the full size", self.scale) };
        let met = self.workloads.iter().flat_map(|workload| &workload.figures).filter_map(Figure::is_met).collect::<Vec<_>>();
        let passed = met.iter().filter(|met| **met).count();
        format!("{}. Whole {kind}{scale}: {:.0} s. Goals met: {passed} of {}.", self.machine.to_line(), self.took_seconds, met.len())
    }

    fn rows(&self) -> Vec<Row> {
        let rows = self.workloads.iter().flat_map(|workload| {
            workload.figures.iter().enumerate().map(|(number, figure)| {
                let name = if number == 0 { workload.id } else { "" };
                row(name, figure)
            })
        });
        rows.collect()
    }
}

fn row(workload: &str, figure: &Figure) -> Row {
    let with_unit = |value: f64| shown(value, figure.unit);
    [
        workload.to_owned(),
        figure.name.clone(),
        with_unit(figure.value),
        figure.floor.map(with_unit).unwrap_or_default(),
        figure.ratio().map(|ratio| format!("{ratio:.1}")).unwrap_or_default(),
        figure.goal.map(|goal| goal_shown(goal, figure.unit)).unwrap_or_default(),
        figure.is_met().map(|met| if met { "pass" } else { "miss" }.to_owned()).unwrap_or_default(),
    ]
}

fn goal_shown(goal: Goal, unit: Unit) -> String {
    match goal {
        Goal::AtMost(limit) => format!("<= {}", shown(limit, unit)),
        Goal::AtLeast(limit) => format!(">= {}", shown(limit, unit)),
    }
}

/// Three digits that matter, thousands set apart, and the unit.
fn shown(value: f64, unit: Unit) -> String {
    let number = match value.abs() {
        size if size >= 100.0 => grouped(value.round() as i64),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    let number = if unit == Unit::Count || unit == Unit::Bytes { grouped(value.round() as i64) } else { number };
    format!("{number} {}", unit.as_str()).trim_end().to_owned()
}

fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_three_digits_that_matter() {
        assert_eq!(shown(1.234, Unit::Milliseconds), "1.23 ms");
        assert_eq!(shown(12.34, Unit::Milliseconds), "12.3 ms");
        assert_eq!(shown(1_234_567.8, Unit::PerSecond), "1,234,568 /s");
        assert_eq!(shown(5.0, Unit::Count), "5");
    }

    #[test]
    fn a_figure_with_a_goal_says_whether_it_is_met() {
        let cells = row("W1", &Figure::rate("throughput", 5_000.0).over(10_000.0).at_least(6_000.0));
        assert_eq!(cells, ["W1", "throughput", "5,000 /s", "10,000 /s", "2.0", ">= 6,000 /s", "miss"]);
        let cells = row("", &Figure::bytes("size", 7.0).at_most(8.0));
        assert_eq!(cells, ["", "size", "7 B", "", "", "<= 8 B", "pass"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, -12_345].map(grouped), ["0", "999", "1,000", "-12,345"]);
    }
}
