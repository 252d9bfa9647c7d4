use super::*;

fn read(input: &str) -> Result<Request<Bytes>, Failure> {
    request(serde_json::from_str(input).unwrap())
}

fn refusal(input: &str) -> String {
    let failure = read(input).unwrap_err();
    assert!(failure.non_retriable && failure.error_type == "InvalidHttpRequest", "{failure:?}");
    failure.message
}

fn answer(status: u16) -> HttpAnswer {
    HttpAnswer { status_code: status, headers: BTreeMap::new(), content: String::new() }
}

#[test]
fn the_members_of_the_contract_make_a_request() {
    let input = r#"{"method": "post", "uri": "https://a.example/x?y=1", "headers": {"A": "1", "B": ["2", "3"]}, "content": "hi",
        "tokenSource": null, "asynchronousPatternEnabled": true, "retryOptions": null, "timeout": null}"#;
    let request = read(input).unwrap();
    assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::POST, "https://a.example/x?y=1"));
    assert_eq!(request.headers()["a"], "1");
    assert_eq!(request.headers().get_all("b").iter().collect::<Vec<_>>(), ["2", "3"]);
    assert_eq!(request.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(request.body(), "hi");
}

#[test]
fn a_get_without_content_has_no_content_type_and_a_given_one_stays() {
    assert_eq!(read(r#"{"uri": "http://a/"}"#).unwrap().headers().len(), 0);
    let given = read(r#"{"method": "PUT", "uri": "http://a/", "headers": {"Content-Type": "application/json"}, "content": "1"}"#);
    assert_eq!(given.unwrap().headers()["content-type"], "application/json");
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let cases = [
        (r#"{"uri": "http://a/", "tokenSource": {"resource": "https://management.core.windows.net"}}"#, "managed identity"),
        (r#"{"uri": "http://a/", "headers": {"content-type": "Multipart/form-data"}, "content": ""}"#, "multipart"),
        (r#"{"uri": "http://a/", "headers": {"Host": "b"}}"#, "the connection's own"),
        (r#"{"uri": "http://a/", "headers": {"a b": "c"}}"#, "no name of a header"),
        (r#"{"uri": "http://a/", "headers": {"a": "b\nc: d"}}"#, "cannot be sent"),
        (r#"{"uri": "http://a/", "method": "CONNECT"}"#, "method 'CONNECT'"),
        (r#"{"uri": "http://a/", "method": "trace"}"#, "method 'trace'"),
        (r#"{"uri": "http://a/", "method": "G E T"}"#, "method 'G E T'"),
        (r#"{"uri": "/path"}"#, "address"),
        (r#"{"uri": "ftp://a/"}"#, "address"),
        (r#"{"uri": "http://me@a/"}"#, "user name"),
        (r#"{"uri": "http://a b/"}"#, "no address"),
    ];
    for (input, reason) in cases {
        let message = refusal(input);
        assert!(message.contains(reason), "{input}: {message}");
    }
}

#[test]
fn a_time_out_is_a_time_span_or_a_number_with_its_unit() {
    assert_eq!(read_timeout("00:01:00"), Ok(Duration::from_secs(60)));
    assert_eq!(read_timeout("500ms"), Ok(Duration::from_millis(500)));
    assert!(read_timeout("60").unwrap_err().message.contains("'00:00:30'"));
}

#[test]
fn a_header_that_comes_twice_becomes_a_list() {
    let response = Response::builder().status(202).header("set-cookie", "a").header("set-cookie", "b").header("location", "/x");
    let answer = HttpAnswer::from(response.body(Bytes::from_static(b"\xffok")).unwrap());
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(text, "{\"statusCode\":202,\"headers\":{\"location\":\"/x\",\"set-cookie\":[\"a\",\"b\"]},\"content\":\"\u{fffd}ok\"}");
}

#[test]
fn retry_options_without_codes_mean_every_error() {
    assert!([400, 404, 500, 599].iter().all(|status| answer(*status).asks_for_retry(&[])));
    assert!(![200, 202, 302].iter().any(|status| answer(*status).asks_for_retry(&[])));
    assert!(answer(429).asks_for_retry(&[429, 503]) && !answer(500).asks_for_retry(&[429, 503]));
}
