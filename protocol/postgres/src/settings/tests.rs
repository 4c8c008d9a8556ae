//! Session settings: SET, SHOW, scopes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use super::{Scope, Settings};
use crate::sqlstate::SqlState;

#[test]
fn values_are_read_and_shown_as_postgresql_does() {
    let settings = Settings::default();
    let cases = [
        ("statement_timeout", "5000", "5s"),
        ("statement_timeout", "90s", "90s"),
        ("statement_timeout", "2min", "2min"),
        ("statement_timeout", "17", "17ms"),
        ("timezone", "europe/berlin", "Europe/Berlin"),
        ("timezone", "+02", "Etc/GMT-2"),
        ("timezone", "-5", "Etc/GMT+5"),
        ("timezone", "0", "UTC"),
        ("datestyle", "iso, dmy", "ISO, DMY"),
        ("client_encoding", "utf-8", "UTF8"),
        ("client_encoding", "'utf-8'", "UTF8"),
        ("client_encoding", "\"utf8\"", "UTF8"),
        ("client_encoding", "UTF_8", "UTF8"),
        ("client_encoding", "Unicode", "UTF8"),
        ("standard_conforming_strings", "true", "on"),
        ("jit", "of", "off"),
        ("app.user", "me", "me"),
    ];
    for (name, text, shown) in cases {
        settings.set(name, text, Scope::Session).unwrap();
        assert_eq!(settings.get(name).as_deref(), Some(shown), "{name} = {text}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_code() {
    let settings = Settings::default();
    let cases = [
        ("no_such_thing", "1", SqlState::UNDEFINED_OBJECT),
        ("client_encoding", "LATIN1", SqlState::INVALID_PARAMETER_VALUE),
        ("client_encoding", "'sql_ascii'", SqlState::INVALID_PARAMETER_VALUE),
        ("client_encoding", "utf-16", SqlState::INVALID_PARAMETER_VALUE),
        ("datestyle", "German", SqlState::INVALID_PARAMETER_VALUE),
        ("statement_timeout", "-1", SqlState::INVALID_PARAMETER_VALUE),
        ("timezone", "Mars/Base", SqlState::INVALID_PARAMETER_VALUE),
        ("timezone", "5.5", SqlState::INVALID_PARAMETER_VALUE),
        ("timezone", "+02:00", SqlState::INVALID_PARAMETER_VALUE),
        ("timezone", "30", SqlState::INVALID_PARAMETER_VALUE),
        ("default_transaction_isolation", "serializable", SqlState::INVALID_PARAMETER_VALUE),
        ("standard_conforming_strings", "off", SqlState::INVALID_PARAMETER_VALUE),
        ("server_version", "9.6", SqlState::CANT_CHANGE_SETTING),
    ];
    for (name, text, state) in cases {
        assert_eq!(settings.set(name, text, Scope::Session).unwrap_err().state, state, "{name} = {text}");
    }
    assert_eq!(settings.get("no_such_thing"), None);
}

#[test]
fn a_time_that_is_bounded_is_never_longer_nor_without_an_end() {
    let settings = Settings::default();
    settings.bound("statement_timeout", Duration::from_secs(60));
    assert_eq!(settings.get("statement_timeout").as_deref(), Some("1min"));
    for (text, shown, seconds) in [("0", "1min", 60), ("2h", "1min", 60), ("5s", "5s", 5)] {
        settings.set("statement_timeout", text, Scope::Session).unwrap();
        assert_eq!(settings.get("STATEMENT_TIMEOUT").as_deref(), Some(shown), "{text}");
        assert_eq!(settings.duration("statement_timeout"), Some(Duration::from_secs(seconds)), "{text}");
    }
    settings.set("statement_timeout", "0", Scope::Local).unwrap();
    assert_eq!(settings.duration("statement_timeout"), Some(Duration::from_secs(60)));
    settings.reset_all();
    settings.begin_with("statement_timeout", "9000s").unwrap();
    assert_eq!(settings.duration("statement_timeout"), Some(Duration::from_secs(60)));
    assert_eq!(settings.duration("idle_session_timeout"), None, "another is not bounded");
}

#[test]
fn a_transaction_gives_back_what_it_set() {
    let settings = Settings::default();
    settings.set("timezone", "Asia/Tokyo", Scope::Session).unwrap();
    settings.begin();
    settings.set("timezone", "Europe/Paris", Scope::Session).unwrap();
    let mark = settings.mark();
    settings.set("timezone", "Europe/Rome", Scope::Local).unwrap();
    assert_eq!(settings.get("TimeZone").as_deref(), Some("Europe/Rome"));
    settings.rollback_to(mark);
    assert_eq!(settings.get("TimeZone").as_deref(), Some("Europe/Paris"));
    settings.end(false);
    assert_eq!(settings.get("TimeZone").as_deref(), Some("Asia/Tokyo"));

    settings.begin();
    settings.set("timezone", "Europe/Paris", Scope::Session).unwrap();
    settings.set("jit", "on", Scope::Local).unwrap();
    settings.end(true);
    assert_eq!(settings.get("TimeZone").as_deref(), Some("Europe/Paris"));
    assert_eq!(settings.get("jit").as_deref(), Some("off"), "a local value ends with its transaction");
}

#[test]
fn only_changes_are_told() {
    let settings = Settings::default();
    let first = settings.untold();
    assert!(first.iter().any(|(name, value)| *name == "server_version" && value.starts_with("15.")));
    assert!(settings.untold().is_empty());
    settings.set("application_name", "tool", Scope::Session).unwrap();
    assert_eq!(settings.untold(), vec![("application_name", "tool".to_owned())]);
}
