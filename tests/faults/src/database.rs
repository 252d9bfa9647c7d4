//! What must hold in the database of a host that has stopped.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use longhaul_store::{SqliteConfig, SqliteStore, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};

use crate::model::Foretold;
use crate::round::root;
use crate::ticks;

/// Each gives one line for everything that is wrong.
const RULES: [(&str, &str); 8] = [
    (
        "an instance has not ended, and nothing will move it",
        "SELECT instance || ': ' || status FROM v_instances
         WHERE status NOT IN ('Completed', 'Failed', 'Terminated') AND parked IS NULL AND pending = 0 AND inbox = 0 AND wake_at IS NULL",
    ),
    ("an instance is set aside", "SELECT instance || ': ' || parked FROM v_instances WHERE parked IS NOT NULL"),
    (
        "a lock is held by somebody who has ended",
        "SELECT e.instance || ' by ' || e.locked_by FROM v_entities e LEFT JOIN v_instances i ON i.instance = e.locked_by
         WHERE e.locked_by IS NOT NULL AND coalesce(i.status, 'Completed') IN ('Completed', 'Failed', 'Terminated')",
    ),
    (
        "operations wait for a lock that nobody holds",
        "SELECT instance || ': ' || queue_size FROM v_entities WHERE queue_size > 0 AND locked_by IS NULL",
    ),
    (
        "a history has a gap",
        "SELECT instance || ': turn ' || number || ' at ' || position || ' follows turn ' || before
         FROM (SELECT instance, position, number, lag(number) OVER (PARTITION BY instance ORDER BY position) AS before
               FROM v_history WHERE kind = 'turn')
         WHERE before IS NOT NULL AND number NOT IN (0, before + 1)",
    ),
    (
        "a record follows one of another instance, or one after it",
        "SELECT a.instance || ' at ' || a.position FROM log a JOIN log b ON b.position = a.previous
         WHERE a.instance <> b.instance OR b.position >= a.position",
    ),
    (
        "a record that is no base follows one that is gone",
        "SELECT a.instance || ' at ' || a.position FROM log a LEFT JOIN log b ON b.position = a.previous
         WHERE a.previous IS NOT NULL AND a.base = 0 AND a.kind = 'turn' AND b.position IS NULL",
    ),
    (
        "a row does not know its last record",
        "SELECT i.id || ' at ' || i.last_position FROM instances i
         WHERE i.last_position <> (SELECT max(position) FROM log WHERE instance = i.id)",
    ),
];

/// What is wrong in the database file at `path`; it is rebuilt on the way, so give it a copy.
///
/// # Errors
/// When it cannot be read or rebuilt at all.
pub async fn violations(path: &Path, foretold: &Foretold) -> anyhow::Result<Vec<String>> {
    let mut connection = open(path).await?;
    let mut found = Vec::new();
    for (what, sql) in RULES {
        let rows: Vec<Option<String>> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.with_context(|| what.to_owned())?;
        found.extend(rows.into_iter().map(|row| format!("{what}: {}", row.unwrap_or_default())));
    }
    found.extend(strangers(&mut connection, foretold).await?);
    found.extend(wrong_balances(&mut connection, foretold).await?);
    let before = rows(&mut connection).await?;
    connection.close().await?;
    rebuild(path).await?;
    let mut connection = open(path).await?;
    let after = rows(&mut connection).await?;
    found.extend(before.difference(&after).map(|row| format!("the rebuilt tables lack {row}")));
    found.extend(after.difference(&before).map(|row| format!("only the rebuilt tables have {row}")));
    connection.close().await?;
    Ok(found)
}

/// Instances that nobody started, and ones that are missing.
async fn strangers(connection: &mut SqliteConnection, foretold: &Foretold) -> anyhow::Result<Vec<String>> {
    let ids: BTreeSet<String> = sqlx::query_scalar("SELECT instance FROM v_instances").fetch_all(connection).await?.into_iter().collect();
    let known = |id: &String| foretold.ends.contains_key(id) || foretold.victims.contains(root(id)) || ticks::is_one(id);
    let unknown = ids.iter().filter(|id| !known(id)).map(|id| format!("nobody started {id}"));
    let missing = foretold.ends.keys().filter(|id| !ids.contains(*id)).map(|id| format!("{id} is gone"));
    let left = foretold.purged.iter().filter(|id| ids.contains(*id)).map(|id| format!("{id} was removed and is there"));
    Ok(unknown.chain(missing).chain(left).collect())
}

async fn wrong_balances(connection: &mut SqliteConnection, foretold: &Foretold) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (account, balance) in &foretold.balances {
        let sql = "SELECT state ->> '$.balance' FROM v_entities WHERE instance = $1";
        let stored: Option<i64> = sqlx::query_scalar(sql).bind(format!("@account@{account}")).fetch_optional(&mut *connection).await?;
        if stored != i64::try_from(*balance).ok() {
            found.push(format!("account {account} holds {stored:?}, not {balance}"));
        }
    }
    Ok(found)
}

pub(crate) async fn open(path: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false);
    SqliteConnection::connect_with(&options).await.with_context(|| format!("cannot open {}", path.display()))
}

/// The rows of the table of instances, as JSON.
async fn rows(connection: &mut SqliteConnection) -> anyhow::Result<BTreeSet<String>> {
    let columns = sqlx::query("SELECT name FROM pragma_table_info('instances')").fetch_all(&mut *connection).await?;
    let columns: Vec<String> = columns.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    let members = columns.iter().map(|name| format!("'{name}', {name}")).collect::<Vec<_>>().join(", ");
    let sql = format!("SELECT json_object({members}) FROM instances");
    let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

async fn rebuild(path: &Path) -> anyhow::Result<()> {
    let store = SqliteStore::open(SqliteConfig::at(path)).await.context("cannot open the store")?;
    store.rebuild().await.context("cannot rebuild the tables")?;
    store.close().await.context("cannot close the store")
}
