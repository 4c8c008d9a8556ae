//! What is read, what is refused, and that the limits hold.

#![allow(clippy::unwrap_used)]

use super::*;

fn map(text: &str) -> Vec<Entry> {
    match parse(text).unwrap().content {
        Content::Map(entries) => entries,
        other => panic!("not a mapping: {other:?}"),
    }
}

#[test]
fn keys_know_their_lines_and_scalars_their_kinds() {
    let read: Vec<_> = map("a: 1\n\n# note\nb: '1'\nc: yes\nd: true\ne:\nf: 0.10\ng: 0x1F\n")
        .into_iter()
        .map(|entry| (entry.key, entry.line, entry.value.content))
        .collect();
    assert_eq!(
        read,
        [
            ("a".to_owned(), 1, Content::Number("1".to_owned())),
            ("b".to_owned(), 4, Content::Text("1".to_owned())),
            ("c".to_owned(), 5, Content::Text("yes".to_owned())),
            ("d".to_owned(), 6, Content::Boolean(true)),
            ("e".to_owned(), 7, Content::Null),
            ("f".to_owned(), 8, Content::Number("0.10".to_owned())),
            ("g".to_owned(), 9, Content::Text("0x1F".to_owned())),
        ]
    );
}

#[test]
fn repeated_keys_are_kept_for_the_check() {
    assert_eq!(map("a: 1\na: 2").len(), 2);
}

#[test]
fn json_is_read() {
    let entries = map("{\n\t\"a\": [1, \"x\\/y\", null],\n\t\"b\": {\"c\": true}\n}");
    assert_eq!(entries[1].line, 3);
    assert_eq!(entries[0].value.content.noun(), "a list");
}

#[test]
fn aliases_are_copies() {
    let entries = map("a: &x {k: v}\nb: *x");
    assert_eq!(entries[0].value.content, entries[1].value.content);
    assert_eq!(entries[1].value.line, 2);
}

#[test]
fn nested_aliases_hit_the_limit_before_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!("a{level}: &a{level} [{inner}]\n");
    }
    assert_eq!(parse(&text).unwrap_err().code, "too-many");
}

#[test]
fn what_is_refused() {
    for (text, code, line) in [
        ("a: [1, 2", "syntax", 2),
        ("a: 1\n  b: 2\n c: 3", "syntax", 2),
        ("a: !!str 5", "yaml-tag", 1),
        ("a: 1\n---\nb: 2", "syntax", 2),
        ("{a: 1}: 2", "syntax", 1),
        ("a: &x [*x]", "syntax", 1),
    ] {
        let refusal = parse(text).unwrap_err();
        assert_eq!((refusal.code, refusal.line), (code, line), "{text}: {refusal:?}");
    }
}

#[test]
fn depth_is_bounded_in_every_style() {
    for text in ["[".repeat(10_000), "{a: ".repeat(10_000), "- ".repeat(10_000), "? ".repeat(10_000)] {
        let refusal = parse(&text).unwrap_err();
        assert!(["too-deep", "syntax"].contains(&refusal.code), "{refusal:?}");
    }
}

#[test]
fn nothing_is_null() {
    for text in ["", "# only a comment\n", "---\n"] {
        assert_eq!(parse(text).unwrap().content, Content::Null, "{text:?}");
    }
}

#[test]
fn json_escapes_are_read() {
    let text = |given: &str| match parse(&from_json(given)).unwrap().content {
        Content::Text(text) => text,
        other => panic!("not text: {other:?}"),
    };
    assert_eq!(text(r#""a\u0041 \ud83d\ude00 \/ \\ud83d \n""#), "aA 😀 / \\ud83d \n");
    assert_eq!(text("\"héé\""), "héé");
    for lonely in [r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\ud83d\u0041""#] {
        assert_eq!(parse(&from_json(lonely)).unwrap_err().code, "syntax", "{lonely}");
    }
}
