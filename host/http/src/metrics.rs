//! Counters in the text form that Prometheus reads. The names are part of the product: `docs/guide/metrics.md` lists them.

use std::fmt::Write;

use longhaul_app::guest_calls::{FunctionKind, GuestCounts};
use longhaul_engine::Counts;
use longhaul_engine::budget::MemoryUse;

/// Everything that is counted. Counters begin at zero with the process.
pub(super) fn text(counts: &Counts, guests: &GuestCounts, memory: &[MemoryUse], log_lines_dropped: u64) -> String {
    let mut text = String::with_capacity(2_048);
    let Counts { turns, activities, commits, records, record_bytes, commit_statements, missed_wake_ups, instances_in_memory } = *counts;
    counter(&mut text, "longhaul_turns_total", "Turns of orchestrations and batches of entities that were recorded.", turns);
    counter(&mut text, "longhaul_activities_started_total", "Attempts of activities that were started.", activities);
    counter(&mut text, "longhaul_commits_total", "Transactions that wrote records.", commits);
    counter(&mut text, "longhaul_records_total", "Records in these transactions.", records);
    counter(&mut text, "longhaul_record_bytes_total", "Bytes of these records.", record_bytes);
    counter(&mut text, "longhaul_commit_statements_total", "Calls of the database driver that commits took.", commit_statements);
    let missed = "Times that work was found queued while every guest thread waited; more than 0 is a bug of the host's.";
    counter(&mut text, "longhaul_missed_wake_ups_total", missed, missed_wake_ups);
    counter(&mut text, "longhaul_log_lines_dropped_total", "Lines of the log that nothing read in time.", log_lines_dropped);
    let name = "longhaul_guests_total";
    head(&mut text, name, "Guests that were made.", "counter");
    let kinds = [FunctionKind::Orchestrator, FunctionKind::Entity, FunctionKind::Activity, FunctionKind::Client];
    for (kind, label) in kinds.into_iter().zip(["orchestrator", "entity", "activity", "client"]) {
        line(&mut text, &format!("{name}{{kind=\"{label}\"}}"), guests.of(kind));
    }
    let name = "longhaul_instances_in_memory";
    head(&mut text, name, "Instances in memory now.", "gauge");
    line(&mut text, name, instances_in_memory);
    let name = "longhaul_memory_used_bytes";
    head(&mut text, name, "Bytes taken now of each budget of memory.", "gauge");
    memory.iter().for_each(|budget| line(&mut text, &format!("{name}{{of=\"{}\"}}", budget.of), budget.used));
    let name = "longhaul_memory_limit_bytes";
    head(&mut text, name, "Bytes of each budget of memory.", "gauge");
    memory.iter().for_each(|budget| line(&mut text, &format!("{name}{{of=\"{}\"}}", budget.of), budget.limit));
    text
}

fn counter(text: &mut String, name: &str, help: &str, value: u64) {
    head(text, name, help, "counter");
    line(text, name, value);
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("writing to a string cannot fail");
}

fn line(text: &mut String, name: &str, value: u64) {
    writeln!(text, "{name} {value}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_type_and_a_value() {
        let counts = Counts { turns: 7, instances_in_memory: 3, ..Counts::default() };
        let text = text(&counts, &GuestCounts::default(), &[MemoryUse { of: "bodies", used: 1, limit: 2 }], 0);
        assert!(text.contains("# TYPE longhaul_turns_total counter\nlonghaul_turns_total 7\n"), "{text}");
        assert!(text.contains("# TYPE longhaul_instances_in_memory gauge\nlonghaul_instances_in_memory 3\n"), "{text}");
        assert!(text.contains("longhaul_guests_total{kind=\"activity\"} 0\n"), "{text}");
        assert!(text.contains("longhaul_memory_used_bytes{of=\"bodies\"} 1\n"), "{text}");
        assert!(text.contains("longhaul_memory_limit_bytes{of=\"bodies\"} 2\n"), "{text}");
    }

    #[test]
    fn the_guide_names_every_metric() {
        let guide = include_str!("../../../docs/guide/metrics.md");
        let text = text(&Counts::default(), &GuestCounts::default(), &[], 0);
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        assert!(names.len() > 5);
        for name in names {
            assert!(guide.contains(&format!("`{name}`")), "docs/guide/metrics.md does not tell of {name}");
        }
    }
}
