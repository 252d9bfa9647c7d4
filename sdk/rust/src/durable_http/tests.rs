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
        ("#top", "https://a.example:8443/jobs/new?x=1"),
        ("  /7\t", "https://a.example:8443/7"),
        ("HTTP://B.example", "HTTP://B.example"),
        ("/at/12:30", "https://a.example:8443/at/12:30"),
    ] {
        assert_eq!(location::resolve(base, location).as_deref(), Ok(wanted), "{location}");
    }
    assert_eq!(location::resolve("http://a", "status").as_deref(), Ok("http://a/status"));
}

#[test]
fn a_location_that_cannot_be_asked_is_refused_in_words() {
    let endless = format!("/{} x", "y".repeat(60_000));
    for (location, reason) in [
        ("/a b", "contains a blank"),
        ("/a\u{7f}", "contains a blank"),
        ("http://b.example/\\x", "contains a blank"),
        ("http://me:secret@b.example/", "has a user name"),
        ("//me@b.example/", "has a user name"),
        ("ftp://b.example/", "not an address of http"),
        ("jobs:7/x", "not an address of http"),
        ("mailto:me", "not an address of http"),
        ("http:7", "not an address of http"),
        ("http:///7", "has no host"),
        ("http://:80/7", "has no host"),
        ("http://b.example:port/", "a port that is not"),
        (endless.as_str(), "contains a blank"),
    ] {
        let refusal = HttpRequest::get("http://a/").next_poll(&accepted().with_header("location", location), Timestamp::default());
        let failure = refusal.unwrap_err();
        assert!(failure.error_type == "InvalidHttpAnswer" && failure.non_retriable, "{failure:?}");
        assert!(failure.message.contains(reason) && failure.message.len() < 300, "{location}: {failure}");
    }
}

#[test]
fn credentials_stay_with_the_origin_that_they_were_given_for() {
    let credentials =
        ["Authorization", "COOKIE", "Proxy-Authorization", "x-api-key", "Ocp-Apim-Subscription-Key", "X-Auth-Token", "x-secret"];
    let request = credentials.iter().fold(HttpRequest::get("https://a.example/jobs"), |request, name| request.header(*name, "mine"));
    let request = request.header("accept", "text/plain").header("x-functions-key", "k").header("traceparent", "00");
    let left = |base: &str, location: &str| {
        let request = HttpRequest { uri: base.to_owned(), ..request.clone() };
        let (_, next) = request.next_poll(&accepted().with_header("location", location), Timestamp::default()).unwrap().unwrap();
        next.headers.keys().cloned().collect::<Vec<_>>()
    };
    for same in ["/7", "https://A.EXAMPLE:443/7", "HTTPS://a.example/7", "//a.example"] {
        assert_eq!(left("https://a.example/jobs", same).len(), credentials.len() + 2, "{same}");
    }
    assert_eq!(left("http://[::1]:80/", "http://[::1]/7").len(), credentials.len() + 2);
    for other in
        ["http://a.example/7", "https://a.example:8443/7", "https://b.example/7", "https://a.example.b.example/7", "//a.example./7"]
    {
        assert_eq!(left("https://a.example/jobs", other), ["accept", "traceparent"], "{other}");
    }
    assert_eq!(left("http://[::1]:80/", "http://[::2]/7"), ["accept", "traceparent"]);
}

#[test]
fn the_wait_for_the_next_poll_is_neither_none_nor_endless() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let wait = |text| poll_interval(text, now).map(|wait| wait.as_secs());
    assert_eq!([wait("0"), wait("Thu, 01 Jan 1970 00:00:00 GMT"), wait("-1"), wait("31536000")], [Ok(1), Ok(1), Ok(30), Ok(31_536_000)]);
    for text in ["31536001", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", &"9".repeat(60_000)] {
        let refusal = wait(text).unwrap_err();
        assert!(refusal.ends_with("is more than 365 days away") && refusal.len() < 300, "{refusal}");
    }
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
    let (wait, next) = request.next_poll(&accepted().with_header("Location", "/7"), Timestamp::default()).unwrap().unwrap();
    assert_eq!(wait, Duration::from_secs(30));
    assert_eq!(next, HttpRequest::get("http://a/7").header("Authorization", "me"));
}

#[test]
fn only_a_202_with_a_location_is_polled_and_only_if_that_is_wanted() {
    let request = HttpRequest::get("http://a/");
    let polls = |request: &HttpRequest, answer: HttpResponse| request.next_poll(&answer, Timestamp::default()).unwrap().is_some();
    assert!(polls(&request, accepted().with_header("location", "/7")));
    assert!(!polls(&request, accepted()));
    assert!(!polls(&request, HttpResponse::new(201, "").with_header("location", "/7")));
    assert!(!polls(&request.clone().poll_after_202(false), accepted().with_header("location", "/7")));
}
