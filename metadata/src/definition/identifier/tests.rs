//! Names and locales, by example.

use super::*;

#[test]
fn locales_have_one_spelling() {
    for (given, canonical) in [
        ("en", Some("en")),
        ("zh-CN", Some("zh-CN")),
        ("zh_cn", Some("zh-CN")),
        ("zh-hans-cn", Some("zh-Hans-CN")),
        ("es-419", Some("es-419")),
        ("gsw", Some("gsw")),
        ("", None),
        ("e", None),
        ("EN", None),
        ("english", None),
        ("en-", None),
        ("en-Q1", None),
        ("../en", None),
    ] {
        assert_eq!(canonical_locale(given).as_deref(), canonical, "{given}");
    }
}

#[test]
fn names_are_checked_for_their_form() {
    for name in ["a", "account", "line_1", "p_d_f_url", "case"] {
        assert_eq!(fault(name), None, "{name}");
    }
    for name in ["", "1st", "_a", "a_", "a__b", "A", "a-b", "a b", "a.b", "été", "a\"b", "$a"] {
        assert!(fault(name).is_some(), "{name}");
    }
}
