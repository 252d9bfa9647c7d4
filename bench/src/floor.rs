//! The bare floor: the same rows written by group commit alone, and read back alone.
//!
//! The rows are real ones: a [`Template`] is the chain of an instance that the host itself has just finished, read from its database.
//! The floor writes it again under other ids, through the store that the host uses and with the same durability, but with no HTTP, guest,
//! activity or decision around it. Rows that the host can only write after an earlier one is durable are separate steps here too.
//! Workloads take turns with their floor, while the host idles, so that both see the same machine.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use longhaul_core::message::Start;
use longhaul_core::record::{FORMAT, MessageRecord, NewRecord};
use longhaul_core::{DeploymentId, ExecutionId, InstanceId, Message, OnReturn, Payload, Record, RuntimeStatus, Tags, Timestamp};
use longhaul_store::{Batch, EncodedRecord, InstanceQuery, Instances, Log, MAX_BATCH_RECORDS, SqliteConfig, SqliteStore, Store};

use crate::host::database;
use crate::load::Until;
use crate::statistics::Sample;

/// Length of the ids that the host makes.
const ID_LENGTH: usize = 32;
/// Instances that are looked through for one to take as the template.
const LOOKED_AT: u32 = 1_000;

/// The rows of one instance.
#[derive(Clone, Debug)]
pub struct Template {
    rows: Vec<(bool, Record, String)>,
}

impl Template {
    /// The rows of an instance of an orchestration that stands so, in a stopped host's data folder.
    ///
    /// # Errors
    /// When the database cannot be read, or no such instance is among the first thousand.
    pub async fn read(data: &Path, name: &str, status: RuntimeStatus) -> anyhow::Result<Self> {
        let store = open(data).await?;
        let query = InstanceQuery { statuses: vec![status], limit: LOOKED_AT, ..InstanceQuery::default() };
        let rows = store.list(query).await?.rows;
        let found = rows.iter().find(|row| row.name == name);
        let id = &found.with_context(|| format!("no instance of {name} is {status:?} in {}", data.display()))?.id;
        let tail = store.tail(id).await?.context("a listed instance has no records")?;
        let chain = store.read_chain(tail).await?;
        store.close().await?;
        Ok(Self { rows: chain.into_iter().map(|one| (one.base, one.record.clone(), one.record.encode())).collect() })
    }

    /// One row of a few hundred bytes: a start that was accepted.
    pub fn one_message() -> Self {
        let start = Start {
            name: "HelloSequence".into(),
            input: Payload::null(),
            execution: ExecutionId::trusted("0".repeat(ID_LENGTH)),
            deployment: DeploymentId(1),
            created_at: Timestamp(0),
            born_at: Some(Timestamp(0)),
            version: None,
            parent: None,
            at: None,
            tags: Tags::new(),
            on_return: OnReturn::default(),
            nesting: 0,
        };
        let record = Record::Message(MessageRecord { format: FORMAT, at: Timestamp(0), message: Message::Start(Box::new(start)) });
        Self { rows: vec![(false, record.clone(), record.encode())] }
    }

    /// The first `count` rows: an instance that is not done yet.
    pub fn first(&self, count: usize) -> Self {
        Self { rows: self.rows.iter().take(count).cloned().collect() }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// One step: all rows together.
    pub fn at_once(&self) -> Vec<Range<usize>> {
        std::iter::once(0..self.len()).collect()
    }

    /// Each row a step of its own: none is written before the one ahead of it is durable.
    pub fn one_by_one(&self) -> Vec<Range<usize>> {
        (0..self.len()).map(|row| row..row + 1).collect()
    }

    /// Two steps: the first row, and all others together.
    pub fn first_then_rest(&self) -> Vec<Range<usize>> {
        vec![0..1, 1..self.len()]
    }

    fn record(&self, row: usize, instance: &InstanceId) -> EncodedRecord {
        let (base, record, data) = self.rows[row].clone();
        EncodedRecord { record: Arc::new(NewRecord { instance: instance.clone(), base, record }), data, if_wanted: false }
    }
}

/// What a floor took.
pub struct FloorSample {
    /// Each round's time: all steps of as many instances as run at a time.
    pub rounds: Sample,
    /// Instances written.
    pub instances: usize,
    /// Time of each step, all rounds together.
    pub steps: Vec<Duration>,
}

impl FloorSample {
    /// Several samples of the same steps as one.
    pub fn joined(parts: &[Self]) -> Self {
        let mut steps = parts.first().map(|part| vec![Duration::ZERO; part.steps.len()]).unwrap_or_default();
        for part in parts {
            steps.iter_mut().zip(&part.steps).for_each(|(total, own)| *total += *own);
        }
        Self {
            rounds: Sample::joined(parts.iter().map(|part| &part.rounds)),
            instances: parts.iter().map(|part| part.instances).sum(),
            steps,
        }
    }

