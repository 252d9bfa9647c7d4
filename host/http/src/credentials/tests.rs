use super::*;
use crate::auth::link::{LinkSigner, Verb};
use crate::auth::{Key, KeyKind};

fn key(kind: KeyKind) -> String {
    Key::generate(kind).unwrap().reveal().to_owned()
}

fn credentials() -> [String; 4] {
    let token = LinkSigner::new(vec![1; 32].into(), std::time::Duration::from_secs(60)).sign("a", Verb::Status);
    [key(KeyKind::Admin), key(KeyKind::System), key(KeyKind::Function), token]
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// What a client function sees of a request for this path and query.
fn seen(target: &str) -> String {
    let uri: Uri = target.parse().unwrap();
    taken_out_of(&uri).unwrap_or(uri).to_string()
}

#[test]
fn whatever_the_host_would_take_as_a_key_is_gone_from_the_address() {
    for key in credentials() {
        let encoded = percent_encoded(&key);
        let twice = encoded.replace('%', "%25");
        for member in [
            format!("code={key}"),
            format!("CODE={key}"),
            format!("c%6fde={key}"),
            format!("+code+={key}"),
            format!("code=+{key}"),
            format!("code=%20{key}%20"),
            format!("code={encoded}"),
            format!("code={twice}"),
            format!("code={},{key}", "junk"),
            format!("code={key}&code={key}"),
        ] {
            assert_eq!(seen(&format!("/api/f?{member}")), "/api/f", "{member}");
            assert_eq!(seen(&format!("/api/f?a=1&{member}&b=2")), "/api/f?a=1&b=2", "{member}");
        }
        assert_eq!(seen(&format!("/api/f?code=junk&code={key}")), "/api/f?code=junk");
        assert_eq!(seen(&format!("/api/f?{key}")), "/api/f");
        assert_eq!(seen(&format!("/api/f/{key}/x?next=/a%3Fcode%3D{key}%26b=1")), "/api/f//x?next=/a%3Fcode%3D%26b=1");
    }
    assert_eq!(seen("/api/f?code=lht_cut"), "/api/f");
}

#[test]
fn what_is_not_ours_stays_as_it_came() {
    for target in ["/api/f?code=oauth%2Fcode&x=%zz", "/api/f?code=", "/api/lha_short/lhs_?a=%6c%6", "/api/f?q=lha_hello"] {
        assert_eq!(seen(target), target);
    }
}

#[test]
fn no_header_has_a_credential_in_any_of_its_values() {
    for key in credentials() {
        let mut headers = HeaderMap::new();
        for value in ["junk", &key, &format!("junk, {key}"), &percent_encoded(&key)] {
            headers.append(KEY_HEADER, value.parse().unwrap());
        }
        headers.append("referer", format!("http://h/page?code={key}&b=1").parse().unwrap());
        headers.append("cookie", format!("a=1; key={key}; b=2").parse().unwrap());
        headers.append("cookie", "c=3".parse().unwrap());
        headers.append("x-bytes", HeaderValue::from_bytes(format!("\u{e9}{key}").as_bytes()).unwrap());
        headers.insert(key.parse::<HeaderName>().unwrap(), "1".parse().unwrap());
        take_out_of_headers(&mut headers);
        let of = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
        assert_eq!(of("x-functions-key"), [b"junk"]);
        assert_eq!(of("referer"), [b"http://h/page?code=&b=1"]);
        assert_eq!(of("cookie"), [&b"a=1; key=; b=2"[..], b"c=3"]);
        assert_eq!(of("x-bytes"), ["\u{e9}".as_bytes()]);
        assert_eq!(headers.len(), 5);
    }
}
