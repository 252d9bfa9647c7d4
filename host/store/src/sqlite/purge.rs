//! Removing instances with all that is known of them.

use longhaul_core::InstanceId;
use sqlx::sqlite::SqliteConnection;

use super::database::{Database, id_list};
use super::error::of_write;
use crate::contract::Error;

/// Deletes the whole chains that end at the positions that a SELECT lists. CROSS JOIN keeps SQLite from reading the whole log.
macro_rules! delete_chains {
    ($ends:literal) => {
        concat!(
            "WITH RECURSIVE chain (position) AS (",
            $ends,
            "
    UNION
    SELECT log.previous
    FROM chain
    CROSS JOIN log ON log.position = chain.position
    WHERE log.previous IS NOT NULL
)
DELETE FROM log
WHERE position IN (SELECT position FROM chain)"
        )
    };
}
pub(super) use delete_chains;

/// The whole chains of some instances, what is about to be trimmed from them included.
const DELETE_CHAINS: &str = delete_chains!(
    "
    SELECT last_position
    FROM instances
    WHERE id IN (SELECT value FROM json_each($1))
    UNION
    SELECT last_position
    FROM orphans
    WHERE instance IN (SELECT value FROM json_each($1))
    UNION
    SELECT garbage
    FROM trimmed
    WHERE instance IN (SELECT value FROM json_each($1))
        AND garbage IS NOT NULL"
);

impl Database {
    /// Removes instances with their chains. The projection is flushed first, so that tables alone say where the chains end.
    pub(super) async fn purge(&mut self, instances: Vec<InstanceId>) -> Result<u32, Error> {
        if instances.is_empty() {
            return Ok(0);
        }
        self.flush().await?;
        let doing = format!("purge {} instances", instances.len());
        let ids = id_list(&instances.iter().collect::<Vec<_>>());
        let delete = async |connection: &mut SqliteConnection| delete_all(connection, &ids).await.map_err(|error| of_write(&doing, &error));
        let removed = self.in_transaction(&doing, delete).await?;
        Ok(u32::try_from(removed).unwrap_or(u32::MAX))
    }
}

async fn delete_all(connection: &mut SqliteConnection, ids: &str) -> Result<u64, sqlx::Error> {
    sqlx::query(DELETE_CHAINS).bind(ids).execute(&mut *connection).await?;
    for sql in [
        "DELETE FROM orphans WHERE instance IN (SELECT value FROM json_each($1))",
        "DELETE FROM trimmed WHERE instance IN (SELECT value FROM json_each($1))",
    ] {
        sqlx::query(sql).bind(ids).execute(&mut *connection).await?;
    }
    let sql = "DELETE FROM instances WHERE id IN (SELECT value FROM json_each($1))";
    Ok(sqlx::query(sql).bind(ids).execute(connection).await?.rows_affected())
}
