//! What is read for answers: only what is shown, within a budget.
//!
//! How long a row, a page or a history is, is known before it is read, and so is what an answer
//! made of it takes. What has no room waits a little, and is refused then: many long answers at
//! once cannot end the host.

use longhaul_core::history::{HistoryEntry, history_events};
use longhaul_core::{InstanceId, InstanceRow};
use longhaul_store::{ChainRecord, EntityQuery, InstanceQuery, Page, Payloads, Position, TooLong};

use super::Engine;
use crate::budget::Room;
use crate::context::EngineContext;
use crate::error::EngineError;

/// Rows and histories up to this length need no room.
const FREE_BYTES: u64 = 64 << 10;
/// How often the payloads of a row are in memory while an answer is made of it: as they were read,
/// and in the answer.
const COPIES: u64 = 2;
/// The same of a history's records, whose payloads stand in its events besides.
const HISTORY_COPIES: u64 = 3;
/// How often something is read again that has grown since it was measured.
const MAX_TRIES: usize = 5;

/// What was read, and the room for it and for the answer that is made of it.
#[derive(Debug)]
pub struct Read<T> {
    /// What was read.
    pub value: T,
    /// To be held as long as any of it is. Absent for what is short.
    pub room: Option<Room>,
}

impl Engine {
    /// The row of an instance or entity (`@name@key`), as of the last acknowledged commit.
    pub async fn status(&self, id: &InstanceId) -> Result<Option<InstanceRow>, EngineError> {
        Ok(self.context().store.instance(id).await?)
    }

    /// The same without its payloads: where there is one, there is `null`.
    pub async fn head(&self, id: &InstanceId) -> Result<Option<InstanceRow>, EngineError> {
        self.context().head(id).await
    }

    /// The row of an instance or entity with those payloads alone that are asked for.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when there is no room for it.
    pub async fn row(&self, id: &InstanceId, payloads: Payloads) -> Result<Read<Option<InstanceRow>>, EngineError> {
        let EngineContext { store, answers, .. } = self.context();
        let (mut room, mut most) = (None, FREE_BYTES);
        for _ in 0..MAX_TRIES {
            match store.instance_within(id, payloads, most).await? {
                Ok(value) => return Ok(Read { value, room }),
                Err(TooLong { bytes }) => {
                    // Never two at a time: those that have one and wait for the other would wait
                    // for each other.
                    drop(room.take());
                    room = Some(answers.room(bytes.saturating_mul(COPIES)).await?);
                    most = bytes;
                }
            }
        }
        Err(keeps_growing(id))
    }

    /// The same beside something for which there is room already: its own is taken only if it is
    /// free at once.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when there is no room for it.
    pub async fn row_beside(
        &self,
        id: &InstanceId,
        payloads: Payloads,
        other: &mut Option<Room>,
    ) -> Result<Option<InstanceRow>, EngineError> {
        let EngineContext { store, answers, .. } = self.context();
        let mut most = FREE_BYTES;
        for _ in 0..MAX_TRIES {
            match store.instance_within(id, payloads, most).await? {
                Ok(row) => return Ok(row),
                Err(TooLong { bytes }) => {
                    let more = answers.budget.take(bytes.saturating_mul(COPIES)).ok_or_else(|| answers.no_room())?;
                    most = bytes;
                    match other {
                        Some(room) => room.add(more),
                        None => *other = Some(more),
                    }
                }
            }
        }
        Err(keeps_growing(id))
    }

    /// A page of instances.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when there is no room for it.
    pub async fn list(&self, query: InstanceQuery) -> Result<Read<Page>, EngineError> {
        let store = &self.context().store;
        self.page(query.payloads, query.max_bytes, |max_bytes| store.list(InstanceQuery { max_bytes, ..query.clone() })).await
    }

    /// A page of entities.
    ///
    /// # Errors
    /// [`EngineError::Unavailable`] when there is no room for it.
    pub async fn list_entities(&self, query: EntityQuery) -> Result<Read<Page>, EngineError> {
        let store = &self.context().store;
        self.page(query.payloads, query.max_bytes, |max_bytes| store.list_entities(EntityQuery { max_bytes, ..query.clone() })).await
    }

