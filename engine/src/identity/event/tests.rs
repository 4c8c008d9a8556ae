//! What is told, and how much of it.

use super::*;

#[test]
fn the_newest_are_kept_and_refusals_are_bounded() {
    let teller = Teller::default();
    let limit = usize::try_from(REFUSALS_A_MINUTE_MAX).unwrap_or(usize::MAX);
    for _ in 0..2 * limit {
        teller.tell(&Event::new(EventKind::LoginFailed, MINUTE_MICROS));
    }
    assert_eq!(teller.recent().len(), limit);
    // Other things are told all the same, and refusals again in the next minute.
    teller.tell(&Event::new(EventKind::LoggedIn, MINUTE_MICROS));
    teller.tell(&Event::new(EventKind::LoginFailed, 2 * MINUTE_MICROS));
    assert_eq!(teller.recent().len(), limit + 2);
    for at in 0..2 * i64::try_from(RECENT_EVENTS_MAX).unwrap_or(0) {
        teller.tell(&Event::new(EventKind::LoggedIn, at));
    }
    assert_eq!(teller.recent().len(), RECENT_EVENTS_MAX);
}

#[test]
fn events_go_to_whoever_keeps_them_and_read_as_a_line() {
    let (teller, kept) = (Teller::default(), Arc::<Recent>::default());
    teller.tell_to(kept.clone());
    let origin = Origin {
        door: Some("http"),
        address: Some(IpAddr::from([192, 0, 2, 1])),
        request_id: Some("r\n1".into()),
        client: None,
    };
    let event = Event::new(EventKind::KeyRevoked, 7).of_user("usr_1").about("qk_1").from(&origin);
    teller.tell(&event);
    assert!(teller.recent().is_empty());
    assert_eq!(kept.all(), std::slice::from_ref(&event));
    // What a client chose can't begin a line of its own.
    let line = r#"key_revoked user="usr_1" subject="qk_1" door="http" address="192.0.2.1" request="r\n1""#;
    assert_eq!(event.to_string(), line);
}
