//! Rows of the table `instances`: how they are written and read.

use std::collections::HashMap;

use longhaul_core::{DeploymentId, ExecutionId, InstanceId, InstanceKind, InstanceRow, Payload, RuntimeStatus, Standing, Timestamp};
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::database::id_list;
use crate::contract::Payloads;
use crate::projection::fold::StoredRow;

/// All columns, in the order of [`add`] and [`read`].
pub(super) const COLUMNS: [&str; 23] = [
    "id",
    "last_position",
    "kind",
    "name",
    "execution",
    "version",
    "tags",
    "deployment",
    "parent",
    "status",
    "parked",
    "created_at",
    "updated_at",
    "input",
    "output",
    "custom_status",
    "wake_at",
    "pending",
    "inbox",
    "state",
    "locked_by",
    "queue_size",
    "born_at",
];

/// The columns of `instances` as an answer of [`read`]'s, with those payloads alone that are read,
/// and only where `condition` and `value` hold together.
pub(super) fn columns(payloads: Payloads, condition: &str, value: &str) -> String {
    let column = |name: &&str| {
        let is_read = match *name {
            "input" => payloads.input,
            "output" => payloads.output,
            "state" => payloads.state,
            "custom_status" | "parked" => true,
            name => return format!("instances.{name}"),
        };
        let payload = if is_read { format!("instances.{name}") } else { format!("iif(instances.{name} IS NULL, NULL, 'null')") };
        format!("iif({condition}{value}, {payload}, NULL)")
    };
    COLUMNS.iter().map(column).collect::<Vec<_>>().join(", ")
}

/// The bytes of a row as [`Payloads::bytes_of`] counts them. None of the texts is read for it.
pub(super) fn bytes(payloads: Payloads) -> String {
    let read =
        [(payloads.input, "input"), (payloads.output, "output"), (payloads.state, "state"), (true, "custom_status"), (true, "parked")];
    let lengths = read.into_iter().filter(|(is_read, _)| *is_read).map(|(_, name)| format!("coalesce(octet_length({name}), 0)"));
    lengths.collect::<Vec<_>>().join(" + ")
}
/// Adds a row's values to a statement's.
pub(super) fn add(arguments: &mut SqliteArguments, stored: StoredRow) -> Result<(), BoxDynError> {
    let StoredRow { row, last_position } = stored;
    arguments.add(row.id.as_str())?;
    arguments.add(last_position)?;
    arguments.add(kind_name(row.kind))?;
    arguments.add(row.name)?;
    arguments.add(row.execution.as_ref().map(ExecutionId::as_str))?;
    arguments.add(row.version)?;
    arguments.add((!row.tags.is_empty()).then(|| serde_json::to_string(&row.tags)).transpose()?)?;
    arguments.add(row.deployment.map(|deployment| i64::try_from(deployment.0)).transpose()?)?;
    arguments.add(row.parent.map(|parent| serde_json::to_string(&parent)).transpose()?)?;
    arguments.add(row.status.as_str())?;
    arguments.add(row.parked)?;
    arguments.add(time_value(row.created_at))?;
    arguments.add(time_value(row.updated_at))?;
    arguments.add(row.input.as_ref().map(Payload::as_str))?;
    arguments.add(row.output.as_ref().map(Payload::as_str))?;
    arguments.add(row.custom_status.as_ref().map(Payload::as_str))?;
    arguments.add(row.wake_at.map(time_value))?;
    arguments.add(row.pending)?;
    arguments.add(row.inbox)?;
    arguments.add(row.state.as_ref().map(Payload::as_str))?;
    arguments.add(row.locked_by.as_ref().map(InstanceId::as_str))?;
    arguments.add(row.queue_size)?;
    arguments.add(time_value(row.born_at))
}

