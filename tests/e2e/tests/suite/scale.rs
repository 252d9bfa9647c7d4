//! A thousand instances that wait, across a restart. Ten thousand are measured in `bench/`.

use std::sync::Arc;
use std::time::Duration;

use e2e::{Apps, Host, HostOptions, eventually};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const INSTANCES: usize = 1_000;
/// Requests in flight at a time.
const WIDTH: usize = 20;

#[tokio::test]
async fn a_thousand_waiting_instances_survive_a_restart_and_complete() {
    wait_restart_complete(Vec::new()).await;
}

#[tokio::test]
async fn so_they_do_with_room_for_fifty_in_memory() {
    wait_restart_complete(vec!["--max-hot-instances", "50"]).await;
}

async fn wait_restart_complete(arguments: Vec<&'static str>) {
    let app = Apps::hello_cities();
    let host = Arc::new(Host::start(HostOptions { app: Some(&app), arguments }).await);
    for_all(&host, |host, id| async move {
        host.start_with_id("WaitForGo", &id, &json!({})).await;
    })
    .await;
    until_all(&host, "Running").await;
    host.crash().await;
    assert_eq!(with_status(&host, "Running").await.len(), INSTANCES);
    for_all(&host, |host, id| async move {
        host.raise(&id, "go", &json!(format!("for {id}"))).await.expect_empty(202);
    })
    .await;
    until_all(&host, "Completed").await;
    for (id, output) in with_status(&host, "Completed").await {
        assert_eq!(output, format!("for {id}"));
    }
}

/// Does something with every instance, several at a time.
async fn for_all<Job>(host: &Arc<Host>, act: impl Fn(Arc<Host>, String) -> Job)
where
    Job: Future<Output = ()> + Send + 'static,
{
    let mut jobs = JoinSet::new();
    for number in 0..INSTANCES {
        if jobs.len() == WIDTH {
            jobs.join_next().await.expect("there is one").expect("no job panics");
        }
        jobs.spawn(act(host.clone(), format!("scale-{number}")));
    }
    jobs.join_all().await;
}

async fn until_all(host: &Host, status: &str) {
    eventually(format!("{INSTANCES} instances to be {status}"), Duration::from_secs(60), || async {
        let found = with_status(host, status).await.len();
        if found == INSTANCES { Ok(()) } else { Err(format!("{found}")) }
    })
    .await;
}

/// The ids and outputs of the instances of one status, page by page.
async fn with_status(host: &Host, status: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let page = host.page(&format!("/instances?top=300&runtimeStatus={status}"), token.as_deref()).await;
        for one in page.json().as_array().expect("a list") {
            found.push((one["instanceId"].as_str().expect("an id").to_owned(), one["output"].clone()));
        }
        token = Some(page.header("x-ms-continuation-token").to_owned()).filter(|token| !token.is_empty());
        if token.is_none() {
            return found;
        }
    }
}
