use std::sync::Mutex;

use super::*;

#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl Lines {
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl LogSink for Lines {
    fn line(&self, line: LogLine<'_>) {
        self.0.lock().unwrap().push(line.message.to_owned());
    }
}

/// A log of at most three lines per call of at most ten bytes each.
pub(crate) fn recording_log() -> (Arc<GuestLog>, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let limits = Limits { log_line_bytes: 10, log_lines_per_call: 3, ..Limits::default() };
    let context = LogContext { function: "Test".into(), instance: None };
    (GuestLog::new(context, lines.clone(), &limits), lines)
}

#[test]
fn lines_logged_while_replaying_are_dropped() {
    let (log, lines) = recording_log();
    log.begin_call(true);
    log.line(LogLevel::Info, "again");
    log.begin_call(false);
    log.line(LogLevel::Info, "new");
    assert_eq!(lines.take(), ["new"]);
}

#[test]
fn a_long_line_is_cut_between_two_characters() {
    let (log, lines) = recording_log();
    log.line(LogLevel::Info, "123456789ä rest");
    assert_eq!(lines.take(), ["123456789"]);
}

#[test]
fn a_flood_is_thinned_out_and_said_so_once_per_call() {
    let (log, lines) = recording_log();
    for _ in 0..2 {
        log.begin_call(false);
        (0..10).for_each(|_| log.line(LogLevel::Info, "drip"));
        assert_eq!(lines.take(), ["drip", "drip", "drip", "more than 3 lines in one call: the rest is dropped"]);
    }
}
