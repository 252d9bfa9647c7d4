//! The guest threads: synchronous calls of guests never run on tokio's workers, where they would starve timers.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use longhaul_wasm::when_held_up;

use super::board::Next;
use super::shared::Shared;
use super::worker::carry_out;

/// Most threads that guests hold up for long, and in whose place others are started.
const MAX_HELD_UP: usize = 16;

/// The guest threads, those included that are about to end.
#[derive(Default)]
pub(super) struct GuestThreads {
    handles: Mutex<Vec<JoinHandle<()>>>,
    held_up: AtomicUsize,
}

impl GuestThreads {
    fn handles(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all of them have ended, those included that start meanwhile: whoever starts one has not ended yet.
    pub(super) fn join(&self) {
        loop {
            let Some(thread) = self.handles().pop() else { return };
            // One that panicked has said so already.
            let _ = thread.join();
        }
    }
}

/// Starts the guest threads.
pub(super) fn spawn(shared: &Arc<Shared>) -> std::io::Result<()> {
    (0..shared.config.guest_threads.max(1)).try_for_each(|_| start(shared))
}

fn start(shared: &Arc<Shared>) -> std::io::Result<()> {
    let of = shared.clone();
    let thread = std::thread::Builder::new().name("guest".into()).spawn(move || run(&of))?;
    let mut handles = shared.guest_threads.handles();
    handles.retain(|thread| !thread.is_finished());
    handles.push(thread);
    Ok(())
}

fn run(shared: &Arc<Shared>) {
    let is_replaced = Rc::new(Cell::new(false));
    let (of, seen) = (shared.clone(), is_replaced.clone());
    // A job may be many calls that do not return soon, a replay for one.
    when_held_up(move || {
        !seen.get() && {
            seen.set(replace_this_thread(&of));
            seen.get()
        }
    });
    while !is_replaced.get()
        && let Some(next) = next(shared)
    {
        carry_out(shared, next);
    }
    if is_replaced.get() {
        shared.guest_threads.held_up.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A guest does not return: others' work goes on in another thread in this one's place. This one ends with what it is at, and gives way to
/// all others until then.
fn replace_this_thread(shared: &Arc<Shared>) -> bool {
    let held_up = &shared.guest_threads.held_up;
    let counted = held_up.try_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < MAX_HELD_UP).then_some(count + 1));
    if counted.is_err() {
        return false;
    }
    // Before this thread gives way: the other would begin like it.
    let started = start(shared).inspect_err(|error| tracing::warn!(%error, "cannot start another guest thread"));
    if started.is_err() {
        held_up.fetch_sub(1, Ordering::Relaxed);
    }
    started.is_ok()
}

fn next(shared: &Shared) -> Option<Next> {
    let mut board = shared.board();
    loop {
        if shared.is_stopping() {
            return None;
        }
        let leaving = std::mem::take(&mut board.leaving);
        let next = board.next();
        if next.is_some() || !leaving.is_empty() {
            drop(board);
            drop(leaving);
            if next.is_some() {
                return next;
            }
            board = shared.board();
            continue;
        }
        board = shared.wait_for_work(board);
    }
}
