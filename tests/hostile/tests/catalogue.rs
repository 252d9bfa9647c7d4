//! The whole catalogue against one host.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_gets_the_right_answer_changes_nothing_and_holds_nobody_up() {
    let rows = hostile::catalogue::all();
    let wrong = hostile::round::run(&rows).await;
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
