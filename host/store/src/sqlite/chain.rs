//! Reading chains.

use std::collections::{BTreeSet, HashMap};

use longhaul_core::InstanceId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::error::of_read;
use super::long_chain;
use super::recovery::decode;
use crate::contract::{ChainRecord, Error, Position, TooLong};

const READING: &str = "read chains";

/// Chains of at most so many records are read together, row by row. In longer ones the driver's
/// work for each row would be most of it.
const SHORT: i64 = 64;
/// The same for chains of at most so many bytes: their rows are in memory together, and others wait
/// for the driver behind them.
const SHORT_BYTES: i64 = 256 << 10;

/// `needed` is NULL until the base is reached; from there on it counts the messages that are still
/// needed. One statement is one snapshot: later appends and cuts do not disturb it. CROSS JOIN
/// fixes the order of the joins: left to itself SQLite reads the whole log in the order asked for
/// and looks each record up in the chain. Nothing is sorted here: a sorter would copy every record.
const CHAINS: &str = "
WITH RECURSIVE chain (tail, position, previous, wanted, needed, depth, bytes) AS (
    SELECT
        log.position, log.position, log.previous, 1,
        CASE WHEN log.base THEN coalesce(log.data ->> '$.inboxBefore', 0) END,
        1, octet_length(log.data)
    FROM json_each($1) AS asked
    CROSS JOIN log ON log.position = asked.value
    UNION ALL
    SELECT
        chain.tail, log.position, log.previous,
        chain.needed IS NULL OR log.kind = 'message',
        CASE
            WHEN chain.needed IS NOT NULL THEN chain.needed - (log.kind = 'message')
            WHEN log.base THEN coalesce(log.data ->> '$.inboxBefore', 0)
        END,
        chain.depth + 1, chain.bytes + octet_length(log.data)
    FROM chain
    CROSS JOIN log ON log.position = chain.previous
    WHERE chain.depth <= $2
        AND chain.bytes <= $3
        AND (chain.needed IS NULL OR chain.needed > 0)
)
SELECT
    log.position, log.base, log.kind, iif(chain.depth > $2 OR chain.bytes > $3, '', log.data), chain.tail,
    chain.depth > $2 OR chain.bytes > $3
FROM chain
CROSS JOIN log ON log.position = chain.position
WHERE chain.wanted
    OR chain.depth > $2
    OR chain.bytes > $3";

/// The chain that ends at `tail`, oldest record first.
pub(super) async fn read_chain(connection: &mut SqliteConnection, tail: Position) -> Result<Vec<ChainRecord>, Error> {
    Ok(read_chains(connection, &[tail]).await?.pop().unwrap_or_default())
}

/// The chains that end at `tails`, in that order, each with its oldest record first.
pub(super) async fn read_chains(connection: &mut SqliteConnection, tails: &[Position]) -> Result<Vec<Vec<ChainRecord>>, Error> {
    let chains = read_chains_within(connection, tails, u64::MAX).await?;
    Ok(chains.into_iter().map(Result::unwrap_or_default).collect())
}

/// The same, those left out that have more than `max_bytes_each`.
pub(super) async fn read_chains_within(
    connection: &mut SqliteConnection,
    tails: &[Position],
    max_bytes_each: u64,
) -> Result<Vec<Result<Vec<ChainRecord>, TooLong>>, Error> {
    let asked = format!("[{}]", tails.iter().map(|tail| tail.0.to_string()).collect::<Vec<_>>().join(","));
    let rows = sqlx::query(CHAINS).bind(asked).bind(SHORT).bind(SHORT_BYTES).fetch_all(&mut *connection).await;
    let rows = rows.map_err(|error| of_read(READING, &error))?;
    let places: HashMap<i64, usize> = tails.iter().enumerate().map(|(place, tail)| (tail.0, place)).collect();
    let mut chains: Vec<Vec<ChainRecord>> = tails.iter().map(|_| Vec::new()).collect();
    let mut long = BTreeSet::new();
    // Each row is let go as soon as it is read.
    for row in rows {
        let (tail, is_too_long) = row.try_get(4).and_then(|tail| Ok((tail, row.try_get(5)?))).map_err(|error| of_read(READING, &error))?;
        let Some(place) = places.get(&tail) else { continue };
        match chains.get_mut(*place) {
            Some(_) if is_too_long => _ = long.insert(*place),
            Some(chain) => chain.push(read(&row)?),
            None => {}
        }
    }
    let mut found = Vec::with_capacity(chains.len());
    for (place, (mut chain, tail)) in chains.into_iter().zip(tails).enumerate() {
        if long.contains(&place) {
            found.push(long_chain::read_within(connection, *tail, max_bytes_each).await?);
        } else {
            chain.sort_unstable_by_key(|record| record.position);
            found.push(Ok(chain));
        }
    }
    Ok(found)
}

fn read(row: &SqliteRow) -> Result<ChainRecord, Error> {
    let columns = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?));
    let (position, base, kind, data) = columns().map_err(|error| of_read(READING, &error))?;
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
