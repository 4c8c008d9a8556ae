//! Numbers that count up.
#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::NumberFormat;

#[test]
fn formats_are_filled_with_dates_or_refused() {
    let day = 1_772_323_200_000_000; // 2026-03-01
    let named = vec![("code".into(), Some("A7".to_owned())), ("none".into(), None)];
    let parts = |format| NumberFormat::parse(format, &named, day).ok().map(|f| (f.before, f.digits, f.after));
    let parsed = |before: &str, digits, after: &str| Some((before.to_owned(), digits, after.to_owned()));
    assert_eq!(parts("{0000}"), parsed("", 4, ""));
    assert_eq!(parts("Q-{YYYY}-{MM}-{000}"), parsed("Q-2026-03-", 3, ""));
    assert_eq!(parts("{YY}{DD}/{0}/x"), parsed("2601/", 1, "/x"));
    assert_eq!(parts("{YYYYMMDD}{00}"), parsed("20260301", 2, ""));
    assert_eq!(parts("{code}/{YY}-{00}.{code}"), parsed("A7/26-", 2, ".A7"));
    for broken in ["{none}-{00}", "CASE-", "{0000", "{name}{0000}", "{0000}{0000}", "{}"] {
        assert_eq!(parts(broken), None, "{broken}");
    }
}
