//! What a reader of the JSON sees; and that it is what arrow's own writer and chrono say.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
        DurationSecondArray, FixedSizeListArray, Float64Array, Int32Array, Int64Array, ListArray, MapArray,
        MapBuilder, NullArray, StringArray, StringBuilder, StringViewArray, StructArray,
        Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt64Array,
    },
    buffer::{NullBuffer, OffsetBuffer},
    datatypes::{DataType, Field, Fields, Int32Type, Schema},
    json::{WriterBuilder, writer::JsonArray},
    record_batch::RecordBatch,
};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{Cells, Encoder, Error, JSON_TEXT, Numbers, Options, Separator};

fn column(array: impl Array + 'static) -> String {
    cells(&(Arc::new(array) as ArrayRef), Options::default())
}

fn cells(array: &ArrayRef, options: Options) -> String {
    let field = Field::new("c", array.data_type().clone(), true);
    let cells = Cells::new(array, &field, options).unwrap();
    let mut out = Vec::new();
    for row in 0..cells.len() {
        out.extend_from_slice(if row == 0 { b"" } else { b" " });
        cells.write(row, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn numbers() {
    assert_eq!(column(Int64Array::from(vec![Some(i64::MIN), None, Some(0)])), "-9223372036854775808 null 0");
    assert_eq!(column(Int32Array::from(vec![7, -100, 12_345])), "7 -100 12345");
    assert_eq!(column(UInt64Array::from(vec![u64::MAX])), "18446744073709551615");
    let floats = vec![0.1, -2.0, 1e300, f64::NAN, f64::INFINITY];
    assert_eq!(column(Float64Array::from(floats)), "0.1 -2.0 1e+300 null null");
}

#[test]
fn decimals_keep_every_digit() {
    let amounts = vec![Some(1_050), Some(-5), Some(0), None, Some(123_456_789_012)];
    let amounts = Decimal128Array::from(amounts).with_precision_and_scale(18, 2).unwrap();
    let amounts: ArrayRef = Arc::new(amounts);
    assert_eq!(cells(&amounts, Options::default()), r#""10.50" "-0.05" "0.00" null "1234567890.12""#);
    assert_eq!(cells(&amounts, Options { numbers: Numbers::Float }), "10.50 -0.05 0.00 null 1234567890.12");
    let largest = Decimal128Array::from(vec![i128::MAX / 10]).with_precision_and_scale(38, 0).unwrap();
    assert_eq!(column(largest), r#""17014118346046923173168730371588410572""#);
    let thousands = Decimal128Array::from(vec![12, 0]).with_precision_and_scale(5, -3).unwrap();
    assert_eq!(column(thousands), r#""12000" "0""#);
}

#[test]
fn days_times_and_instants() {
    let days = vec![0, 19_782, -1, -719_529, 2_932_897];
    assert_eq!(
        column(Date32Array::from(days)),
        r#""1970-01-01" "2024-02-29" "1969-12-31" "-0001-12-31" "+10000-01-01""#
    );
    let times = vec![0, 47_100_250_000, 86_399_999_999];
    assert_eq!(column(Time64MicrosecondArray::from(times)), r#""00:00:00" "13:05:00.250" "23:59:59.999999""#);
    let instants = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_000_000), Some(-1), None]);
    assert_eq!(column(instants.clone()), r#""2023-11-14T22:13:20" "1969-12-31T23:59:59.999999" null"#);
    assert_eq!(
        column(instants.with_timezone("UTC")),
        r#""2023-11-14T22:13:20Z" "1969-12-31T23:59:59.999999Z" null"#
    );
    let coarse = TimestampMillisecondArray::from(vec![1_500]).with_timezone("Europe/Berlin");
    assert_eq!(column(coarse), r#""1970-01-01T00:00:01.500Z""#);
}

#[test]
fn text_is_escaped_as_json_demands() {
    let texts = StringViewArray::from(vec!["plain", "\"q\\\"", "a\nb\u{1}\u{7f}", "\u{2028}é漢", ""]);
    assert_eq!(column(texts), "\"plain\" \"\\\"q\\\\\\\"\" \"a\\nb\\u0001\u{7f}\" \"\u{2028}é漢\" \"\"");
    let words: DictionaryArray<Int32Type> = vec![Some("a"), None, Some("b"), Some("a")].into_iter().collect();
    assert_eq!(column(words), r#""a" null "b" "a""#);
    let none: DictionaryArray<Int32Type> = vec![None::<&str>, None].into_iter().collect();
    assert_eq!(column(none), "null null");
    assert_eq!(column(BinaryArray::from(vec![&b"\x00\xffab"[..]])), r#""AP9hYg==""#);
    assert_eq!(column(NullArray::new(2)), "null null");
    assert_eq!(column(DurationSecondArray::from(vec![90])), r#""PT90S""#);
}

#[test]
fn json_text_stands_as_it_is() {
    let texts = StringArray::from(vec![Some("{\"a\":\n[1, 2]}"), Some("not json"), None, Some("")]);
    let field = Field::new("c", DataType::Utf8, true)
        .with_metadata(HashMap::from([(JSON_TEXT.0.to_owned(), JSON_TEXT.1.to_owned())]));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(texts)]).unwrap();
    assert_eq!(
        rows(&batch, Separator::Newline),
        "{\"c\":{\"a\":[1, 2]}}\n{\"c\":\"not json\"}\n{\"c\":null}\n{\"c\":\"\"}\n"
    );
}

#[test]
fn nested_rows() {
    let fields = Fields::from(vec![
        Field::new("na\"me", DataType::Utf8, true),
        Field::new("tags", DataType::new_list(DataType::Int64, true), true),
    ]);
    let tags = ListArray::new(
        Arc::new(Field::new_list_field(DataType::Int64, true)),
        OffsetBuffer::from_lengths([2, 0, 1]),
        Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])),
        Some(NullBuffer::from(vec![true, true, false])),
    );
    let people = StructArray::new(
        fields.clone(),
        vec![Arc::new(StringArray::from(vec!["a", "b", "c"])), Arc::new(tags)],
        Some(NullBuffer::from(vec![true, false, true])),
    );
    let groups = ListArray::new(
        Arc::new(Field::new_list_field(DataType::Struct(fields), true)),
        OffsetBuffer::from_lengths([1, 2]),
        Arc::new(people),
        None,
    );
    assert_eq!(
        column(groups.clone()),
        r#"[{"na\"me":"a","tags":[1,null]}] [null,{"na\"me":"c","tags":null}]"#
    );
    assert_eq!(column(groups.slice(1, 1)), r#"[null,{"na\"me":"c","tags":null}]"#);
    let pairs = FixedSizeListArray::new(
        Arc::new(Field::new_list_field(DataType::Int64, true)),
        2,
        Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
        None,
    );
    assert_eq!(column(pairs.slice(1, 1)), "[3,4]");
}

#[test]
fn ranges_and_separators() {
    let batch =
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef)]).unwrap();
    let encoder = Encoder::new(&batch.schema(), Options::default()).unwrap();
    let mut out = Vec::new();
    encoder.encode_rows(&batch, 1..3, Separator::Comma, &mut out).unwrap();
    assert_eq!(out, br#"{"n":2},{"n":3}"#);
    let error = encoder.encode_rows(&batch, 1..4, Separator::Comma, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "rows 1..4 asked, the batch has 3");
    let rows = encoder.bind(&batch).unwrap();
    out.clear();
    rows.write_cell(0, 2, &mut out);
    rows.write_cell(1, 2, &mut out);
    assert_eq!(out, b"3null");
}

#[test]
fn what_json_cannot_carry_is_refused_by_name() {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    builder.append(true).unwrap();
    let map: MapArray = builder.finish();
    let inner = Fields::from(vec![Field::new("map", map.data_type().clone(), true)]);
    let schema = Schema::new(vec![Field::new("outer", DataType::Struct(inner), true)]);
    let error = Encoder::new(&schema, Options::default()).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { column, .. } if column == "outer.map"), "{error}");
}

#[test]
fn a_batch_of_another_schema_is_refused() {
    let schema = Schema::new(vec![Field::new("n", DataType::Int64, true)]);
    let encoder = Encoder::new(&schema, Options::default()).unwrap();
    let other =
        RecordBatch::try_from_iter([("n", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]).unwrap();
    assert!(matches!(encoder.bind(&other), Err(Error::Mismatch { .. })));
    let empty = RecordBatch::new_empty(Arc::new(Schema::empty()));
    assert!(matches!(encoder.bind(&empty), Err(Error::Columns { expected: 1, found: 0 })));
}

/// Random batches, against what arrow's own JSON writer makes of them.
#[test]
fn agrees_with_arrow_json() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..200 {
        let batch = random_batch(&mut random);
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        let expected: serde_json::Value = serde_json::from_slice(&writer.into_inner()).unwrap();
        let found: serde_json::Value =
            serde_json::from_str(&format!("[{}]", rows(&batch, Separator::Comma))).unwrap();
        assert_eq!(by_value(found), by_value(expected), "seed {seed}");
    }
}

/// Floats by their value: `1e1` and `10.0` are the same.
fn by_value(json: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match json {
        Value::Number(number) if !number.is_i64() => {
            Value::String(number.as_f64().unwrap().to_bits().to_string())
        }
        Value::Array(items) => items.into_iter().map(by_value).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, by_value(value))).collect(),
        other => other,
    }
}

