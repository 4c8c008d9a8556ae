//! Who stands behind a proxy.
#![allow(clippy::unwrap_used)]

use axum::http::HeaderValue;

use super::*;

fn client(proxies: &str, peer: &str, lines: &[&'static str]) -> String {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED_FOR, line.parse().unwrap());
    }
    Proxies::parse(proxies).unwrap().client(peer.parse().unwrap(), &headers).to_string()
}

#[test]
fn what_a_stranger_says_of_himself_is_not_believed() {
    assert_eq!(client("", "203.0.113.9", &["10.1.1.1"]), "203.0.113.9");
    assert_eq!(client("10.0.0.1", "203.0.113.9", &["10.1.1.1"]), "203.0.113.9");
    // Nor what he says before the proxy adds who he is.
    assert_eq!(client("10.0.0.1", "10.0.0.1", &["198.51.100.7, 203.0.113.9"]), "203.0.113.9");
    assert_eq!(client("10.0.0.1", "10.0.0.1", &["198.51.100.7", "203.0.113.9"]), "203.0.113.9");
}

#[test]
fn a_trusted_proxy_tells_who_asks_and_so_do_those_before_it() {
    assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
    assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, 10.7.7.7"]), "203.0.113.9");
    assert_eq!(
        client("10.0.0.0/8,fd00::/8", "fd00::5", &["[2001:db8::1]:4711 , 10.7.7.7:80"]),
        "2001:db8::1"
    );
    assert_eq!(client("10.0.0.0/8", "::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
}

#[test]
fn what_is_no_address_ends_the_search_at_who_said_it() {
    assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["unknown"]), "10.0.0.1");
    assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, unknown, 10.7.7.7"]), "10.7.7.7");
}

#[test]
fn a_line_that_is_no_text_is_read_as_far_as_it_is() {
    let of = |lines: &[&[u8]]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        Proxies::parse("10.0.0.0/8").unwrap().client("10.0.0.1".parse().unwrap(), &headers).to_string()
    };
    assert_eq!(
        of(&[b"198.51.100.7, \xff\xfe, 203.0.113.9"]),
        "203.0.113.9",
        "what was written behind it counts"
    );
    assert_eq!(of(&[b"203.0.113.9, \xff\xfe"]), "10.0.0.1", "and nothing before it");
    assert_eq!(of(&[b"203.0.113.9, \xff\xfe, 10.7.7.7"]), "10.7.7.7");
    assert_eq!(of(&[b"\xff\xfe", b"203.0.113.9"]), "203.0.113.9");
    assert_eq!(of(&[b"203.0.113.9", b"\xff\xfe"]), "10.0.0.1", "not the line before it");
}

#[test]
fn networks_are_addresses_with_bits() {
    for wrong in ["10.0.0.0/33", "::/129", "here", "10.0.0.0/x", "10.0.0"] {
        Proxies::parse(wrong).unwrap_err();
    }
    let all = Proxies::parse("0.0.0.0/0").unwrap();
    assert!(all.trusts("8.8.8.8".parse().unwrap()) && !all.trusts("2001:db8::1".parse().unwrap()));
    let few = Proxies::parse(" 192.168.1.128/25 ,").unwrap();
    assert!(few.trusts("192.168.1.200".parse().unwrap()) && !few.trusts("192.168.1.1".parse().unwrap()));
}
