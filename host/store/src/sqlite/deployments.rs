//! Deployments and the bytes of their components.

use longhaul_core::DeploymentId;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::database::Database;
use super::error::{of_read, of_write};
use super::rows::{time_of, time_value};
use crate::contract::{Deployment, Error, missing_component};

const DOING: &str = "store a deployment";
const READING: &str = "read deployments";

impl Database {
    /// Stores components and the deployment and makes it current. Digests are checked by the
    /// caller.
    pub(super) async fn deploy(&mut self, deployment: Deployment, components: Vec<(String, Vec<u8>)>) -> Result<DeploymentId, Error> {
        let store = async |connection: &mut SqliteConnection| {
            for (sha256, bytes) in components {
                let sql = "INSERT INTO components (sha256, bytes) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING";
                let stored = sqlx::query(sql).bind(sha256).bind(bytes).execute(&mut *connection).await;
                stored.map_err(|error| of_write(DOING, &error))?;
            }
            for (name, sha256) in &deployment.components {
                if !has_component(connection, sha256).await.map_err(|error| of_read(DOING, &error))? {
                    return Err(missing_component(name, sha256));
                }
            }
            insert(connection, deployment).await
        };
        self.in_transaction(DOING, store).await
    }
}

async fn has_component(connection: &mut SqliteConnection, sha256: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM components WHERE sha256 = $1)").bind(sha256).fetch_one(connection).await
}

async fn insert(connection: &mut SqliteConnection, deployment: Deployment) -> Result<DeploymentId, Error> {
    let components = serde_json::to_string(&deployment.components).expect("pairs of strings are always JSON");
    let sql = "
INSERT INTO deployments (id, app, manifest, components, created_at)
SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4
FROM deployments
RETURNING id";
    let insert =
        sqlx::query_scalar(sql).bind(deployment.app).bind(deployment.manifest).bind(components).bind(time_value(deployment.created_at));
    let id: i64 = insert.fetch_one(&mut *connection).await.map_err(|error| of_write(DOING, &error))?;
    let sql = "INSERT INTO meta (key, value) VALUES ('current_deployment', $1) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(id).execute(connection).await.map_err(|error| of_write(DOING, &error))?;
    deployment_id(id)
}

/// One deployment, or the current one for `None`.
pub(super) async fn read_one(connection: &mut SqliteConnection, id: Option<DeploymentId>) -> Result<Option<Deployment>, Error> {
    // A number beyond SQLite's integers was never given to a deployment.
    let Ok(id) = id.map(|id| i64::try_from(id.0)).transpose() else { return Ok(None) };
    let sql = "
SELECT id, app, manifest, components, created_at
FROM deployments
WHERE id = coalesce($1, (SELECT value FROM meta WHERE key = 'current_deployment'))";
    let row = sqlx::query(sql).bind(id).fetch_optional(connection).await.map_err(|error| of_read(READING, &error))?;
    row.as_ref().map(read).transpose()
}

/// All deployments, newest first.
pub(super) async fn read_all(connection: &mut SqliteConnection) -> Result<Vec<Deployment>, Error> {
    let sql = "
SELECT id, app, manifest, components, created_at
FROM deployments
ORDER BY id DESC";
    let rows = sqlx::query(sql).fetch_all(connection).await.map_err(|error| of_read(READING, &error))?;
    rows.iter().map(read).collect()
}

/// The bytes of a component.
pub(super) async fn read_component(connection: &mut SqliteConnection, sha256: &str) -> Result<Option<Vec<u8>>, Error> {
    let read = sqlx::query_scalar("SELECT bytes FROM components WHERE sha256 = $1").bind(sha256).fetch_optional(connection);
    read.await.map_err(|error| of_read("read a component", &error))
}

fn read(row: &SqliteRow) -> Result<Deployment, Error> {
    let columns = || Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get::<&str, _>(3)?, row.try_get(4)?));
    let (id, app, manifest, components, created_at) = columns().map_err(|error| of_read(READING, &error))?;
    let components = serde_json::from_str(components)
        .map_err(|error| Error::Damaged(format!("cannot read the components of deployment {id}: {error}")))?;
    Ok(Deployment { id: deployment_id(id)?, app, manifest, components, created_at: time_of(created_at) })
}

fn deployment_id(id: i64) -> Result<DeploymentId, Error> {
    u64::try_from(id).map(DeploymentId).map_err(|_| Error::Damaged(format!("deployment has the number {id}")))
}
