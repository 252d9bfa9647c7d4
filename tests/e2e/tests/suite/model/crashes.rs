//! What must hold across a host that is killed.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use e2e::{Apps, Host, eventually};
use http::Method;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use super::entities::{ACCOUNTS, FIRST_BALANCE, TRANSFERS, account, total, transfer};
use super::runner::for_each;
use super::{locks, timers};

/// Longest time for a request to be answered by one host or the next.
const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_lock_outlives_a_crash_and_ends_with_its_holder() {
    let host = Host::with_app(&Apps::test_guests()).await;
    locks::locked(&host, "held", "return").await;
    host.start_with_id("Section", "waits", &json!({"accounts": ["held"], "then": "return"})).await;
    host.until_running("waits").await;
    host.crash().await;
    host.until_locked_by("Account", "held", Some("held")).await;
    host.raise("held", "go", &Value::Null).await.expect_empty(202);
    host.until_status("held", "Completed").await;
    locks::until_entered(&host, "waits").await;
    host.until_locked_by("Account", "held", Some("waits")).await;
    host.post("/instances/waits/terminate").await.expect_empty(202);
    host.crash().await;
    host.until_status("waits", "Terminated").await;
    locks::is_free(&host, "held").await;
}

#[tokio::test]
async fn far_timers_still_wait_after_a_crash() {
    let host = Host::with_app(&Apps::test_guests()).await;
    let mut ids = Vec::new();
    for due in timers::far() {
        ids.push(host.start_orchestration("Sleep", &due).await);
    }
    for id in &ids {
        host.until_running(id).await;
    }
    host.crash().await;
    host.start_and_wait("Sleep", &json!(50)).await;
    for id in &ids {
        assert_eq!(host.status(id).await["runtimeStatus"], "Running");
        host.raise(id, "wake", &Value::Null).await.expect_empty(202);
        assert_eq!(host.output_of(id).await[0], "woken");
    }
}

#[tokio::test]
async fn transfers_conserve_the_total_while_the_host_is_killed_again_and_again() {
    let host = Rc::new(Host::with_app(&Apps::test_guests()).await);
    for number in 0..ACCOUNTS {
        host.signal("Account", &account(number), "deposit", &json!(FIRST_BALANCE)).await;
    }
    let all_ended = Cell::new(false);
    let transfers = async {
        for_each(0..TRANSFERS, 40, |number| transfer_through_crashes(host.clone(), number)).await;
        all_ended.set(true);
    };
    // Kills until all have ended, and returns how many of the kills met transfers under way.
    let kills = async {
        let mut interrupted = 0;
        for kill in 0_u64.. {
            if all_ended.get() {
                break;
            }
            // The moments of the kills are the subject of the test: now here, now there in the run.
            tokio::time::sleep(Duration::from_millis(kill * 37 % 90)).await;
            host.crash().await;
            let running = host.get("/instances?runtimeStatus=Running&top=1").await.expect(200).json();
            interrupted += u32::from(running != json!([]));
        }
        interrupted
    };
    let ((), interrupted) = LocalSet::new().run_until(async { tokio::join!(transfers, kills) }).await;
    assert!(interrupted > 0, "no kill met a transfer under way");
    assert_eq!(total(&host).await, ACCOUNTS * FIRST_BALANCE);
}

/// Starts a transfer and waits for its end, whatever happens to the host meanwhile.
async fn transfer_through_crashes(host: Rc<Host>, number: u64) {
    let (start, look) = (
        host.management_uri(&format!("/orchestrators/Transfer/transfer-{number}")),
        host.management_uri(&format!("/instances/transfer-{number}")),
    );
    eventually(format!("transfer {number}"), LIMIT, || async {
        match host.http().try_send(Method::GET, &look).await {
            Ok(answer) if answer.status == 200 => {
                let status = answer.json();
                assert!(status["runtimeStatus"] == "Completed" && status["output"].is_boolean(), "{status}");
                return Ok(());
            }
            // Looked at first, because a start would do a transfer anew that has ended already.
            Ok(answer) if answer.status == 404 => drop(host.http().try_send_json(Method::POST, &start, &transfer(number)).await),
            _ => {}
        }
        Err("not ended".to_owned())
    })
    .await;
}