    /// Instances per second.
    pub fn per_second(&self) -> f64 {
        self.instances as f64 / self.rounds.elapsed.as_secs_f64()
    }

    /// Instances per second if there were only these steps.
    pub fn steps_per_second(&self, steps: Range<usize>) -> f64 {
        self.instances as f64 / self.steps[steps].iter().sum::<Duration>().as_secs_f64()
    }
}

/// A store of its own on the disk to be measured.
pub struct Floor {
    store: SqliteStore,
}

impl Floor {
    /// Opens a store in a folder; a host's data folder will do if no host runs on it.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self { store: open(folder).await? })
    }

    /// Writes rounds of `at_a_time` new instances each: for each step, the step's rows of all of them in one commit, or in as few as
    /// the store allows. With [`Until::Count`] it stops at that many instances or just above.
    ///
    /// # Errors
    /// When the store does not take a batch.
    pub async fn write(&self, template: &Template, steps: &[Range<usize>], at_a_time: usize, until: Until) -> anyhow::Result<FloorSample> {
        let mut rounds = Vec::new();
        let mut by_step = vec![Duration::ZERO; steps.len()];
        let begun = Instant::now();
        loop {
            let ids: Vec<_> = (0..at_a_time).map(|_| fresh_id()).collect();
            let mut round = Duration::ZERO;
            for (step, total) in steps.iter().zip(&mut by_step) {
                let took = self.commit(template, step, &ids).await?;
                *total += took;
                round += took;
            }
            rounds.push(round);
            let enough = match until {
                Until::Elapsed(limit) => begun.elapsed() >= limit,
                Until::Count(count) => (rounds.len() * at_a_time) as u64 >= count,
            };
            if enough {
                let instances = rounds.len() * at_a_time;
                return Ok(FloorSample { rounds: Sample::sequence(rounds), instances, steps: by_step });
            }
        }
    }

    /// Writes a template whole, under a new id, and returns the id.
    ///
    /// # Errors
    /// When the store does not take a batch.
    pub async fn plant(&self, template: &Template) -> anyhow::Result<InstanceId> {
        let id = fresh_id();
        self.commit(template, &(0..template.len()), std::slice::from_ref(&id)).await?;
        Ok(id)
    }

    /// Reads the chains of these instances and returns how long that took.
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn read(&self, ids: &[InstanceId]) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        for id in ids {
            let tail = self.store.tail(id).await?.with_context(|| format!("instance {id} has no records"))?;
            ensure!(!self.store.read_chain(tail).await?.is_empty(), "the chain of instance {id} is empty");
        }
        Ok(begun.elapsed())
    }

    /// Closes the store, which brings its tables up to date.
    ///
    /// # Errors
    /// When it cannot be closed.
    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.store.close().await?)
    }

    /// The time counts from the first commit to the last, without the making of the rows.
    async fn commit(&self, template: &Template, step: &Range<usize>, ids: &[InstanceId]) -> anyhow::Result<Duration> {
        let records: Vec<_> = ids.iter().flat_map(|id| step.clone().map(|row| template.record(row, id))).collect();
        let mut batches = Vec::new();
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            batches.push(Batch { records: records.by_ref().take(MAX_BATCH_RECORDS).collect(), ..Batch::default() });
        }
        let begun = Instant::now();
        for batch in batches {
            self.store.append(batch).await?;
        }
        Ok(begun.elapsed())
    }
}

/// An id that this process has not used before, ordered by time like the host's own.
fn fresh_id() -> InstanceId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    InstanceId::trusted(format!("f{:0width$x}", NEXT.fetch_add(1, Ordering::Relaxed), width = ID_LENGTH - 1))
}

async fn open(folder: &Path) -> anyhow::Result<SqliteStore> {
    let path = database(folder);
    SqliteStore::open(SqliteConfig::at(&path)).await.with_context(|| format!("cannot open {}", path.display()))
}