    /// A page of at most `asked` bytes, or of as many as one row takes that has more.
    async fn page<'read>(
        &self,
        payloads: Payloads,
        asked: Option<u64>,
        read: impl Fn(Option<u64>) -> longhaul_store::StoreFuture<'read, Page>,
    ) -> Result<Read<Page>, EngineError> {
        let answers = &self.context().answers;
        let mut most = asked.unwrap_or(answers.page_bytes).min(answers.page_bytes);
        for _ in 0..MAX_TRIES {
            let mut room = answers.room(most.saturating_mul(COPIES)).await?;
            let page = read(Some(most)).await?;
            match page.too_long {
                Some(TooLong { bytes }) => most = bytes,
                None => {
                    let bytes = page.rows.iter().map(|row| payloads.bytes_of(row)).sum::<u64>();
                    room.shrink_to(bytes.saturating_mul(COPIES));
                    return Ok(Read { value: page, room: Some(room) });
                }
            }
        }
        Err(EngineError::Unavailable("the first instance of the page grows faster than it can be read".into()))
    }

    /// The history of an instance's current execution, as `show` makes it of its events.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`] for a history that the memory for answers has no room for,
    /// [`EngineError::Unavailable`] when it has none now.
    pub async fn history<T: Send + 'static>(
        &self,
        id: &InstanceId,
        show: impl FnOnce(Vec<HistoryEntry>) -> T + Send + 'static,
    ) -> Result<Read<Option<T>>, EngineError> {
        let Some(tail) = self.context().store.tail(id).await? else { return Ok(Read { value: None, room: None }) };
        let Read { value: chain, room } = self.chain(id, tail).await?;
        let of = id.clone();
        let events = move || show(history_events(&of, chain.into_iter().map(|link| (link.record, link.base))));
        let events = match room {
            None => events(),
            // A long one takes its time, in which tokio's workers have others to serve.
            Some(_) => tokio::task::spawn_blocking(events)
                .await
                .map_err(|error| EngineError::Unavailable(format!("the history cannot be told: {error}")))?,
        };
        Ok(Read { value: Some(events), room })
    }

    async fn chain(&self, id: &InstanceId, tail: Position) -> Result<Read<Vec<ChainRecord>>, EngineError> {
        let EngineContext { store, answers, .. } = self.context();
        match store.read_chain_within(tail, FREE_BYTES).await? {
            Ok(value) => Ok(Read { value, room: None }),
            Err(TooLong { bytes }) => {
                let (takes, most) = (bytes.saturating_mul(HISTORY_COPIES), answers.budget.limit());
                if takes > most {
                    let text = format!(
                        "the history of instance '{id}' has {bytes} bytes; at most {} can be shown here, a third of answer-memory-bytes. The \
                         view v_history of the database shows all of them",
                        most / HISTORY_COPIES
                    );
                    return Err(EngineError::TooLarge(text));
                }
                let room = Some(answers.room(takes).await?);
                // The chain that ends there never changes.
                let value = store.read_chain_within(tail, bytes).await?.map_err(|_| keeps_growing(id))?;
                Ok(Read { value, room })
            }
        }
    }

    /// Waits until the instance has ended or is gone, or until `deadline` has passed, without
    /// polling the store.
    pub async fn ended(&self, id: &InstanceId, deadline: tokio::time::Instant) -> Result<(), EngineError> {
        loop {
            let ended = self.context().scheduler().watch(id);
            // Looked at only now, so that an end between look and watch is not missed.
            let row = self.head(id).await?;
            if row.is_none_or(|row| row.status.is_terminal()) {
                return Ok(());
            }
            // Watchers are also woken when memory was given up: then the row tells whether there is
            // more to wait for.
            if tokio::time::timeout_at(deadline, ended).await.is_err() {
                return Ok(());
            }
        }
    }

    /// The same; returns the instance's row then.
    pub async fn wait_until_ended(&self, id: &InstanceId, deadline: tokio::time::Instant) -> Result<Option<InstanceRow>, EngineError> {
        self.ended(id, deadline).await?;
        self.status(id).await
    }
}

fn keeps_growing(id: &InstanceId) -> EngineError {
    EngineError::Unavailable(format!("instance '{id}' grows faster than it can be read"))
}
