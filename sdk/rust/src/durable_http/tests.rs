use super::*;

fn accepted() -> HttpResponse {
    HttpResponse::new(202, "")
}

#[test]
fn a_request_is_written_as_the_contract_says() {
    let request = HttpRequest::post("http://a/x", "hi").header("A", "1").header("a", "2").timeout(Duration::from_millis(90_500));
    let json = serde_json::to_value(&request).unwrap();
    let wanted = serde_json::json!({"method": "POST", "uri": "http://a/x", "headers": {"a": "2"}, "content": "hi",
        "asynchronousPatternEnabled": true, "timeout": "00:01:30.500"});
    assert_eq!(json, wanted);
    let retried = HttpRequest::get("http://a/").retry(RetryPolicy::new(2, Duration::from_secs(1))).retry_statuses([503]);
    let json = serde_json::to_value(&retried).unwrap();
    assert_eq!(json["retryOptions"], serde_json::json!({"statusCodesToRetry": [503]}));
}

#[test]
fn a_location_is_resolved_against_the_request() {
    let base = "https://a.example:8443/jobs/new?x=1";
    for (location, wanted) in [
        ("http://b.example/y#top", "http://b.example/y"),
        ("//b.example/y", "https://b.example/y"),
        ("/status/7?code=a/b", "https://a.example:8443/status/7?code=a/b"),
        ("7", "https://a.example:8443/jobs/7"),
        ("../status/./7", "https://a.example:8443/status/7"),
        ("../../..", "https://a.example:8443/"),
        ("./", "https://a.example:8443/jobs/"),
        ("?page=2", "https://a.example:8443/jobs/new?page=2"),
        ("", "https://a.example:8443/jobs/new?x=1"),
        ("jobs:7/x", "jobs:7/x"),
        ("/at/12:30", "https://a.example:8443/at/12:30"),
    ] {
        assert_eq!(location::resolve(base, location), wanted, "{location}");
    }
    assert_eq!(location::resolve("http://a", "status"), "http://a/status");
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
    let wait = |text| retry_after(text, now).map(|wait| wait.as_secs());
    assert_eq!([wait("7"), wait(" 0 ")], [Some(7), Some(0)]);
    for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
        assert_eq!(wait(date), Some(7), "{date}");
    }
    assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0), "a time in the past means now");
    for bad in ["", "soon", "-1", "1.5", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT"] {
        assert_eq!(wait(bad), None, "{bad}");
    }
    assert_eq!(retry_after("99999999999999999999", now), Some(Duration::MAX));
}

#[test]
fn a_poll_is_a_get_with_the_same_headers_but_the_functions_key() {
    let request = HttpRequest::post("http://a/jobs", "hi").header("X-Functions-Key", "secret").header("Authorization", "me");
    let (wait, next) = request.next_poll(&accepted().with_header("Location", "/7"), Timestamp::default()).unwrap();
    assert_eq!(wait, Duration::from_secs(30));
    assert_eq!(next, HttpRequest::get("http://a/7").header("Authorization", "me"));
}

#[test]
fn only_a_202_with_a_location_is_polled_and_only_if_that_is_wanted() {
    let request = HttpRequest::get("http://a/");
    let polls = |request: &HttpRequest, answer: HttpResponse| request.next_poll(&answer, Timestamp::default()).is_some();
    assert!(polls(&request, accepted().with_header("location", "/7")));
    assert!(!polls(&request, accepted()));
    assert!(!polls(&request, HttpResponse::new(201, "").with_header("location", "/7")));
    assert!(!polls(&request.clone().poll_after_202(false), accepted().with_header("location", "/7")));
}
