//! Bound parameters: types, formats, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use chrono_tz::Tz;
use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::{decode, decode_as, hints_of, number, text_array};
use crate::{encode::Format, parse::parse, sqlstate::SqlState};

fn text(pg_type: Type, value: &str) -> Result<ScalarValue, SqlState> {
    decode(&pg_type, Format::Text, &Bytes::copy_from_slice(value.as_bytes()), Tz::UTC).map_err(|e| e.state)
}

fn binary(pg_type: Type, value: &[u8]) -> Result<ScalarValue, SqlState> {
    decode(&pg_type, Format::Binary, &Bytes::copy_from_slice(value), Tz::UTC).map_err(|e| e.state)
}

#[test]
fn text_values_are_read_by_their_type() {
    assert_eq!(text(Type::INT4, " 42 "), Ok(ScalarValue::Int32(Some(42))));
    assert_eq!(text(Type::BOOL, "yes"), Ok(ScalarValue::Boolean(Some(true))));
    assert_eq!(text(Type::DATE, "2024-02-29"), Ok(ScalarValue::Date32(Some(19_782))));
    assert_eq!(text(Type::BYTEA, "\\xDEad"), Ok(ScalarValue::Binary(Some(vec![0xde, 0xad]))));
    assert_eq!(text(Type::UUID, "a-b"), Ok(ScalarValue::Utf8(Some("a-b".into()))));
    let zoned = |micros| Ok(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())));
    assert_eq!(text(Type::TIMESTAMPTZ, "2024-06-01 12:00:00+00"), zoned(1_717_243_200_000_000));
    assert_eq!(text(Type::TIMESTAMPTZ, "2024-06-01T14:00:00.5+02:00"), zoned(1_717_243_200_500_000));
    assert_eq!(text(Type::TIMESTAMPTZ, "2024-06-01"), zoned(1_717_200_000_000_000));
}

#[test]
fn instants_without_an_offset_are_those_of_the_sessions_clock() {
    let zone = Tz::America__New_York;
    let text = |pg_type: &Type, text: &'static str| {
        decode(pg_type, Format::Text, &Bytes::from_static(text.as_bytes()), zone).unwrap()
    };
    let instant = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
    let reading = |micros| ScalarValue::TimestampMicrosecond(Some(micros), None);
    assert_eq!(text(&Type::TIMESTAMPTZ, "2024-06-01 12:00:00"), instant(1_717_257_600_000_000));
    assert_eq!(text(&Type::TIMESTAMPTZ, "2024-06-01 12:00:00Z"), instant(1_717_243_200_000_000));
    // Skipped, and shown twice.
    assert_eq!(text(&Type::TIMESTAMPTZ, "2018-03-11 02:30:00"), instant(1_520_753_400_000_000));
    assert_eq!(text(&Type::TIMESTAMPTZ, "2018-11-04 01:30:00"), instant(1_541_313_000_000_000));
    // What clocks show has no offset.
    assert_eq!(text(&Type::TIMESTAMP, "2024-06-01 12:00:00+02"), reading(1_717_243_200_000_000));
    assert_eq!(text(&Type::DATE, "2024-06-01 01:00:00+02"), ScalarValue::Date32(Some(19_875)));
    for (given, pg_type, expected) in [
        (reading(1_717_243_200_000_000), Type::TIMESTAMPTZ, instant(1_717_257_600_000_000)),
        (ScalarValue::Date32(Some(19_875)), Type::TIMESTAMPTZ, instant(1_717_214_400_000_000)),
        (instant(1_717_214_399_000_000), Type::DATE, ScalarValue::Date32(Some(19_874))),
        (instant(1_717_257_600_000_000), Type::TIMESTAMP, reading(1_717_243_200_000_000)),
        (instant(5), Type::TIMESTAMPTZ, instant(5)),
    ] {
        assert_eq!(decode_as(given.clone(), &pg_type, zone).unwrap(), expected, "{given} {pg_type}");
    }
}

#[test]
fn what_is_no_value_has_its_code() {
    for (pg_type, value, state) in [
        (Type::INT4, "x", SqlState::INVALID_TEXT),
        (Type::INT4, "3000000000", SqlState::NUMBER_OUT_OF_RANGE),
        (Type::INT2, "1.5", SqlState::INVALID_TEXT),
        (Type::BOOL, "maybe", SqlState::INVALID_TEXT),
        (Type::DATE, "2024-02-30", SqlState::DATETIME_FORMAT),
        (Type::TIMESTAMP, "yesterday", SqlState::DATETIME_FORMAT),
        (Type::NUMERIC, "1.2.3", SqlState::INVALID_TEXT),
        (Type::NUMERIC, "", SqlState::INVALID_TEXT),
        (Type::BYTEA, "\\xabc", SqlState::INVALID_TEXT),
        (Type::TEXT, "a\0b", SqlState::CHARACTER_NOT_IN_REPERTOIRE),
        (Type::INT4_ARRAY, "{1,x}", SqlState::INVALID_TEXT),
        (Type::TEXT_ARRAY, "a,b", SqlState::INVALID_TEXT),
    ] {
        assert_eq!(text(pg_type.clone(), value), Err(state), "{pg_type} {value:?}");
    }
    for (pg_type, value) in
        [(Type::INT4, &[1u8][..]), (Type::DATE, &[]), (Type::UUID, &[1, 2]), (Type::BOOL, &[])]
    {
        assert_eq!(binary(pg_type.clone(), value), Err(SqlState::INVALID_BINARY), "{pg_type}");
    }
}

#[test]
fn decimals_keep_the_scale_they_are_written_with() {
    for (text, unscaled, scale) in [
        ("10.50", 1050i128, 2i8),
        ("-0.07", -7, 2),
        ("+3", 3, 0),
        (".5", 5, 1),
        ("5.", 5, 0),
        ("1e3", 1000, 0),
        ("1.25e-2", 125, 4),
        ("000.10", 10, 2),
        ("12345678901234567890123456789012345678", 12_345_678_901_234_567_890_123_456_789_012_345_678, 0),
    ] {
        assert_eq!(number(text).unwrap(), ScalarValue::Decimal128(Some(unscaled), 38, scale), "{text}");
    }
    for text in
        ["123456789012345678901234567890123456789", "1e39", "1e-38", "NaN", "1e999999999999", "1e-2147483648"]
    {
        assert!(number(text).is_err(), "{text}");
    }
}

#[test]
fn array_literals() {
    let read = |t: &str| {
        text_array::read(t)
            .map(|items| items.into_iter().map(|i| i.unwrap_or("∅".into())).collect::<Vec<_>>())
    };
    assert_eq!(read("{}").unwrap(), Vec::<String>::new());
    assert_eq!(
        read(r#"{a, "b c" ,NULL,"NULL","q\"\\",x\,y}"#).unwrap(),
        ["a", "b c", "∅", "NULL", "q\"\\", "x,y"]
    );
    for wrong in ["{", "a", "{a", "{a,}", "{,a}", r#"{"a}"#, r#"{"a"b}"#, "{{1},{2}}"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_form_of_a_statement_tells_types() {
    let sql = "SELECT $1::date, CAST($2 AS numeric(10,2)), ($3)::int[] FROM t LIMIT $4 OFFSET $5";
    let hints = hints_of(&parse(sql, 1000).unwrap()[0]);
    assert_eq!(hints.get(&1), Some(&Type::DATE));
    assert_eq!(hints.get(&2), Some(&Type::NUMERIC));
    assert_eq!(hints.get(&4), Some(&Type::INT8));
    assert_eq!(hints.get(&5), Some(&Type::INT8));
    assert_eq!(hints.get(&6), None);
}
