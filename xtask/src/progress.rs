//! What the person at the terminal sees while a long step runs.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Prints a heading, runs the step, and prints how long it took.
///
/// Everything goes to standard error, so that standard output stays free for what a command is asked for.
pub fn step<T>(heading: &str, run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    headline(heading);
    let began = Instant::now();
    let result = run();
    let outcome = if result.is_ok() { "done" } else { "FAILED" };
    note(&format!("{outcome} in {}", seconds(began.elapsed())));
    result
}

/// Prints a heading without a step behind it.
pub fn headline(text: &str) {
    let mut error = std::io::stderr();
    let bold = error.is_terminal();
    let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    // A closed terminal must not end a build that is nearly through.
    let _ = writeln!(error, "\n{on}==> {text}{off}");
}

/// Prints one indented line below the current heading.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "    {text}");
}

/// Formats a duration the way a person reads it: `4.2 s`, `2 min 05 s`.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 { format!("{:.1} s", duration.as_secs_f64()) } else { format!("{} min {:02} s", whole / 60, whole % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_steps_show_tenths_and_long_ones_minutes() {
        assert_eq!(seconds(Duration::from_millis(4_240)), "4.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
