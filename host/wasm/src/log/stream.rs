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
    /// Only WASI 0.3 asks for this one, and its worlds are not offered: what would be written here is dropped.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(LineWriter { target: self.clone(), rest: Vec::new() })
    }
}

/// Gathers bytes to lines. A line that is longer than the log takes goes out in pieces, so what is kept here is bounded.
struct LineWriter {
    target: LogStdout,
    rest: Vec<u8>,
}

impl LineWriter {
    fn emit(&mut self) {
        let line = std::mem::take(&mut self.rest);
        if !line.is_empty() {
            self.target.log.line(self.target.level, &String::from_utf8_lossy(&line));
        }
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
        self.emit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::recording_log;

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
}
