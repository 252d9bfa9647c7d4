//! Read-only connections for queries.

use parking_lot::{Mutex, MutexGuard};
use sqlx::sqlite::SqliteConnection;
use tokio::sync::Semaphore;

use super::config::SqliteConfig;
use super::file::{close, connect, reading};
use crate::contract::Error;

/// A few connections, each used by one query at a time.
#[derive(Debug)]
pub(super) struct Readers {
    idle: Mutex<Vec<SqliteConnection>>,
    permits: Semaphore,
    count: u32,
}

impl Readers {
    pub(super) async fn open(config: &SqliteConfig) -> Result<Self, Error> {
        let count = config.readers.max(1);
        let options = reading(config).thread_name(|number| format!("longhaul-sqlite-reader-{number}"));
        let mut idle = Vec::new();
        for _ in 0..count {
            idle.push(connect(&options, &config.path).await?);
        }
        Ok(Self { idle: Mutex::new(idle), permits: Semaphore::new(count as usize), count })
    }

    /// Runs a query as soon as a connection is free.
    pub(super) async fn with<T>(&self, query: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, Error>) -> Result<T, Error> {
        let closed = || Error::Unavailable("the store is closed".into());
        let _permit = self.permits.acquire().await.map_err(|_| closed())?;
        let mut lease = Lease { readers: self, connection: Some(self.idle().pop().ok_or_else(closed)?) };
        query(lease.connection.as_mut().ok_or_else(closed)?).await
    }

    /// Waits for the queries that run, turns further ones down and closes the connections.
    pub(super) async fn close(&self) {
        let Ok(permits) = self.permits.acquire_many(self.count).await else { return };
        self.permits.close();
        drop(permits);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            close(connection).await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock()
    }
}

/// Gives the connection back whatever becomes of the query, before its permit.
struct Lease<'a> {
    readers: &'a Readers,
    connection: Option<SqliteConnection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.readers.idle().extend(self.connection.take());
    }
}
