//! The log lines of guests.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use longhaul_core::InstanceId;

use crate::config::Limits;
use crate::io::Secrets;

mod stream;

pub(crate) use stream::LogStdout;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// For finding a fault.
    Debug,
    /// Normal operation; also what is printed to standard output.
    Info,
    /// Something to look at; also what is printed to standard error.
    Warn,
    /// A failure, such as a panic.
    Error,
}

/// Where a line comes from.
#[derive(Clone, Debug)]
pub struct LogContext {
    /// The function's name as the deployment spells it.
    pub function: Arc<str>,
    /// The instance it runs for; none for a client function.
    pub instance: Option<InstanceId>,
}

/// One line of a guest.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    /// Where the line comes from.
    pub context: &'a LogContext,
    /// How much it matters.
    pub level: LogLevel,
    /// The line, cut to the limit, without a line break at its end.
    pub message: &'a str,
}

/// Takes the lines of all guests. Called on the guest's thread: it should not block.
pub trait LogSink: Send + Sync {
    /// Takes one line.
    fn line(&self, line: LogLine<'_>);
}

/// Hands lines to `tracing`, target `guest`, with the fields `function` and `instance`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

impl LogSink for TracingSink {
    fn line(&self, line: LogLine<'_>) {
        let function = &*line.context.function;
        let instance = line.context.instance.as_ref().map(InstanceId::as_str);
        let message = line.message;
        match line.level {
            LogLevel::Trace => tracing::trace!(target: "guest", function, instance, "{message}"),
            LogLevel::Debug => tracing::debug!(target: "guest", function, instance, "{message}"),
            LogLevel::Info => tracing::info!(target: "guest", function, instance, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "guest", function, instance, "{message}"),
            LogLevel::Error => tracing::error!(target: "guest", function, instance, "{message}"),
        }
    }
}

/// The log of one guest: drops lines while replaying, cuts long ones, thins out a flood.
pub(crate) struct GuestLog {
    /// Changes when a pooled guest serves another call.
    context: Mutex<LogContext>,
    sink: Arc<dyn LogSink>,
    /// Their values are replaced by their names.
    secrets: Secrets,
    max_line_bytes: usize,
    lines_per_call: u32,
    replaying: AtomicBool,
    lines_of_this_call: AtomicU32,
    panic: Mutex<Panic>,
}

/// The line about the last panic of this call, cut to the limit of a line. Also kept during a
/// replay,
/// and after a flood.
#[derive(Default)]
struct Panic {
    text: Option<String>,
    /// The message follows in a line of its own.
    goes_on: bool,
}

/// How the lines of the SDK's panic hook begin, and what follows the thread's name in those of
/// Rust's own hook.
const PANICKED: &str = "panicked";
const PANICKED_AT: &str = "panicked at ";

impl Panic {
    fn note(&mut self, level: LogLevel, line: &str) {
        let of_thread = line.starts_with("thread '").then(|| line.find(PANICKED_AT)).flatten();
        match (of_thread, &mut self.text) {
            _ if level == LogLevel::Error && line.starts_with(PANICKED) => *self = Self { text: Some(line.to_owned()), goes_on: false },
            (Some(place), _) => *self = Self { text: Some(line[place..].to_owned()), goes_on: true },
            (None, Some(text)) if self.goes_on => {
                text.push(' ');
                text.push_str(line);
                self.goes_on = false;
            }
            (None, _) => {}
        }
    }
}

impl GuestLog {
    pub fn new(context: LogContext, sink: Arc<dyn LogSink>, limits: &Limits) -> Arc<Self> {
        Self::hiding(context, sink, limits, Secrets::default())
    }

    /// The same for a guest that has secrets.
    pub fn hiding(context: LogContext, sink: Arc<dyn LogSink>, limits: &Limits, secrets: Secrets) -> Arc<Self> {
        Arc::new(Self {
            context: Mutex::new(context),
            sink,
            secrets,
            max_line_bytes: limits.log_line_bytes,
            lines_per_call: limits.log_lines_per_call,
            replaying: AtomicBool::new(false),
            lines_of_this_call: AtomicU32::new(0),
            panic: Mutex::default(),
        })
    }

    /// Begins a call; its lines are counted from zero.
    pub fn begin_call(&self, replaying: bool) {
        self.replaying.store(replaying, Ordering::Relaxed);
        self.lines_of_this_call.store(0, Ordering::Relaxed);
        _ = self.take_panic();
    }

    /// The guest's line about a panic in this call.
    pub fn take_panic(&self) -> Option<String> {
        std::mem::take(&mut *self.panic.lock().unwrap_or_else(PoisonError::into_inner)).text
    }

    /// Begins a call for another function or instance than the call before.
    pub fn begin_call_for(&self, context: LogContext) {
        *self.context() = context;
        self.begin_call(false);
    }

    fn context(&self) -> std::sync::MutexGuard<'_, LogContext> {
        self.context.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn line(&self, level: LogLevel, message: &str) {
        // Searched before it is cut: half a secret would not be found.
        let message = self.secrets.hidden_in(message);
        let message = cut(&message, self.max_line_bytes).trim_end();
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).note(level, message);
        if self.replaying.load(Ordering::Relaxed) {
            return;
        }
        let before = self.lines_of_this_call.load(Ordering::Relaxed);
        self.lines_of_this_call.store(before.saturating_add(1), Ordering::Relaxed);
        if before < self.lines_per_call {
            self.sink.line(LogLine { context: &self.context(), level, message });
        } else if before == self.lines_per_call {
            let message = format!("more than {} lines in one call: the rest is dropped", self.lines_per_call);
            self.sink.line(LogLine { context: &self.context(), level: LogLevel::Warn, message: &message });
        }
    }
}

/// The longest part of `text` that fits and ends between two characters.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}

impl crate::bindings::log::Host for &GuestLog {
    fn log(&mut self, level: crate::bindings::log::Level, message: String) {
        use crate::bindings::log::Level;
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.line(level, &message);
    }
}

/// An interface of types alone.
impl crate::bindings::types::Host for &GuestLog {}

/// Names `&GuestLog` as what the log import works on.
pub(crate) struct HasLog;

impl wasmtime::component::HasData for HasLog {
    type Data<'a> = &'a GuestLog;
}

#[cfg(test)]
mod tests;
