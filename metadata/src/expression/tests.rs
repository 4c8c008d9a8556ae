//! What compiles to what, and what is refused with which words.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;

use super::*;
use crate::Registry;

fn registry() -> Registry {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
    Registry::load(&[root.join("fixtures/core"), root.join("expressions")])
        .unwrap_or_else(|issues| panic!("{issues}"))
}

fn place() -> Place {
    Place { file: PathBuf::from("x.yml"), line: 1, path: String::new() }
}

/// The type of an expression about an order, or what is wrong with it.
fn checked(text: &str, used: Use) -> Result<String, String> {
    let registry = registry();
    let order = registry.get("order").unwrap();
    let mut issues = Issues::default();
    let compiled = Expression::compile(text, &place(), &Scope::new(&registry, order, used), &mut issues);
    match compiled {
        Some(expression) => {
            assert!(issues.0.is_empty(), "{text}: compiled, with {issues}");
            Ok(expression.type_().to_string())
        }
        None => {
            assert!(!issues.0.is_empty(), "{text}: nothing came of it, and nothing was said");
            Err(issues
                .0
                .iter()
                .map(|issue| format!("{} [{}]", issue.message, issue.code))
                .collect::<Vec<_>>()
                .join(" | "))
        }
    }
}

#[test]
fn types_are_found() {
    let cases = [
        ("1 + 2 * 3", "whole number"),
        ("quantity * price", "decimal(37, 2)"),
        ("price * 0.1", "decimal(19, 3)"),
        ("price / quantity", "decimal(26, 10)"),
        ("quantity / 2", "whole number"),
        ("price + 1", "decimal(19, 2)"),
        ("amount", "decimal(37, 2)"),
        ("status in ['new', 'paid']", "boolean"),
        ("'red' in colours", "boolean"),
        ("colours.exists(c, c == 'red')", "boolean"),
        ("size(colours) > 1 && !urgent", "boolean"),
        ("account.owner.name + '!'", "text"),
        ("account_id == null || has(account.name)", "boolean"),
        ("due - duration('30d')", "date"),
        ("due - today()", "duration"),
        ("daysBetween(today(), due)", "whole number"),
        ("year(created_at)", "whole number"),
        ("urgent ? price : 0", "decimal(18, 2)"),
        ("coalesce(price, 0)", "decimal(21, 2)"),
        ("due > '2024-05-31'", "boolean"),
        ("round(price)", "whole number"),
        ("round(price, 1)", "decimal(18, 1)"),
        ("joinNonEmpty([name, account.name], ', ')", "text"),
        ("[1, 2.5].map(x, x * 2)", "list of decimal(21, 1)"),
        ("record.name.startsWith('A')", "boolean"),
    ];
    for (text, expected) in cases {
        assert_eq!(checked(text, Use::Formula).as_deref(), Ok(expected), "{text}");
    }
    let cases = [
        ("old.status != status", "boolean"),
        ("changed('status') && old.price < price", "boolean"),
        ("old == null", "boolean"),
        ("lines.exists(l, l.price > 10 && l.product.name == name)", "boolean"),
        ("size(lines) > 0", "boolean"),
        ("sum(lines.map(l, l.price)) == price", "boolean"),
        ("lines.filter(l, l.price > 0).size()", "whole number"),
        ("'admin' in user.roles || user.name == 'x'", "boolean"),
        ("lines.all(l, l.price < price)", "boolean"),
    ];
    for (text, expected) in cases {
        assert_eq!(checked(text, Use::Validation).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let cases = [
        (
            "prise > 1",
            "`prise` is not a field of `order`; did you mean `price`?, at character 1 [unknown-field]",
        ),
        (
            "account.nam == ''",
            "`nam` is not a field of `account`; did you mean `name`?, at character 8 [unknown-field]",
        ),
        ("old.price > 1", "`old` can't be named in a formula, at character 1 [not-in-this-place]"),
        (
            "size(lines)",
            "`lines` is a list of records, which can't be named in a formula; a summary field counts and sums them, at character 6 [not-in-this-place]",
        ),
        (
            "status == 'nwe'",
            "\"nwe\" is not one of the options; did you mean `new`?, at character 8 [unknown-option]",
        ),
        (
            "price + name",
            "`+` does not take decimal(18, 2) and text; write `text(x)`, at character 7 [expression-type]",
        ),
        ("lenn(name)", "there is no function `lenn`; did you mean `len`?, at character 5 [unknown-function]"),
        (
            "price +",
            "can't be read as CEL: it ends where something must follow, at character 8 [expression-syntax]",
        ),
        (
            "due + 7",
            "`+` does not take date and whole number; write `addDays(x, 7)`, or `x + duration(\"7d\")`, at character 5 [expression-type]",
        ),
        (
            "record",
            "`record` is a record of `order`, and no value; name one of its fields, at character 1 [expression-type]",
        ),
        (
            "duration('3 weeks')",
            "`duration` takes a text that is written down, such as \"30d\", \"36h\", \"1h30m\", \"90s\", at character 10 [expression-type]",
        ),
        (
            "colours[0]",
            "an item of a list can't be taken by its place; use `exists`, `filter` or `in`, at character 8 [not-supported-yet]",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(checked(text, Use::Formula).as_ref().map_err(String::as_str), Err(expected), "{text}");
    }
}

#[test]
fn a_hostile_text_is_refused_and_does_not_end_the_process() {
    let deep = [
        "(".repeat(3_000),
        "!".repeat(900) + "true",
        "-".repeat(900) + "1",
        vec!["1"; 450].join(" + "),
        vec!["true"; 300].join(" && "),
        "[".repeat(400) + &"]".repeat(400),
        "a.".repeat(400) + "b",
        "x ? ".repeat(300),
        "'".repeat(5_000),
        vec!["urgent ? 1 : ("; 200].concat() + "1" + &")".repeat(200),
    ];
    for text in deep {
        drop(checked(&text, Use::Formula));
    }
}

#[test]
fn no_text_ends_the_process() {
    use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
    const PIECES: &[&str] = &[
        "'",
        "\"",
        "\\",
        "\\x",
        "\\u12",
        "\\U0011ffff",
        "\\777",
        "r'",
        "b'",
        "\"\"\"",
        "1",
        "0x",
        "1e999",
        "9223372036854775808",
        "1u",
        ".",
        "..",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "?",
        ":",
        ",",
        "+",
        "-",
        "!",
        "&&",
        "||",
        "==",
        "=",
        "in",
        " ",
        "\n",
        "//",
        "`",
        "é",
        "\u{1f600}",
        "price",
        "name",
        "lines",
        "has(",
        "exists(",
        "map(",
        "x",
        "size(",
        "duration('",
        "null",
        "true",
        ".map(x,",
        "@result",
        "_+_",
        "AND",
        "CASE WHEN",
    ];
    let seed = std::env::var("QUARRY_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random::<u64>);
    println!("QUARRY_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let registry = registry();
    let order = registry.get("order").unwrap();
    for _ in 0..3_000 {
        let count = random.random_range(1..12);
        let text: String = (0..count).filter_map(|_| PIECES.choose(&mut random).copied()).collect();
        let mut issues = Issues::default();
        let scope = Scope::new(&registry, order, Use::Validation);
        let compiled = Expression::compile(&text, &place(), &scope, &mut issues);
        assert!(
            compiled.is_some() || issues.has_errors(),
            "{text}: nothing came of it, and nothing was said"
        );
    }
}

#[test]
fn it_is_known_what_an_expression_reads() {
    let registry = registry();
    let order = registry.get("order").unwrap();
    let mut issues = Issues::default();
    let text =
        "changed('status') && lines.exists(l, l.price > price && l.product.name != '') && year(now()) > 2020";
    let scope = Scope::new(&registry, order, Use::Validation);
    let needs = Expression::condition(text, &place(), &scope, &mut issues).unwrap().needs();
    let fields: Vec<String> = needs.fields.keys().map(|(root, path)| format!("{root}.{path}")).collect();
    assert_eq!(fields, ["record.price", "record.status", "old.status"]);
    let children: Vec<String> =
        needs.children.values().flat_map(|paths| paths.keys().map(Path::to_string)).collect();
    assert_eq!(children, ["price", "product.name"]);
    assert!(needs.now && needs.zone && !needs.today && needs.lists.is_empty());
}
