//! What the older dialects become.

use super::in_cel;

#[test]
fn the_older_dialects_are_written_out_in_cel() {
    let cases = [
        (r#"status = "New" AND owner = NULL"#, Some(r#"status == "New" && owner == null"#)),
        ("ISCHANGED(stage) OR NOT active", Some(r#"changed("stage") || !(active)"#)),
        ("close_date < TODAY() - 7", Some("close_date < addDays(today(), -7)")),
        ("due >= TODAY() + 30 AND due <> NULL", Some("due >= addDays(today(), 30) && due != null")),
        (
            r#"CONCATENATE(first_name, " ", last_name)"#,
            Some(r#"(coalesce(first_name, "") + " " + coalesce(last_name, ""))"#),
        ),
        (
            "CASE WHEN amount > 100 THEN 'large' WHEN amount > 10 THEN 'mid' ELSE 'small' END",
            Some(
                r#"(coalesce(amount > 100, false) ? "large" : (coalesce(amount > 10, false) ? "mid" : "small"))"#,
            ),
        ),
        (
            "IF(ISBLANK(name), 'none', UPPER(name))",
            Some(r#"(coalesce(isBlank(name), false) ? "none" : upper(name))"#),
        ),
        ("stage NOT IN ('won', 'lost')", Some(r#"!(stage in ["won", "lost"])"#)),
        ("phone IS NOT NULL", Some("phone != null")),
        ("AND(a = 1, OR(b, c))", Some("(a == 1 && (b || c))")),
        ("-(a + 2) * 3", Some("-(a + 2) * 3")),
        ("name = 'it''s'", Some(r#"name == "it's""#)),
        ("a = ", None),
        ("a # b", None),
        ("CASE WHEN a THEN b", None),
        ("name = 'open", None),
    ];
    for (text, expected) in cases {
        assert_eq!(in_cel(text).as_deref(), expected, "{text}");
    }
    assert_eq!(in_cel(&"(".repeat(5_000)), None);
    assert_eq!(in_cel(&"NOT ".repeat(5_000)), None);
}