/// Reads a row whose first columns are [`COLUMNS`].
pub(super) fn read(row: &SqliteRow) -> Result<StoredRow, sqlx::Error> {
    let time = |at: usize| row.try_get(at).map(time_of);
    let optional = |at: usize| row.try_get::<Option<&str>, _>(at);
    let payload = |at: usize| optional(at)?.map(|text| Payload::parse(text).map_err(damaged)).transpose();
    let parent = optional(8)?.map(|text| serde_json::from_str(text).map_err(damaged)).transpose()?;
    let tags = optional(6)?.map(|text| serde_json::from_str(text).map_err(damaged)).transpose()?.unwrap_or_default();
    let deployment = row.try_get::<Option<i64>, _>(7)?.map(u64::try_from).transpose().map_err(damaged)?;
    Ok(StoredRow {
        last_position: row.try_get(1)?,
        row: InstanceRow {
            id: InstanceId::trusted(row.try_get::<&str, _>(0)?),
            kind: kind_of(row.try_get(2)?)?,
            name: row.try_get(3)?,
            execution: optional(4)?.map(ExecutionId::trusted),
            version: row.try_get(5)?,
            tags,
            deployment: deployment.map(DeploymentId),
            parent,
            status: status_of(row.try_get(9)?)?,
            parked: row.try_get(10)?,
            created_at: time(11)?,
            updated_at: time(12)?,
            input: payload(13)?,
            output: payload(14)?,
            custom_status: payload(15)?,
            wake_at: row.try_get::<Option<i64>, _>(16)?.map(time_of),
            pending: row.try_get(17)?,
            inbox: row.try_get(18)?,
            state: payload(19)?,
            locked_by: optional(20)?.map(InstanceId::trusted),
            queue_size: row.try_get(21)?,
            born_at: time(22)?,
        },
    })
}

/// The rows that the tables have of these instances, in one statement.
pub(super) async fn read_all(
    connection: &mut SqliteConnection,
    ids: &[&InstanceId],
) -> Result<HashMap<InstanceId, StoredRow>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT instances.* FROM json_each($1) AS asked CROSS JOIN instances ON instances.id = asked.value";
    let rows = sqlx::query(sql).bind(id_list(ids)).fetch_all(connection).await?;
    // Each is let go as soon as it is copied.
    rows.into_iter().map(|row| read(&row).map(|stored| (stored.row.id.clone(), stored))).collect()
}

/// How many bytes the payloads of these instances' rows have. None of them is read for it.
pub(super) async fn lengths(connection: &mut SqliteConnection, ids: &[&InstanceId]) -> Result<HashMap<InstanceId, usize>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let bytes = bytes(Payloads::ALL);
    // All parts of the text are constants of this file.
    let sql = format!("SELECT instances.id, {bytes} FROM json_each($1) AS asked CROSS JOIN instances ON instances.id = asked.value");
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(id_list(ids)).fetch_all(connection).await?;
    let length = |row: &SqliteRow| {
        let bytes: i64 = row.try_get(1)?;
        Ok((InstanceId::trusted(row.try_get::<&str, _>(0)?), usize::try_from(bytes).unwrap_or(0)))
    };
    rows.iter().map(length).collect()
}

/// SQLite's integers are signed: what lies beyond its largest is the end of time, which reads back
/// as such.
pub(super) fn time_value(time: Timestamp) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// The inverse of [`time_value`]. A negative number, which is never written, is the beginning of
/// time.
pub(super) fn time_of(value: i64) -> Timestamp {
    match value {
        i64::MAX => Timestamp(u64::MAX),
        value => Timestamp(u64::try_from(value).unwrap_or(0)),
    }
}

fn kind_name(kind: InstanceKind) -> &'static str {
    match kind {
        InstanceKind::Orchestration => "orchestration",
        InstanceKind::Entity => "entity",
    }
}

fn kind_of(name: &str) -> Result<InstanceKind, sqlx::Error> {
    match name {
        "orchestration" => Ok(InstanceKind::Orchestration),
        "entity" => Ok(InstanceKind::Entity),
        other => Err(damaged(format!("unknown kind of instance '{other}'"))),
    }
}

fn status_of(name: &str) -> Result<RuntimeStatus, sqlx::Error> {
    RuntimeStatus::of_name(name).ok_or_else(|| damaged(format!("unknown status '{name}'")))
}

/// How an orchestration stands whose columns `status` and `execution` say this.
pub(super) fn standing(status: &str, execution: &str) -> Result<Standing, sqlx::Error> {
    Ok(Standing { status: status_of(status)?, execution: ExecutionId::trusted(execution) })
}

fn damaged(cause: impl Into<BoxDynError>) -> sqlx::Error {
    sqlx::Error::Decode(cause.into())
}
