//! A history that the code does not fit any more is shown, not guessed at.

use e2e::{Apps, Host};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

#[tokio::test]
async fn a_replay_that_differs_names_the_turn_and_both_commands() {
    let host = Host::with_app(&Apps::test_guests()).await;
    host.start_with_id("ShapeShifter", "shifted", &json!(1)).await;
    let changed = Apps::test_guests().with_manifest(|text| text.replace("shape_shifter_v1", "shape_shifter_v2"));
    host.deploy(&changed).expect("the changed app is taken");
    assert!(host.stop().await.success());
    make_the_first_deployment_like_the_second(&host).await;
    host.start_again().await;

    host.raise("shifted", "Go", &json!(1)).await.expect_empty(202);
    let status = host.until("shifted", "shifted to be set aside", |status| status["parkedReason"].is_string()).await;
    let reason = status["parkedReason"].as_str().expect("it is a text");
    for part in ["turn 0", "Paint", "Sculpt"] {
        assert!(reason.contains(part), "`{part}` is missing: {reason}");
    }
    assert_eq!(status["runtimeStatus"], "Running");
    // The event is not lost: with the right code the instance could go on. Without it, it can be ended.
    host.post("/instances/shifted/terminate?reason=shifted").await.expect_empty(202);
    assert_eq!(host.until_status("shifted", "Terminated").await["output"], "shifted");
}

/// What no deployment can do: changes the code of instances that run.
async fn make_the_first_deployment_like_the_second(host: &Host) {
    let options = SqliteConnectOptions::new().filename(host.database());
    let mut connection = options.connect().await.expect("the stopped host's database");
    let change = "UPDATE deployments SET (manifest, components) = (SELECT manifest, components FROM deployments WHERE id = 2) WHERE id = 1";
    let changed = sqlx::query(change).execute(&mut connection).await.expect("the table has these columns");
    assert_eq!(changed.rows_affected(), 1);
    connection.close().await.expect("the change is written");
}
