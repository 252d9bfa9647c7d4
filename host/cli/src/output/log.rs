//! The log: which lines, how they look, and panics among them.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::{self, Write as _};
use std::io;

use tracing::Metadata;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

use super::{MAX_WAITING_BYTES, Outlet, standard_error};

/// What is in the log unless this variable says otherwise: `info` and worse.
const VARIABLE: &str = "LONGHAUL_LOG";
/// The target of guests' lines.
const GUEST: &str = "guest";

/// Writes events to standard error from now on, and panics among them.
///
/// # Errors
/// When `LONGHAUL_LOG` cannot be understood.
pub fn start() -> anyhow::Result<()> {
    let text = std::env::var(VARIABLE).unwrap_or_else(|_| "info".into());
    let filter = EnvFilter::try_new(&text).map_err(|error| anyhow::anyhow!("{VARIABLE}={text} cannot be understood: {error}"))?;
    let colours = io::IsTerminal::is_terminal(&io::stderr());
    let fields = debug_fn(|writer: &mut Writer<'_>, field, value| {
        let name = field.name();
        if name != "message" {
            write!(writer, "{name}=")?;
        }
        write!(Plain(writer), "{value:?}")
    });
    let log = tracing_subscriber::fmt().with_env_filter(filter).fmt_fields(fields.delimited(" "));
    log.with_writer(standard_error()).with_ansi(colours).init();
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::capture();
        let backtrace = if backtrace.status() == BacktraceStatus::Captured { format!("\n{backtrace}") } else { String::new() };
        tracing::error!(target: "panic", thread = std::thread::current().name(), "{panic}{backtrace}");
    }));
    Ok(())
}

/// One event on its way.
pub struct Line {
    outlet: &'static Outlet,
    most: usize,
}

impl io::Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.outlet.leave_within(line, self.most);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for &'static Outlet {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { outlet: self, most: MAX_WAITING_BYTES }
    }

    /// Guests' lines leave room for the host's.
    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Line {
        let most = if event.target() == GUEST { MAX_WAITING_BYTES / 2 } else { MAX_WAITING_BYTES };
        Line { outlet: self, most }
    }
}

/// Shows whatever would begin another line, colour the terminal or turn the reading direction as the characters that one types for it.
struct Plain<W>(W);

impl<W: fmt::Write> fmt::Write for Plain<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_deceptive) {
            let (plain, from_there) = rest.split_at(at);
            self.0.write_str(plain)?;
            let mut characters = from_there.chars();
            characters.next().into_iter().flat_map(char::escape_default).try_for_each(|part| self.0.write_char(part))?;
            rest = characters.as_str();
        }
        self.0.write_str(rest)
    }
}

fn is_deceptive(character: char) -> bool {
    character.is_control() && character != '\t'
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_begin_a_line_or_colour_one() {
        let mut line = String::new();
        write!(Plain(&mut line), "a\nINFO b\r\u{1b}[31mc\td\u{2028}e\u{85}f\u{202e}g ä🙂\n\n").unwrap();
        assert_eq!(line, "a\\nINFO b\\r\\u{1b}[31mc\td\\u{2028}e\\u{85}f\\u{202e}g ä🙂\\n\\n");
    }
}
