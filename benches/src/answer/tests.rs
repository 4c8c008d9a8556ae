//! Answers that are the same are taken for it, and others are not.

#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{Row, difference, rows_of_json};

fn rows(rows: &[&[&str]]) -> Vec<Row> {
    let cell = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

fn same(left: &[&[&str]], right: &[&[&str]]) -> bool {
    difference(&rows(left), &rows(right), true).is_none()
}

#[test]
fn spellings_of_one_value_are_the_same() {
    let pairs = [
        ("12.50", "12.5"),
        ("100", "100.00"),
        ("0.30000000000000004", "0.3"),
        ("25.522006", "25.5220058532573370"),
        ("25.522005", "25.5220058532573370"),
        ("t", "true"),
        ("false", "0"),
        ("2024-03-01", "2024-03"),
        ("2024-04-01", "2024-Q2"),
        ("2024-03-01T00:00:00Z", "2024-03-01"),
        ("2024-03-01 08:30:00+00", "2024-03-01T08:30:00.000000Z"),
        ("NULL", "NULL"),
        ("Größe", "Größe"),
    ];
    for (left, right) in pairs {
        assert!(same(&[&[left]], &[&[right]]), "{left} and {right}");
    }
}

#[test]
fn other_values_are_not() {
    let pairs = [
        ("12.50", "12.51"),
        ("100", "100.001"),
        ("25.522004", "25.5220058532573370"),
        ("25.52", "25.5220058532573370"),
        ("25.522", "25.5224"),
        ("t", "f"),
        ("2024-03-01", "2024-04"),
        ("2024-03-01 08:30:00", "2024-03-01 09:30:00"),
        ("2024-03-01", "2024-03-01x"),
        ("2024-Q2", "2024-Q3"),
        ("NULL", ""),
        ("a", "b"),
        ("closed_won", "closed_lost"),
    ];
    for (left, right) in pairs {
        assert!(!same(&[&[left]], &[&[right]]), "{left} and {right}");
    }
}

#[test]
fn rows_that_are_missing_or_too_many_are_told() {
    let (one, two) = (rows(&[&["a"]]), rows(&[&["a"], &["b"]]));
    assert_eq!(difference(&two, &one, true).unwrap(), "1 rows instead of 2");
    assert_eq!(difference(&one, &two, false).unwrap(), "2 rows instead of 1");
    let said = difference(&rows(&[&["a", "b"]]), &rows(&[&["a"]]), true);
    assert_eq!(said.unwrap(), "row 1 has 1 cells instead of 2");
    let said = difference(&rows(&[&["a", "b"], &["c", "d"]]), &rows(&[&["a", "b"], &["c", "NULL"]]), true);
    assert_eq!(said.unwrap(), "row 2, cell 2 is nothing instead of \"d\"");
}

#[test]
fn order_counts_only_where_it_is_said() {
    let (up, down) = (rows(&[&["a", "1.00"], &["b", "2"]]), rows(&[&["b", "2.0"], &["a", "1"]]));
    assert!(difference(&up, &down, true).unwrap().starts_with("row 1, cell 1 is"));
    assert_eq!(difference(&up, &down, false), None);
}

#[test]
fn answers_in_json_are_rows_whatever_their_fields_are_called() {
    let ours = json!({ "accounts": { "nodes": [
        { "id": "a", "deals": { "nodes": [{ "name": "x", "amount": "2.00" }, { "name": "y", "amount": null }] } },
        { "id": "b", "deals": { "nodes": [] } },
    ] } });
    let theirs = json!([{ "id": "a", "deals": [{ "name": "x", "amount": 2 }, { "name": "y", "amount": null }] },
        { "id": "b", "deals": null }]);
    let theirs_rows = rows_of_json(&theirs);
    assert_eq!(rows_of_json(&ours).len(), 2);
    assert_eq!(difference(&rows_of_json(&ours)[..1], &theirs_rows[..1], true), None);
    assert_eq!(rows_of_json(&json!({ "account": { "id": "a", "n": 1 } })), rows(&[&["a", "1"]]));
}
