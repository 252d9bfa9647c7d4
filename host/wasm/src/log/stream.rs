//! Standard output and standard error of a guest, as lines of its log.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::{GuestLog, LogLevel};

/// Most bytes that the guest may write in one go.
const PERMIT_BYTES: usize = 64 << 10;

/// One of the two output streams.
#[derive(Clone)]
pub(crate) struct LogStdout {
    log: Arc<GuestLog>,
    level: LogLevel,
}

impl LogStdout {
    pub fn new(log: Arc<GuestLog>, level: LogLevel) -> Self {
        Self { log, level }
    }
}

impl IsTerminal for LogStdout {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStdout {
    /// Only WASI 0.3 asks for this one, and its worlds are not offered. What is written here is
    /// dropped.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LineWriter { target: self.clone(), rest: Vec::new() })
    }
}

/// Gathers bytes to lines. A line that is longer than the log takes goes out in pieces, so what is
/// kept here is bounded. What may be the beginning of a secret is kept back until more has come,
/// over the end of a line, too: a key in PEM has many lines.
struct LineWriter {
    target: LogStdout,
    rest: Vec<u8>,
}

impl LineWriter {
    fn emit(&mut self) {
        let begun = self.target.log.secrets.begun_in(&self.rest);
        self.emit_but(begun);
    }

    /// Writes what has gathered to the log, except for the last `kept` bytes.
    fn emit_but(&mut self, kept: usize) {
        let kept = self.rest.split_off(self.rest.len() - kept);
        let text = std::mem::replace(&mut self.rest, kept);
        let text = String::from_utf8_lossy(&text);
        // Searched before the text is split into lines, since a value may have several.
        let text = self.target.log.secrets.hidden_in(&text);
        text.split('\n').filter(|line| !line.is_empty()).for_each(|line| self.target.log.line(self.target.level, line));
    }
}

impl OutputStream for LineWriter {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.rest.len() >= self.target.log.max_line_bytes {
                self.emit();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT_BYTES)
    }
}

#[async_trait]
impl Pollable for LineWriter {
    async fn ready(&mut self) {}
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.emit_but(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{hiding_log, recording_log};

    #[test]
    fn what_is_printed_becomes_lines_whatever_the_pieces() {
        let (log, lines) = recording_log();
        let mut stream = LogStdout::new(log, LogLevel::Info).p2_stream();
        for piece in ["one\ntw", "o\n", "three"] {
            stream.write(Bytes::from(piece)).unwrap();
        }
        assert_eq!(lines.take(), ["one", "two"]);
        drop(stream);
        assert_eq!(lines.take(), ["three"]);
    }

    #[test]
    fn a_secret_is_hidden_however_it_is_cut_into_lines_and_pieces() {
        let mut secrets = crate::io::Secrets::default();
        secrets.insert("KEY", "first line\nsecond line");
        let (log, lines) = hiding_log(secrets);
        let mut stream = LogStdout::new(log, LogLevel::Info).p2_stream();
        for piece in ["key: first li", "ne\nsecond", " line.\nfirst", " time\n"] {
            stream.write(Bytes::from(piece)).unwrap();
        }
        drop(stream);
        let all = lines.take().concat();
        assert!(all.contains("[secret KE") && all.contains("first time") && !all.contains("line"), "{all}");
    }
}
