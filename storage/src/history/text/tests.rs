//! The texts of values are part of the format: these may never change.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const MONEY: ColumnType = ColumnType::Decimal { precision: 18, scale: 2 };

#[test]
fn every_type_has_one_text() {
    let list = Value::TextList(["a".into(), "b \"c\"".into()].into());
    let table = [
        (ColumnType::Bool, Value::Bool(true), "true"),
        (ColumnType::Int, Value::Int(i64::MIN), "-9223372036854775808"),
        (ColumnType::Float, Value::Float(0.1), "0.1"),
        (ColumnType::Float, Value::Float(-2.0), "-2"),
        (ColumnType::Float, Value::Float(1e300), "1e300"),
        (ColumnType::Float, Value::Float(2.5e-9), "2.5e-9"),
        (ColumnType::Float, Value::Float(f64::NAN), "NaN"),
        (ColumnType::Float, Value::Float(f64::NEG_INFINITY), "-inf"),
        (MONEY, Value::Decimal(1250), "12.50"),
        (MONEY, Value::Decimal(-5), "-0.05"),
        (MONEY, Value::Decimal(0), "0.00"),
        (ColumnType::Decimal { precision: 5, scale: 0 }, Value::Decimal(-12), "-12"),
        (ColumnType::Text, Value::text("Größe\n"), "Größe\n"),
        (ColumnType::Date, Value::Date(-1), "1969-12-31"),
        (ColumnType::Date, Value::Date(i32::MAX), "2147483647"),
        (ColumnType::Time, Value::Time(86_399_000_001), "23:59:59.000001"),
        (ColumnType::Timestamp, Value::Timestamp(-1), "1969-12-31T23:59:59.999999Z"),
        (ColumnType::TextList, list, r#"["a","b \"c\""]"#),
        (ColumnType::Bytes, Value::Bytes([0, 255].as_slice().into()), "\\x00ff"),
    ];
    for (kind, value, wanted) in table {
        assert_eq!(text(kind, &value).as_deref(), Some(wanted), "{value:?}");
    }
    assert_eq!(text(ColumnType::Int, &Value::Null), None);
}

#[test]
fn a_row_is_a_json_object_without_its_nulls() {
    let column = |(name, column_type): (&str, ColumnType)| ColumnSpec {
        name: name.into(),
        column_type,
        indexed: false,
        searchable: false,
    };
    let kinds = [
        ("id", ColumnType::Text),
        ("n\"ame", ColumnType::Text),
        ("rank", ColumnType::Int),
        ("sum", MONEY),
        ("born", ColumnType::Date),
        ("ratio", ColumnType::Float),
        ("later", ColumnType::Text),
    ];
    let row = [
        Value::text("a"),
        Value::text("tab\t\u{1}"),
        Value::Null,
        Value::Decimal(1),
        Value::Date(0),
        Value::Float(f64::INFINITY),
    ];
    let columns: Vec<_> = kinds.into_iter().map(column).collect();
    let wanted = r#"{"id":"a","n\"ame":"tab\t\u0001","sum":0.01,"born":"1970-01-01","ratio":"inf"}"#;
    assert_eq!(json(&columns, &Row(row.into())), wanted);
}
