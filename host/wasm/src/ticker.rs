//! Advances the engines' clocks.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use wasmtime::Engine;

/// How long a guest runs between two checks of its time.
pub(crate) const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_SECOND: u32 = 100;

/// An operating-system thread that advances the engines' epoch, so that ticks come even when every
/// tokio worker is busy. It ends when this is dropped.
pub(crate) struct Ticker {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Advances the epoch of `engines` at each tick and calls `each_second` about once in a second.
    pub fn start(engines: Vec<Engine>, each_second: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("guest-ticker".into()).spawn(move || {
            let mut ticks = 0;
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                engines.iter().for_each(Engine::increment_epoch);
                ticks = (ticks + 1) % TICKS_PER_SECOND;
                if ticks == 0 {
                    each_second();
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Ticks that let a call run for at least `deadline`: the current tick may be about to end.
    pub fn ticks(deadline: Duration) -> u64 {
        u64::try_from(deadline.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u64::MAX / 2).saturating_add(1)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the ticker has been reported by the panic hook already.
            thread.join().ok();
        }
    }
}