/// Random days and instants, against chrono.
#[test]
fn agrees_with_chrono() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let first = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
    for _ in 0..5_000 {
        let days = random.random_range(0..2_932_896_u64);
        let date = first.checked_add_days(Days::new(days)).unwrap();
        assert_eq!(column(Date32Array::from(vec![i32::try_from(days).unwrap()])), format!("\"{date}\""));
        let micros = random.random_range(-62_135_596_800_000_000..253_402_300_800_000_000_i64);
        let micros = if random.random() { micros } else { micros / 1_000_000 * 1_000_000 };
        let instant = DateTime::from_timestamp_micros(micros).unwrap();
        let expected = format!("\"{}\"", instant.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let array = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
        assert_eq!(column(array), expected, "seed {seed}");
        let second = random.random_range(0..86_400);
        let time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap();
        let array = Time64MicrosecondArray::from(vec![i64::from(second) * 1_000_000]);
        assert_eq!(column(array), format!("\"{}\"", time.format("%H:%M:%S")));
    }
}

fn rows(batch: &RecordBatch, separator: Separator) -> String {
    let encoder = Encoder::new(&batch.schema(), Options::default()).unwrap();
    let mut out = Vec::new();
    encoder.encode_rows(batch, 0..batch.num_rows(), separator, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn random_batch(random: &mut StdRng) -> RecordBatch {
    let rows = random.random_range(1..20);
    let texts: Vec<Option<String>> =
        (0..rows).map(|_| random.random_bool(0.8).then(|| random_text(random))).collect();
    let numbers: Vec<Option<i64>> = (0..rows)
        .map(|_| {
            let number = random.random::<i64>() >> random.random_range(0..64);
            random.random_bool(0.8).then_some(number)
        })
        .collect();
    let floats: Vec<Option<f64>> = (0..rows)
        .map(|_| {
            let float = f64::from_bits(random.random());
            random.random_bool(0.8).then_some(if float.is_finite() { float } else { 1.5 })
        })
        .collect();
    let flags: Vec<Option<bool>> =
        (0..rows).map(|_| Some(random.random_bool(0.5)).filter(|_| random.random_bool(0.8))).collect();
    let inner = Fields::from(vec![
        Field::new("text", DataType::Utf8, true),
        Field::new("flag", DataType::Boolean, true),
    ]);
    let nested = StructArray::new(
        inner,
        vec![Arc::new(StringArray::from(texts.clone())), Arc::new(BooleanArray::from(flags))],
        Some(NullBuffer::from_iter((0..rows).map(|_| random.random_bool(0.7)))),
    );
    let list = ListArray::new(
        Arc::new(Field::new_list_field(DataType::Utf8, true)),
        OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows)),
        Arc::new(StringArray::from(texts.clone())),
        None,
    );
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("text \"é\"", Arc::new(StringViewArray::from_iter(texts))),
        ("number", Arc::new(Int64Array::from(numbers))),
        ("float", Arc::new(Float64Array::from(floats))),
        ("nested", Arc::new(nested)),
        ("list", Arc::new(list)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

fn random_text(random: &mut StdRng) -> String {
    (0..random.random_range(0..12)).map(|_| char::from_u32(random.random_range(0..0xd7ff)).unwrap()).collect()
}
