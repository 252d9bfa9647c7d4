//! Connections without a request: the first to go where descriptors run short.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::Notify;

/// How long the end of an answer may be on its way to the client, in which its connection is not idle yet, milliseconds.
const FLUSH_MS: u64 = 250;

/// The connections of all listeners.
#[derive(Debug)]
pub struct Connections {
    begun: Instant,
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    next: AtomicU64,
}

/// One connection, as far as it matters here.
#[derive(Debug)]
pub(super) struct Connection {
    begun: Instant,
    is_busy: AtomicBool,
    /// Since when it has had no request, milliseconds after `begun`.
    idle_since: AtomicU64,
    closed: Notify,
}

/// A connection's entry, which goes with this.
#[derive(Debug)]
pub(super) struct Entry {
    number: u64,
    pub(super) connection: Arc<Connection>,
    all: Arc<Connections>,
}

impl Default for Connections {
    fn default() -> Self {
        Self { begun: Instant::now(), open: Mutex::default(), next: AtomicU64::default() }
    }
}

impl Connections {
    /// Notes a connection that has no request yet.
    pub(super) fn open(self: &Arc<Self>) -> Entry {
        let connection = Arc::new(Connection {
            begun: self.begun,
            is_busy: AtomicBool::new(false),
            idle_since: AtomicU64::new(milliseconds_since(self.begun)),
            closed: Notify::new(),
        });
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.all().insert(number, connection.clone());
        Entry { number, connection, all: self.clone() }
    }

    /// Has the connection closed that has had no request for longest. Returns whether there is one.
    pub(super) fn close_longest_idle(&self) -> bool {
        let mut open = self.all();
        let now = milliseconds_since(self.begun);
        let is_idle = |one: &Connection| !one.is_busy.load(Ordering::Acquire) && one.idle_since.load(Ordering::Relaxed) <= now;
        let idle = open.iter().filter(|(_, one)| is_idle(one));
        let longest = idle.min_by_key(|(number, one)| (one.idle_since.load(Ordering::Relaxed), **number)).map(|(number, _)| *number);
        // Out of the list at once: the next that is asked for is another one.
        let Some(connection) = longest.and_then(|number| open.remove(&number)) else { return false };
        connection.closed.notify_one();
        true
    }

    fn all(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        // Every change of the map is one step that cannot stop halfway.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Over once the connection is to close, and has no request then.
    pub(super) async fn closed(&self) {
        loop {
            self.closed.notified().await;
            if !self.is_busy.load(Ordering::Acquire) {
                return;
            }
            // A request came at the last moment; the connection stays, and is not asked for again.
        }
    }

    /// A request has come. It is under way until this is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.is_busy.store(true, Ordering::Release);
        Busy(self.clone())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.all.all().remove(&self.number);
    }
}

/// A request under way, its answer included.
#[derive(Debug)]
pub(super) struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle_since.store(milliseconds_since(self.0.begun) + FLUSH_MS, Ordering::Relaxed);
        self.0.is_busy.store(false, Ordering::Release);
    }
}

fn milliseconds_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The body of an answer, while which the connection is busy.
pub(super) struct Answered<B> {
    body: B,
    _busy: Busy,
}

impl<B> Answered<B> {
    pub(super) fn new(body: B, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_closed(entry: &Entry) -> bool {
        let mut closed = Box::pin(entry.connection.closed());
        closed.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn the_longest_idle_connection_goes_first_and_a_busy_one_stays() {
        let all = Arc::new(Connections::default());
        let (busy, first, second) = (all.open(), all.open(), all.open());
        let request = busy.connection.busy();
        assert!(all.close_longest_idle());
        assert_eq!([&busy, &first, &second].map(is_closed), [false, true, false]);
        assert!(all.close_longest_idle());
        assert!(is_closed(&second));
        assert!(!all.close_longest_idle(), "the last one has a request");
        drop(request);
        assert!(!all.close_longest_idle(), "the end of its answer is on its way");
        busy.connection.idle_since.store(0, Ordering::Relaxed);
        assert!(all.close_longest_idle());
        assert!(is_closed(&busy));
    }

    #[test]
    fn connections_that_are_gone_are_forgotten() {
        let all = Arc::new(Connections::default());
        drop(all.open());
        assert!(all.all().is_empty() && !all.close_longest_idle());
    }
}
