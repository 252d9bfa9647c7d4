use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Value, json};

use crate::orchestrator::Run;
use crate::testing::Orchestration;
use crate::turn::Command;
use crate::{Failure, RetryPolicy};

use super::*;

struct Once;

impl crate::Orchestrator for Once {
    const NAME: &'static str = "Once";

    fn run(ctx: Context, _input: String) -> Run {
        Box::pin(async move {
            let request = HttpRequest::post("http://a/jobs", "go").header("x-functions-key", "k").header("b", "c");
            let answer = ctx.call_http(request).await?;
            Ok(crate::json::write_for_test(&format!("{} {}", answer.status_code, answer.content)))
        })
    }
}

fn accepted(location: &str) -> HttpResponse {
    HttpResponse::new(202, "").with_header("location", location)
}

/// Runs with these answers, in order; returns the output, the requests, and the seconds that
/// passed.
fn run(answers: Vec<HttpResponse>) -> (Result<String, Failure>, Vec<Value>, u64) {
    let (requests, mut answers) = (RefCell::new(Vec::new()), answers.into_iter());
    let begin = crate::Timestamp::from_millis(1_767_225_600_000);
    let fake = |request: Value| {
        requests.borrow_mut().push(request);
        Ok(answers.next().expect("no more requests than answers"))
    };
    let run = Orchestration::new::<Once>().activity(ACTIVITY, fake).run();
    run.check_replay().unwrap();
    let (output, seconds) = (run.output(), run.end().since(begin).as_secs());
    (output, requests.into_inner(), seconds)
}

#[test]
fn an_answer_of_any_status_is_the_result() {
    let (output, requests, seconds) = run(vec![HttpResponse::new(500, "broken")]);
    assert_eq!((output, seconds), (Ok("500 broken".to_owned()), 0));
    let wanted = json!({"method": "POST", "uri": "http://a/jobs", "headers": {"b": "c", "x-functions-key": "k"}, "content": "go",
        "asynchronousPatternEnabled": true});
    assert_eq!(requests, [wanted]);
}

#[test]
fn a_202_is_polled_until_the_answer_is_another() {
    let answers = vec![
        accepted("status/7"),
        accepted("/elsewhere/7?x=1").with_header("retry-after", "5"),
        // The third answer comes 35 seconds after the beginning.
        accepted("http://b/7").with_header("retry-after", "Thu, 01 Jan 2026 00:01:05 GMT"),
        HttpResponse::new(200, "done"),
    ];
    let (output, requests, seconds) = run(answers);
    assert_eq!((output, seconds), (Ok("200 done".to_owned()), 30 + 5 + 30));
    let uris: Vec<_> = requests.iter().map(|request| request["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, ["http://a/jobs", "http://a/status/7", "http://a/elsewhere/7?x=1", "http://b/7"]);
    let poll = json!({"method": "GET", "uri": "http://a/status/7", "headers": {"b": "c"}, "asynchronousPatternEnabled": true});
    assert_eq!(requests[1], poll);
}

#[test]
fn a_poll_that_fails_fails_the_call() {
    let mut answers = vec![Ok(accepted("/7")), Err(Failure::new("Timeout", "too slow"))].into_iter();
    let run = Orchestration::new::<Once>().activity(ACTIVITY, |_: Value| answers.next().unwrap()).run();
    assert_eq!(run.output::<String>().unwrap_err().error_type, "Timeout");
}

struct Several;

impl crate::Orchestrator for Several {
    const NAME: &'static str = "Several";

    fn run(ctx: Context, _input: String) -> Run {
        Box::pin(async move {
            let policy = RetryPolicy::new(3, Duration::from_secs(1));
            let calls = ["http://a/", "http://b/"].map(|uri| ctx.call_http(HttpRequest::get(uri).retry(policy.clone())));
            // Begun already: the timer comes after them.
            ctx.timer(Duration::from_secs(1)).await?;
            for answer in crate::join_all(calls).await {
                answer?;
            }
            Ok("null".to_owned())
        })
    }
}

#[test]
fn calls_begin_when_they_are_made_and_carry_their_retry_policy() {
    let run = Orchestration::new::<Several>().activity(ACTIVITY, |_: Value| Ok(HttpResponse::new(200, ""))).run();
    run.output::<()>().unwrap();
    run.check_replay().unwrap();
    let commands = run.commands();
    let retries = commands.iter().map(|command| match command {
        Command::CallActivity { retry, .. } => retry.as_ref().map(|policy| policy.max_attempts),
        _ => None,
    });
    assert_eq!(retries.collect::<Vec<_>>(), [Some(3), Some(3), None]);
}
