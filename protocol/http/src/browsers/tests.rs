//! Which origins are understood, and whose requests are taken.
#![allow(clippy::unwrap_used)]

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

#[test]
fn what_is_no_origin_is_refused() {
    for odd in [
        "app.example.com",
        "https://app.example.com/",
        "https://App.example.com",
        "https://a.example/path",
        "ftp://a.example",
        "https://a.example:443",
        "https://u@a.example",
        "null",
        "https://*.example.com/x",
        "* https://a.example",
    ] {
        assert!(Origins::parse(odd, false).is_err(), "{odd}");
    }
    assert!(Origins::parse("*", true).is_err(), "every page in the name of who is logged in");
    assert!(Origins::parse("*", false).unwrap().is_any());
    Origins::parse("https://a.example http://localhost:3000 http://[::1]:3000", true).unwrap();
}

#[test]
fn pages_of_other_sites_are_not_trusted() {
    let none = Origins::default();
    let named = Origins::parse("https://app.example", false).unwrap();
    let any = Origins::parse("*", false).unwrap();
    for (pairs, trusted) in [
        (vec![], [true, true, true]),
        (vec![("sec-fetch-site", "same-origin"), ("origin", "https://q.example")], [true, true, true]),
        (vec![("sec-fetch-site", "cross-site"), ("origin", "https://app.example")], [false, true, false]),
        (vec![("sec-fetch-site", "same-site")], [false, false, false]),
        (vec![("sec-fetch-site", "cross-site"), ("authorization", "bearer x")], [false, false, true]),
        (vec![("sec-fetch-site", "cross-site"), ("authorization", "Basic x")], [false, false, false]),
        (vec![("origin", "https://q.example:8080"), ("host", "q.example:8080")], [true, true, true]),
        (vec![("origin", "https://q.example"), ("host", "q.example:8080")], [false, false, false]),
        (vec![("origin", "null"), ("host", "q.example")], [false, false, false]),
        (vec![("origin", "https://app.example.evil"), ("host", "q.example")], [false, false, false]),
    ] {
        let given = headers(&pairs);
        assert_eq!([&none, &named, &any].map(|origins| origins.trusts(&given)), trusted, "{pairs:?}");
    }
}
