//! API keys.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::database::Database;
use super::error::{of_read, of_write};
use super::rows::{time_of, time_value};
use crate::contract::{AccessKey, Error};

/// All keys, ordered by scope and name.
pub(super) async fn read_all(connection: &mut SqliteConnection) -> Result<Vec<AccessKey>, Error> {
    let sql = "
SELECT scope, name, digest, created_at
FROM access_keys
ORDER BY scope, name";
    let rows = sqlx::query(sql).fetch_all(connection).await.map_err(|error| of_read("read access keys", &error))?;
    rows.iter().map(key).collect::<Result<_, _>>().map_err(|error| of_read("read access keys", &error))
}

fn key(row: &SqliteRow) -> Result<AccessKey, sqlx::Error> {
    let digest = row.try_get::<&[u8], _>(2)?.try_into().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(AccessKey { scope: row.try_get(0)?, name: row.try_get(1)?, digest, created_at: time_of(row.try_get(3)?) })
}

impl Database {
    pub(super) async fn put_access_key(&mut self, key: AccessKey) -> Result<(), Error> {
        let sql = "
INSERT INTO access_keys (scope, name, digest, created_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (scope, name) DO UPDATE SET
    digest = excluded.digest,
    created_at = excluded.created_at";
        let doing = "store an access key";
        let put = async |connection: &mut SqliteConnection| {
            let AccessKey { scope, name, digest, created_at } = key;
            let insert = sqlx::query(sql).bind(scope).bind(name).bind(digest.to_vec()).bind(time_value(created_at));
            insert.execute(connection).await.map(|_| ()).map_err(|error| of_write(doing, &error))
        };
        self.in_transaction(doing, put).await
    }

    pub(super) async fn remove_access_key(&mut self, scope: String, name: String) -> Result<(), Error> {
        let doing = "remove an access key";
        let remove = async |connection: &mut SqliteConnection| {
            let delete = sqlx::query("DELETE FROM access_keys WHERE scope = $1 AND name = $2").bind(scope).bind(name);
            delete.execute(connection).await.map(|_| ()).map_err(|error| of_write(doing, &error))
        };
        self.in_transaction(doing, remove).await
    }
}
