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
    log_of(3, Secrets::default())
}

/// The same with secrets, and more lines.
pub(crate) fn hiding_log(secrets: Secrets) -> (Arc<GuestLog>, Arc<Lines>) {
    log_of(100, secrets)
}

fn log_of(log_lines_per_call: u32, secrets: Secrets) -> (Arc<GuestLog>, Arc<Lines>) {
    let lines = Arc::new(Lines::default());
    let limits = Limits { log_line_bytes: 10, log_lines_per_call, ..Limits::default() };
    let context = LogContext { function: "Test".into(), instance: None };
    (GuestLog::hiding(context, lines.clone(), &limits, secrets), lines)
}

#[test]
fn a_secret_is_hidden_before_the_line_is_cut() {
    let mut secrets = Secrets::default();
    secrets.insert("KEY", "0123456789");
    let (log, lines) = hiding_log(secrets);
    log.line(LogLevel::Info, "12340123456789");
    assert_eq!(lines.take(), ["1234[secre"]);
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

#[test]
fn a_panic_is_kept_for_its_call_even_in_a_replay_and_behind_a_flood() {
    let (log, lines) = recording_log();
    log.begin_call(true);
    log.line(LogLevel::Error, "panicked at src/lib.rs:1:2: no");
    log.line(LogLevel::Warn, "panicked: but not so bad");
    assert_eq!((log.take_panic().as_deref(), lines.take().len()), (Some("panicked a"), 0));
    log.begin_call(false);
    (0..10).for_each(|_| log.line(LogLevel::Info, "drip"));
    log.line(LogLevel::Error, "panicked");
    assert_eq!(log.take_panic().as_deref(), Some("panicked"));
    log.line(LogLevel::Error, "panicked");
    log.begin_call(false);
    assert_eq!(log.take_panic(), None, "the next call begins anew");
}

#[test]
fn a_panic_that_rust_itself_prints_is_kept_with_the_message_behind_it() {
    let limits = Limits::default();
    let log = GuestLog::new(LogContext { function: "Test".into(), instance: None }, Arc::new(Lines::default()), &limits);
    for line in ["", "thread '<unnamed>' (1) panicked at src/lib.rs:1:2:", "no more", "note: run with a backtrace"] {
        log.line(LogLevel::Warn, line);
    }
    assert_eq!(log.take_panic().as_deref(), Some("panicked at src/lib.rs:1:2: no more"));
    log.line(LogLevel::Info, "we panicked at once");
    assert_eq!(log.take_panic(), None);
}
