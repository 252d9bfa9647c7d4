//! What the process writes: its log on standard error, and what it says on standard output.
//!
//! The reader may stand still, and then a write does not return. So one thread for each stream writes and does nothing else; all others leave
//! their lines in a bounded buffer. A line that finds no room is dropped and counted, and a line says how many were, once there is room again.
//!
//! - [`log`]: how a line looks. Nothing in it can begin another line.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub mod log;

/// Most bytes that wait for the reader of one stream; as many again may be on their way to it.
const MAX_WAITING_BYTES: usize = 4 << 20;
/// Longest line; the rest is cut.
const MAX_LINE_BYTES: usize = 128 << 10;
/// Between two tries to write to a stream that does not block.
const PAUSE: Duration = Duration::from_millis(20);

static STANDARD_ERROR: LazyLock<Outlet> = LazyLock::new(|| Outlet::start("log", io::stderr().as_fd().try_clone_to_owned().map(File::from)));
static STANDARD_OUTPUT: LazyLock<Outlet> =
    LazyLock::new(|| Outlet::start("output", io::stdout().as_fd().try_clone_to_owned().map(File::from)));

/// Where the log goes.
pub fn standard_error() -> &'static Outlet {
    &STANDARD_ERROR
}

/// Where the host says where it listens and what it serves.
pub fn standard_output() -> &'static Outlet {
    &STANDARD_OUTPUT
}

/// Takes lines for a stream, and never waits for its reader.
pub struct Outlet(Arc<Shared>);

struct Shared {
    name: &'static str,
    state: Mutex<State>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines that were dropped and that no line has told of yet.
    untold: u64,
    is_writing: bool,
    /// There is nothing to write to: nobody waits for it.
    is_closed: bool,
}

impl Outlet {
    fn start<W: Write + Send + 'static>(name: &'static str, stream: io::Result<W>) -> Self {
        let shared = Arc::new(Shared { name, state: Mutex::default(), changed: Condvar::new(), dropped: AtomicU64::new(0) });
        let writing = shared.clone();
        let started = stream.and_then(|stream| std::thread::Builder::new().name(name.into()).spawn(move || writing.write_to(stream)));
        // Without a stream or a thread there is nobody to tell, and nothing to do without it.
        shared.state().is_closed = started.is_err();
        Self(shared)
    }

    /// Leaves a line, which ends with a line feed.
    pub fn leave(&self, line: &[u8]) {
        self.leave_within(line, MAX_WAITING_BYTES);
    }

    /// Leaves a line that is dropped if more than `most` bytes would wait with it.
    fn leave_within(&self, line: &[u8], most: usize) {
        let (kept, cut) = if line.len() > MAX_LINE_BYTES { (&line[..MAX_LINE_BYTES], &b" [cut]\n"[..]) } else { (line, &b""[..]) };
        let mut state = self.0.state();
        if state.is_closed || state.waiting.len() + kept.len() + cut.len() > most {
            state.untold += 1;
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.waiting.extend_from_slice(kept);
        state.waiting.extend_from_slice(cut);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Lines that were dropped since the process began.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, at most for so long.
    pub fn flush_within(&self, most: Duration) {
        let is_under_way = |state: &mut State| !state.is_closed && (state.is_writing || !state.waiting.is_empty());
        // Whether or not it could be written, the caller goes on.
        let _ = self.0.changed.wait_timeout_while(self.0.state(), most, is_under_way);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_to(&self, mut stream: impl Write) {
        loop {
            let mut state = self.state();
            state.is_writing = false;
            self.changed.notify_all();
            let nothing_to_do = |state: &mut State| state.waiting.is_empty() && state.untold == 0;
            let mut state = self.changed.wait_while(state, nothing_to_do).unwrap_or_else(PoisonError::into_inner);
            let (lines, untold) = (std::mem::take(&mut state.waiting), std::mem::take(&mut state.untold));
            state.is_writing = true;
            drop(state);
            if write_all(&mut stream, &lines).is_err() {
                self.state().is_closed = true;
                self.changed.notify_all();
                return;
            }
            if untold > 0 {
                tracing::error!(lines = untold, "lines of the {} were dropped here: nothing read them", self.name);
            }
        }
    }
}

/// As [`Write::write_all`], also where the stream does not block.
fn write_all(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

#[cfg(test)]
mod tests;
