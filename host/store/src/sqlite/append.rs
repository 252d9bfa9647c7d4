//! Appending a batch: a look-up of tails, then one statement that is one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use longhaul_core::InstanceId;
use sqlx::Arguments;
use sqlx::sqlite::SqliteArguments;

use super::bulk::Bulk;
use super::database::{Database, StoredTail, execute};
use super::error::of_write;
use super::{idempotency, late, schedules};
use crate::contract::{Appended, Batch, EncodedRecord, Error, IdempotencyNote, Position, ScheduleFired};
use crate::projection::overlay::{InTables, Pending};

const INSERT: &str = "INSERT INTO log (position, instance, previous, base, kind, data)";
const COLUMNS: usize = 6;
const SIZES: [usize; 6] = [1, 4, 16, 64, 256, MAX_ROWS];
/// Most rows in one statement.
const MAX_ROWS: usize = 1_024;

/// Inserts records. Outside a transaction it is one by itself, on stable storage when it returns.
/// With `BEGIN` and `COMMIT` around it the driver would wake its caller three times for each batch.
static RECORDS: LazyLock<Bulk> = LazyLock::new(|| Bulk::new(INSERT, COLUMNS, "", &SIZES));

/// A record with its place, and what the tables had of its instance before the batch.
type Linked = (Pending, InTables);

/// What a batch has besides records. Few have any.
struct Notes {
    keys: Vec<IdempotencyNote>,
    fired: Vec<ScheduleFired>,
}

impl Notes {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.fired.is_empty()
    }
}

impl Database {
    pub(super) async fn append(&mut self, batch: Batch) -> Result<Appended, Error> {
        let Batch { mut records, tails, new, keys, fired } = batch;
        self.settle().await?;
        let stored = self.tails_missing_in_memory(&records, &tails, &new).await?;
        late::leave_out(&mut records, &self.overlay.lock(), &stored);
        let linked = self.link(&records, &stored);
        self.insert(records, &linked, &Notes { keys, fired }).await?;
        let mut overlay = self.overlay.lock();
        for (pending, in_tables) in linked {
            self.last = pending.position;
            overlay.add(pending, in_tables);
        }
        let tail = |id: &InstanceId| overlay.tail(id).or_else(|| stored.get(id).map(|tail| tail.position)).map(Position);
        Ok(Appended { tails: tails.iter().map(tail).collect() })
    }

    /// Looks up, in one statement, the last positions of all instances of which nothing is pending
    /// and that are not new, and of those that a message may come too late for.
    async fn tails_missing_in_memory(
        &mut self,
        records: &[EncodedRecord],
        tails: &[InstanceId],
        new: &HashSet<InstanceId>,
    ) -> Result<HashMap<InstanceId, StoredTail>, Error> {
        let missing: Vec<_> = {
            let overlay = self.overlay.lock();
            let ids: HashSet<_> = records.iter().map(|encoded| &encoded.record.instance).chain(tails).collect();
            let unknown = ids.into_iter().filter(|id| overlay.get(id).is_none() && !new.contains(*id));
            unknown.chain(late::asked_for(records, &overlay)).collect()
        };
        self.append_statements.add(usize::from(!missing.is_empty()));
        self.stored_tails(&missing).await
    }

    /// Gives each record its position and the position before it in its chain, and says what the
    /// tables have of its instance.
    fn link(&self, records: &[EncodedRecord], stored: &HashMap<InstanceId, StoredTail>) -> Vec<Linked> {
        let overlay = self.overlay.lock();
        let mut tails: HashMap<&InstanceId, i64> = HashMap::new();
        let numbered = (self.last + 1..).zip(records);
        let linked = numbered.map(|(position, encoded)| {
            let id = &encoded.record.instance;
            let in_memory = tails.insert(id, position).or_else(|| overlay.tail(id));
            let in_table = stored.get(id);
            let previous = in_memory.or(in_table.map(|tail| tail.position));
            let pending = Pending { position, previous, record: encoded.record.clone(), bytes: encoded.data.len() };
            (pending, in_table.map_or(InTables::Nothing, |tail| tail.in_tables))
        });
        linked.collect()
    }

    async fn insert(&mut self, records: Vec<EncodedRecord>, linked: &[Linked], notes: &Notes) -> Result<(), Error> {
        if records.is_empty() && notes.is_empty() {
            return Ok(());
        }
        let count = records.len();
        let result = match count <= MAX_ROWS && notes.is_empty() {
            true => self.insert_at_once(records, linked).await,
            false => self.insert_in_parts(records, linked, notes).await,
        };
        if let Err(error) = result {
            let error = of_write(&format!("append {count} records"), &error);
            self.unsettle(&error).await;
            return Err(error);
        }
        Ok(())
    }

    async fn insert_at_once(&mut self, records: Vec<EncodedRecord>, linked: &[Linked]) -> Result<(), sqlx::Error> {
        let sql = RECORDS.for_rows(records.len());
        self.append_statements.add(1);
        sqlx::query_with(sql, arguments(records, linked)?).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn insert_in_parts(&mut self, records: Vec<EncodedRecord>, linked: &[Linked], notes: &Notes) -> Result<(), sqlx::Error> {
        // One for each part, one for each kind of notes, and where the transaction begins and ends.
        let notes_statements = usize::from(!notes.keys.is_empty()) + usize::from(!notes.fired.is_empty());
        self.append_statements.add(linked.len().div_ceil(MAX_ROWS) + notes_statements + 2);
        execute(&mut self.connection, "BEGIN IMMEDIATE").await?;
        let mut records = records.into_iter();
        for part in linked.chunks(MAX_ROWS) {
            let arguments = arguments(records.by_ref().take(part.len()), part)?;
            sqlx::query_with(RECORDS.for_rows(part.len()), arguments).execute(&mut self.connection).await?;
        }
        idempotency::insert(&mut self.connection, &notes.keys).await?;
        schedules::note_fired(&mut self.connection, &notes.fired).await?;
        execute(&mut self.connection, "COMMIT").await
    }
}

fn arguments(records: impl IntoIterator<Item = EncodedRecord>, linked: &[Linked]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(linked.len() * COLUMNS, 0);
    for (EncodedRecord { record, data, if_wanted: _ }, (pending, _)) in records.into_iter().zip(linked) {
        let add = || {
            arguments.add(pending.position)?;
            arguments.add(record.instance.as_str())?;
            arguments.add(pending.previous)?;
            arguments.add(record.base)?;
            arguments.add(record.record.kind())?;
            arguments.add(data)
        };
        add().map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
