//! Waits, locks and addresses, by a clock of the test's own.
#![allow(clippy::unwrap_used)]

use super::*;

const SECOND: i64 = 1_000_000;

fn throttle(lock: Option<Lock>) -> Throttle {
    Throttle::new(Limits { free_failures: 3, lock })
}

fn code(result: Result<()>) -> &'static str {
    result.err().map_or("", |error| error.code)
}

#[test]
fn each_failure_past_the_free_ones_doubles_the_wait() {
    let throttle = throttle(None);
    let mut now = 0;
    for wait in [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60] {
        assert!(!throttle.failed("li", now));
        if wait > 0 {
            assert_eq!(code(throttle.check("li", now + wait * SECOND - 1)), "LOGIN_THROTTLED", "{wait}");
        }
        now += wait * SECOND;
        assert_eq!(code(throttle.check("li", now)), "", "{wait}");
    }
    throttle.check("wei", now).unwrap();
    assert!(throttle.forget("li"));
    throttle.failed("li", now);
    throttle.check("li", now).unwrap();
}

#[test]
fn past_many_failures_a_name_is_locked_for_its_time_whoever_has_it() {
    let throttle = throttle(Some(Lock { failures: 5, seconds: 600 }));
    let mut now = 0;
    for tried in 1..=5 {
        assert_eq!(throttle.failed("nobody", now), tried == 5);
        now += 60 * SECOND;
    }
    let locked_at = now - 60 * SECOND;
    assert_eq!(code(throttle.check("nobody", now)), "LOGIN_LOCKED");
    assert_eq!(code(throttle.check("nobody", locked_at + 600 * SECOND - 1)), "LOGIN_LOCKED");
    // Whoever has waited it out begins anew.
    now = locked_at + 600 * SECOND + 1;
    throttle.check("nobody", now).unwrap();
    assert!(!throttle.failed("nobody", now));
    throttle.check("nobody", now).unwrap();
    // Failures that are far apart are no attack.
    for _ in 0..20 {
        now += FORGET_MICROS + 1;
        assert!(!throttle.failed("nobody", now));
    }
}

#[test]
fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4() {
    let of = |text: &str| of_address(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
}

#[test]
fn a_flood_of_names_is_bounded() {
    let throttle = throttle(None);
    for name in 0..3 * KEPT_MAX {
        throttle.failed(&name.to_string(), i64::try_from(name).unwrap());
    }
    assert!(throttle.kept.lock().len() <= KEPT_MAX);
}
