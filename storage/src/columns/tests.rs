//! Rows to Arrow and back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{batch, rows};
use crate::{ColumnSpec, ColumnType, Error, Row, TableSpec, Value};

fn every_type() -> TableSpec {
    let kinds = [
        ColumnType::Text,
        ColumnType::Bool,
        ColumnType::Int,
        ColumnType::Float,
        ColumnType::Decimal { precision: 18, scale: 2 },
        ColumnType::Date,
        ColumnType::Time,
        ColumnType::Timestamp,
        ColumnType::TextList,
        ColumnType::Bytes,
    ];
    let column = |(at, column_type)| ColumnSpec {
        name: format!("c{at}").into(),
        column_type,
        indexed: false,
        searchable: false,
    };
    let columns = kinds.into_iter().enumerate().map(column).collect();
    TableSpec { name: "every".into(), columns, unique: vec![], references: vec![] }
}

#[test]
fn rows_come_back_from_a_batch_as_they_were() {
    let spec = every_type();
    let list: Value = Value::TextList(["a".into(), "".into()].into());
    let full = Row([
        Value::text("k"),
        Value::Bool(true),
        Value::Int(-3),
        Value::Float(2.5),
        Value::Decimal(-12_345),
        Value::Date(20_000),
        Value::Time(1),
        Value::Timestamp(-1),
        list,
        Value::Bytes([0, 255].as_slice().into()),
    ]
    .into());
    let short = Row([Value::text("key with more than twelve bytes")].into());
    let made = batch(&spec, &spec.arrow(), &[full.clone(), short.clone()]).unwrap();
    let back = rows(&spec, &made).unwrap();
    assert_eq!(back[0], full);
    assert_eq!(back[1].0.len(), 10);
    assert!(back[1].0[1..].iter().all(Value::is_null));
}

#[test]
fn a_value_of_another_type_is_refused_by_column() {
    let spec = every_type();
    let wrong = Row([Value::text("k"), Value::Int(1)].into());
    let error = batch(&spec, &spec.arrow(), &[wrong]).unwrap_err();
    assert!(matches!(&error, Error::Invalid(told) if told.contains("\"c1\"")), "{error}");
}
