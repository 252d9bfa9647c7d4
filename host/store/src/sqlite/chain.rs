//! Reading one instance's chain.

use longhaul_core::InstanceId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::error::of_read;
use super::recovery::decode;
use crate::contract::{ChainRecord, Error, Position};

/// `needed` is NULL until the base is reached; from there on it counts the messages that are still needed. One statement is one
/// snapshot: later appends and cuts do not disturb it. CROSS JOIN fixes the order of the joins: left to itself SQLite reads the whole
/// log in the order asked for and looks each record up in the chain.
const CHAIN: &str = "
WITH RECURSIVE chain (position, previous, wanted, needed) AS (
    SELECT
        position, previous, 1,
        CASE WHEN base THEN coalesce(data ->> '$.inboxBefore', 0) END
    FROM log
    WHERE position = $1
    UNION ALL
    SELECT
        log.position, log.previous,
        chain.needed IS NULL OR log.kind = 'message',
        CASE
            WHEN chain.needed IS NOT NULL THEN chain.needed - (log.kind = 'message')
            WHEN log.base THEN coalesce(log.data ->> '$.inboxBefore', 0)
        END
    FROM chain
    CROSS JOIN log ON log.position = chain.previous
    WHERE chain.needed IS NULL
        OR chain.needed > 0
)
SELECT log.position, log.base, log.kind, log.data
FROM chain
CROSS JOIN log ON log.position = chain.position
WHERE chain.wanted
ORDER BY log.position";

/// The chain that ends at `tail`, oldest record first.
pub(super) async fn read_chain(connection: &mut SqliteConnection, tail: Position) -> Result<Vec<ChainRecord>, Error> {
    let rows = sqlx::query(CHAIN).bind(tail.0).fetch_all(connection).await.map_err(|error| of_read("read a chain", &error))?;
    rows.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> Result<ChainRecord, Error> {
    let columns = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
    let (position, base, kind, data) = columns().map_err(|error| of_read("read a chain", &error))?;
    Ok(ChainRecord { position: Position(position), base, record: decode(position, kind, data)? })
}

/// Position of the last record that the tables know of an instance.
pub(super) async fn read_tail(connection: &mut SqliteConnection, id: &InstanceId) -> Result<Option<Position>, Error> {
    let sql = "
SELECT last_position
FROM instances
WHERE id = $1
UNION ALL
SELECT last_position
FROM orphans
WHERE instance = $1";
    let read = sqlx::query_scalar(sql).bind(id.as_str()).fetch_optional(connection).await;
    Ok(read.map_err(|error| of_read("look up the last record of an instance", &error))?.map(Position))
}
