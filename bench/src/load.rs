//! Closed loops: a number of clients, each with one request under way at any time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::{Answer, Call, Connection};
use crate::statistics::Sample;

/// When a loop ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After this time; what is under way then is waited for and counted.
    Elapsed(Duration),
    /// After this many calls of all clients together.
    Count(u64),
}

/// Clients with a connection each.
pub struct Clients {
    connections: Vec<Connection>,
}

impl Clients {
    /// Connects `count` clients.
    ///
    /// # Errors
    /// When a connection is refused.
    pub async fn connect(address: SocketAddr, count: usize) -> anyhow::Result<Self> {
        let mut connections = Vec::with_capacity(count);
        for _ in 0..count {
            connections.push(Connection::open(address).await?);
        }
        Ok(Self { connections })
    }

    /// Lets every client make one call after the other. `call` is given numbers from 0, each once; `check` sees every answer.
    ///
    /// # Errors
    /// The first call that fails or whose answer `check` does not accept ends the loop.
    pub async fn run(
        &mut self,
        until: Until,
        call: impl Fn(u64) -> Call + Send + Sync + 'static,
        check: impl Fn(&Answer) -> anyhow::Result<()> + Send + Sync + 'static,
    ) -> anyhow::Result<Sample> {
        let work = Arc::new(Work { until, begun: Instant::now(), next: AtomicU64::new(0), call, check });
        let mut clients = JoinSet::new();
        for connection in self.connections.drain(..) {
            clients.spawn(client(connection, work.clone()));
        }
        let mut times = Vec::new();
        while let Some(joined) = clients.join_next().await {
            let (connection, own) = joined??;
            self.connections.push(connection);
            times.extend(own);
        }
        Ok(Sample::new(times, work.begun.elapsed()))
    }
}

struct Work<C, E> {
    until: Until,
    begun: Instant,
    next: AtomicU64,
    call: C,
    check: E,
}

impl<C, E> Work<C, E> {
    /// The number of the next call; none if the loop is to end.
    fn next(&self) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match self.until {
            Until::Elapsed(limit) => (self.begun.elapsed() < limit).then_some(number),
            Until::Count(count) => (number < count).then_some(number),
        }
    }
}

async fn client<C, E>(mut connection: Connection, work: Arc<Work<C, E>>) -> anyhow::Result<(Connection, Vec<Duration>)>
where
    C: Fn(u64) -> Call,
    E: Fn(&Answer) -> anyhow::Result<()>,
{
    let mut times = Vec::new();
    while let Some(number) = work.next() {
        let call = (work.call)(number);
        let begun = Instant::now();
        let answer = connection.call(call).await?;
        times.push(begun.elapsed());
        (work.check)(&answer)?;
    }
    Ok((connection, times))
}
