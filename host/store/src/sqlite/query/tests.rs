use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::{AHEAD_OF, DUE, IN_USE, WITH_WORK};

async fn plan(sql: &str) -> String {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    sqlx::raw_sql(include_str!("../../../sql/0001_tables.sql")).execute(&mut connection).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(3)).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn queries_for_live_rows_use_the_partial_indexes() {
    for (sql, index) in [(WITH_WORK, "instances_work"), (DUE, "instances_wake"), (AHEAD_OF, "instances_wake"), (IN_USE, "instances_pinned")]
    {
        let plan = plan(sql).await;
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE FOR ORDER BY"), "{plan}");
    }
}

#[tokio::test]
async fn a_list_reads_a_range_of_ids_in_order() {
    let plan = plan("SELECT * FROM instances WHERE id >= $1 AND id < $2 ORDER BY id LIMIT $3").await;
    assert!(plan.contains("(id>? AND id<?)") && !plan.contains("TEMP B-TREE"), "{plan}");
}
