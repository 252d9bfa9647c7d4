//! Rows: the queries' side of a store, and how much of a row or a list is read at a time.

use longhaul_core::{DeploymentId, InstanceId, InstanceRow, Payload, RuntimeStatus, Timestamp};

use super::{Position, StoreFuture};

/// Rows: the queries' side of a store.
pub trait Instances: Send + Sync {
    /// The row of one instance.
    fn instance(&self, id: &InstanceId) -> StoreFuture<'_, Option<InstanceRow>>;

    /// The row of one instance with those payloads alone that are asked for, unless it has more
    /// than `max_bytes`. What is not asked for, or too long, is not read.
    fn instance_within(
        &self,
        id: &InstanceId,
        payloads: Payloads,
        max_bytes: u64,
    ) -> StoreFuture<'_, Result<Option<InstanceRow>, TooLong>> {
        let row = self.instance(id);
        Box::pin(async move { Ok(row.await?.map(|row| payloads.within(row, max_bytes)).transpose()) })
    }

    /// Position of the instance's last record.
    fn tail(&self, id: &InstanceId) -> StoreFuture<'_, Option<Position>>;

    /// A page of instances.
    fn list(&self, query: InstanceQuery) -> StoreFuture<'_, Page>;

    /// A page of entities that exist (have a state).
    fn list_entities(&self, query: EntityQuery) -> StoreFuture<'_, Page>;

    /// Whether any instance that has not ended is pinned to the deployment.
    fn deployment_in_use(&self, deployment: DeploymentId) -> StoreFuture<'_, bool>;
}

/// Which payloads of a row are read. One that is there and not read stands in the row as `null`, so
/// that it can be told from one that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payloads {
    /// What an orchestration was started with.
    pub input: bool,
    /// What came of it.
    pub output: bool,
    /// An entity's state.
    pub state: bool,
}

impl Payloads {
    /// All of them.
    pub const ALL: Self = Self { input: true, output: true, state: true };
    /// None.
    pub const NONE: Self = Self { input: false, output: false, state: false };

    /// The row with those alone that are read.
    pub fn of(self, mut row: InstanceRow) -> InstanceRow {
        for (is_read, payload) in [(self.input, &mut row.input), (self.output, &mut row.output), (self.state, &mut row.state)] {
            if !is_read && payload.is_some() {
                *payload = Some(Payload::null());
            }
        }
        row
    }

    /// The row with those alone that are read, if it has at most `max_bytes`.
    ///
    /// # Errors
    /// [`TooLong`] says how many it has.
    pub fn within(self, row: InstanceRow, max_bytes: u64) -> Result<InstanceRow, TooLong> {
        match self.bytes_of(&row) {
            bytes if bytes > max_bytes => Err(TooLong { bytes }),
            _ => Ok(self.of(row)),
        }
    }

    /// Bytes of the row's texts that can be long, those payloads alone that are read.
    pub fn bytes_of(self, row: &InstanceRow) -> u64 {
        let read = [(self.input, &row.input), (self.output, &row.output), (self.state, &row.state), (true, &row.custom_status)];
        let payloads: usize =
            read.iter().filter(|(is_read, _)| *is_read).filter_map(|(_, payload)| payload.as_ref()).map(Payload::len_bytes).sum();
        (payloads + row.parked.as_ref().map_or(0, String::len)) as u64
    }
}

impl Default for Payloads {
    fn default() -> Self {
        Self::ALL
    }
}

/// A row or a chain has more bytes than may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// How many it has: a row as [`Payloads::bytes_of`] counts them, a chain those of its records'
    /// texts.
    pub bytes: u64,
}

/// Which instances a list shows. All conditions hold together.
#[derive(Clone, Debug, Default)]
pub struct InstanceQuery {
    /// Created at or after.
    pub created_from: Option<Timestamp>,
    /// Created at or before.
    pub created_to: Option<Timestamp>,
    /// Any of these; empty: any at all.
    pub statuses: Vec<RuntimeStatus>,
    /// Ids that begin with this, compared byte by byte. Entities are listed only if it begins with
    /// `@`.
    pub id_prefix: String,
    /// Only ids after this one: the token of the page before.
    pub after: Option<InstanceId>,
    /// Most rows in a page; 0 counts as 1.
    pub limit: u32,
    /// Which payloads are read.
    pub payloads: Payloads,
    /// Most bytes of a page's rows, as [`Payloads::bytes_of`] counts them; absent: no bound. A
    /// first row that alone has more is not read: [`Page::too_long`].
    pub max_bytes: Option<u64>,
}

impl InstanceQuery {
    /// Whether a list may show the instance, on whatever page.
    pub fn shows(&self, row: &InstanceRow) -> bool {
        row.id.as_str().starts_with(&self.id_prefix)
            && (self.id_prefix.starts_with('@') || !row.id.is_entity())
            && self.created_from.is_none_or(|from| row.created_at >= from)
            && self.created_to.is_none_or(|to| row.created_at <= to)
            && (self.statuses.is_empty() || self.statuses.contains(&row.status))
    }
}

/// Which entities a list shows.
#[derive(Clone, Debug, Default)]
pub struct EntityQuery {
    /// Of this name (lower case); absent: any.
    pub name: Option<String>,
    /// Last changed at or after.
    pub changed_from: Option<Timestamp>,
    /// Last changed at or before.
    pub changed_to: Option<Timestamp>,
    /// Only ids after this one.
    pub after: Option<InstanceId>,
    /// Most rows in a page; 0 counts as 1.
    pub limit: u32,
    /// Which payloads are read.
    pub payloads: Payloads,
    /// Most bytes of a page's rows; as in [`InstanceQuery::max_bytes`].
    pub max_bytes: Option<u64>,
}

impl EntityQuery {
    /// Whether a list may show the entity, on whatever page.
    pub fn shows(&self, row: &InstanceRow) -> bool {
        row.state.is_some()
            && row.id.entity().is_some_and(|entity| self.name.as_deref().is_none_or(|name| *entity.name == *name))
            && self.changed_from.is_none_or(|from| row.updated_at >= from)
            && self.changed_to.is_none_or(|to| row.updated_at <= to)
    }
}

/// One page of a list, ordered by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The rows.
    pub rows: Vec<InstanceRow>,
    /// Where the next page begins; absent: this was the last.
    pub next: Option<InstanceId>,
    /// The page has no row because its first alone has more bytes than it may have.
    pub too_long: Option<TooLong>,
}
