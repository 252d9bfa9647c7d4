//! Reading a long chain: first where its records are, then many of them as one text.
//!
//! The driver copies every column of every row and hands each row from thread to thread, which
//! takes longer than SQLite takes to find it. So SQLite joins the records of a part of the chain
//! into one text, and while it does so the parts before are decoded.

use std::collections::VecDeque;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, SqliteTransaction};
use tokio::task::JoinHandle;

use super::error::of_read;
use super::recovery::decode;
use crate::contract::{ChainRecord, Error, Position, TooLong};

const READING: &str = "read a long chain";

/// Most records in a part, and bytes after which no further one is taken in.
const PART_RECORDS: usize = 256;
const PART_BYTES: usize = 1 << 20;
/// Most parts that are decoded at the same time.
const DECODING: usize = 4;

/// Stands between records: no JSON text contains this character.
const SEPARATOR: char = '\u{1e}';

/// Position and length of each record, as `chain::CHAINS` finds them, in no order.
const PLACES: &str = "
WITH RECURSIVE chain (position, previous, bytes, wanted, needed) AS (
    SELECT
        position, previous, octet_length(data), 1,
        CASE WHEN base THEN coalesce(data ->> '$.inboxBefore', 0) END
    FROM log
    WHERE position = $1
    UNION ALL
    SELECT
        log.position, log.previous, octet_length(log.data),
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
SELECT coalesce(group_concat(position || ' ' || bytes), '')
FROM chain
WHERE wanted";

const RECORDS: &str = "
SELECT coalesce(group_concat(log.position || ' ' || log.base || ' ' || log.kind || ' ' || log.data, char(30)), '')
FROM json_each($1) AS one
CROSS JOIN log ON log.position = one.value";

/// The chain that ends at `tail`, oldest record first, unless its records have more than
/// `max_bytes`.
pub(super) async fn read_within(
    connection: &mut SqliteConnection,
    tail: Position,
    max_bytes: u64,
) -> Result<Result<Vec<ChainRecord>, TooLong>, Error> {
    // Several statements are one snapshot inside a transaction.
    let mut transaction = connection.begin().await.map_err(|error| of_read(READING, &error))?;
    let places = places(&mut transaction, tail).await?;
    let bytes = places.iter().map(|(_, bytes)| *bytes as u64).sum();
    if bytes > max_bytes {
        return Ok(Err(TooLong { bytes }));
    }
    let mut chain = Vec::with_capacity(places.len());
    let mut decoding: VecDeque<JoinHandle<Result<Vec<ChainRecord>, Error>>> = VecDeque::new();
    let mut rest = &places[..];
    while !rest.is_empty() {
        let (part, later) = rest.split_at(part_length(rest));
        rest = later;
        let text = records(&mut transaction, part).await?;
        let first = decoding.len().checked_sub(DECODING - 1).and_then(|_| decoding.pop_front());
        if let Some(first) = first {
            chain.append(&mut decoded(first).await?);
        }
        decoding.push_back(tokio::task::spawn_blocking(move || text.split(SEPARATOR).map(record).collect()));
    }
    transaction.commit().await.map_err(|error| of_read(READING, &error))?;
    for part in decoding {
        chain.append(&mut decoded(part).await?);
    }
    match chain.iter().map(|record| record.position.0).eq(places.iter().map(|(position, _)| *position)) {
        true => Ok(Ok(chain)),
        false => Err(Error::Damaged(format!("the chain that ends at log record {} cannot be read as a whole", tail.0))),
    }
}

/// Position and length of each record, oldest first.
async fn places(transaction: &mut SqliteTransaction<'_>, tail: Position) -> Result<Vec<(i64, usize)>, Error> {
    let text: String =
        sqlx::query_scalar(PLACES).bind(tail.0).fetch_one(&mut **transaction).await.map_err(|error| of_read(READING, &error))?;
    let place = |one: &str| one.split_once(' ').and_then(|(position, bytes)| Some((position.parse().ok()?, bytes.parse().ok()?)));
    let places: Option<Vec<(i64, usize)>> = text.split_terminator(',').map(place).collect();
    let mut places = places.ok_or_else(|| Error::Damaged(format!("cannot tell where the chain of log record {} lies", tail.0)))?;
    places.sort_unstable();
    Ok(places)
}

/// How many of these are read together.
fn part_length(places: &[(i64, usize)]) -> usize {
    let mut taken = 0;
    let bounded = places.iter().take(PART_RECORDS).take_while(|(_, bytes)| {
        let has_room = taken < PART_BYTES;
        taken += bytes;
        has_room
    });
    bounded.count()
}

async fn records(transaction: &mut SqliteTransaction<'_>, part: &[(i64, usize)]) -> Result<String, Error> {
    let asked = format!("[{}]", part.iter().map(|(position, _)| position.to_string()).collect::<Vec<_>>().join(","));
    sqlx::query_scalar(RECORDS).bind(asked).fetch_one(&mut **transaction).await.map_err(|error| of_read(READING, &error))
}

async fn decoded(part: JoinHandle<Result<Vec<ChainRecord>, Error>>) -> Result<Vec<ChainRecord>, Error> {
    part.await.map_err(|error| Error::Damaged(format!("the records cannot be decoded: {error}")))?
}

fn record(text: &str) -> Result<ChainRecord, Error> {
    let mut columns = text.splitn(4, ' ');
    let mut next = || columns.next().ok_or_else(|| Error::Damaged("a record of a long chain has not all of its columns".into()));
    let (position, base, kind, data) = (next()?, next()?, next()?, next()?);
    let position = position.parse().map_err(|_| Error::Damaged(format!("'{position}' is no position in the log")))?;
    Ok(ChainRecord { position: Position(position), base: base == "1", record: decode(position, kind, data)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_with_the_record_that_fills_it() {
        assert_eq!(part_length(&[(1, 10); 300]), PART_RECORDS);
        assert_eq!(part_length(&[(1, PART_BYTES - 1), (2, 1), (3, 1)]), 2);
        assert_eq!(part_length(&[(1, PART_BYTES * 9), (2, 1)]), 1);
    }
}
