//! Who counts as one.
#![allow(clippy::unwrap_used)]

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn one_address_can_not_take_the_places_of_another() {
    let addresses = Addresses::new(2);
    let held: Vec<_> = (0..3).map(|_| addresses.take(ip("192.0.2.1"))).collect();
    assert_eq!(held.iter().filter(|place| place.is_some()).count(), 2);
    assert!(addresses.take(ip("192.0.2.2")).is_some());
    drop(held);
    assert!(addresses.take(ip("192.0.2.1")).is_some());
    assert!(addresses.counted.lock().is_empty(), "what ended is not remembered");
}

#[test]
fn a_party_is_known_in_other_clothes() {
    let addresses = Addresses::new(1);
    let _mapped = addresses.take(ip("::ffff:192.0.2.1")).unwrap();
    assert!(addresses.take(ip("192.0.2.1")).is_none());
    let _six = addresses.take(ip("2001:db8:1:2::1")).unwrap();
    assert!(addresses.take(ip("2001:db8:1:2:ffff::9")).is_none(), "the same /64");
    assert!(addresses.take(ip("2001:db8:1:3::1")).is_some());
}
