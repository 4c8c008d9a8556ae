//! What a catalog takes and refuses.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::Catalog;
use crate::{ColumnSpec, ColumnType, IndexSpec, ReferenceSpec, TableSpec};

fn column(name: &str, column_type: ColumnType) -> ColumnSpec {
    ColumnSpec { name: name.into(), column_type, indexed: false, searchable: false }
}

fn table(columns: Vec<ColumnSpec>) -> TableSpec {
    TableSpec { name: "thing".into(), columns, unique: vec![], references: vec![] }
}

#[test]
fn what_does_not_hold_is_refused_by_name() {
    let key = || column("id", ColumnType::Text);
    let decimal = |precision, scale| column("amount", ColumnType::Decimal { precision, scale });
    let searchable = ColumnSpec { searchable: true, ..column("rank", ColumnType::Int) };
    let unique = IndexSpec { name: "once".into(), columns: vec!["cod".into()], conditions: Vec::new() };
    let reference = ReferenceSpec { column: "id".into(), target: "elsewhere".into() };
    let cases = [
        (table(vec![]), "key"),
        (table(vec![column("id", ColumnType::Int)]), "key"),
        (table(vec![key(), key()]), "twice"),
        (table(vec![key(), decimal(39, 0)]), "decimal(39, 0)"),
        (table(vec![key(), decimal(5, 6)]), "decimal(5, 6)"),
        (table(vec![key(), searchable]), "\"rank\""),
        (table(vec![key(), column("_csn", ColumnType::Int)]), "_csn"),
        (TableSpec { unique: vec![unique], ..table(vec![key()]) }, "\"cod\""),
        (TableSpec { references: vec![reference], ..table(vec![key()]) }, "\"elsewhere\""),
    ];
    for (spec, told) in cases {
        let error = Catalog::default().with(vec![spec]).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_table_may_grow_at_its_end_and_nothing_else() {
    let first = table(vec![column("id", ColumnType::Text), column("name", ColumnType::Text)]);
    let catalog = Catalog::default().with(vec![first.clone()]).unwrap().unwrap();
    assert!(catalog.with(vec![first.clone()]).unwrap().is_none());

    let mut grown = first.clone();
    grown.columns.push(column("rank", ColumnType::Int));
    grown.columns[1].indexed = true;
    let catalog = catalog.with(vec![grown]).unwrap().unwrap();
    assert!(catalog.must_get("thing").unwrap().column_index(1).is_some());

    let mut renamed = first.clone();
    renamed.columns[1].name = "title".into();
    let mut retyped = first.clone();
    retyped.columns[1].column_type = ColumnType::Bytes;
    for (spec, told) in [(first, "\"rank\""), (renamed, "\"title\""), (retyped, "Bytes")] {
        let error = catalog.with(vec![spec]).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}
