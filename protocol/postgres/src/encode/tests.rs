//! What clients receive: values of every type, as text and as binary.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
        IntervalMonthDayNanoArray, ListArray, RecordBatch, StringArray, Time64MicrosecondArray,
        TimestampMicrosecondArray, UInt32Array,
    },
    datatypes::{Field, Int16Type, IntervalMonthDayNano, Schema},
};
use bytes::{Buf, Bytes, BytesMut};
use chrono_tz::Tz;

use super::{Format, RowWriter, columns_of, numeric, read_numeric};
use crate::catalog::PG_TYPE;

/// The one cell of a column, in both formats.
fn cell(array: ArrayRef, named: Option<&str>, zone: Tz) -> (String, Vec<u8>) {
    let mut field = Field::new("x", array.data_type().clone(), true);
    if let Some(name) = named {
        field = field.with_metadata([(PG_TYPE.to_owned(), name.to_owned())].into());
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
    let mut found = Vec::new();
    for format in [Format::Text, Format::Binary] {
        let mut columns = columns_of(&batch.schema());
        columns[0].format = format;
        let mut out = BytesMut::new();
        RowWriter::new(&batch, &columns, zone).unwrap().write(0, &mut out).unwrap();
        assert_eq!(out.get_u8(), b'D');
        assert_eq!(
            usize::try_from(out.get_i32()).unwrap(),
            out.len() + 4,
            "the length is that of the message"
        );
        assert_eq!(out.get_i16(), 1);
        assert_eq!(usize::try_from(out.get_i32()).unwrap(), out.len());
        found.push(out.to_vec());
    }
    (String::from_utf8(found[0].clone()).unwrap(), found[1].clone())
}

fn shown(array: ArrayRef) -> String {
    cell(array, None, Tz::UTC).0
}

#[test]
fn decimals_keep_every_digit() {
    for (unscaled, scale, text) in [
        (12345i128, 2i8, "123.45"),
        (-5, 2, "-0.05"),
        (0, 2, "0.00"),
        (7, 0, "7"),
        (10_000, 4, "1.0000"),
        (100_000_000, 0, "100000000"),
        (1, 10, "0.0000000001"),
        (99_999_999_999_999_999_999_999_999_999_999_999_999, 10, "9999999999999999999999999999.9999999999"),
        (-99_999_999_999_999_999_999_999_999_999_999_999_999, 37, "-9.9999999999999999999999999999999999999"),
    ] {
        let array = Decimal128Array::from(vec![unscaled]).with_precision_and_scale(38, scale).unwrap();
        let (shown, binary) = cell(Arc::new(array), None, Tz::UTC);
        assert_eq!(shown, text);
        assert_eq!(read_numeric(Bytes::from(binary)).unwrap(), text, "and back from binary");
    }
}

#[test]
fn binary_numeric_is_laid_out_as_postgresqls() {
    let mut out = BytesMut::new();
    numeric::write_numeric("12345.678", &mut out).unwrap();
    // Groups 1 2345 6780, first of weight 1, positive, 3 places: as `SELECT numeric_send(12345.678)` shows.
    assert_eq!(out.to_vec(), [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 0x09, 0x29, 0x1a, 0x7c]);
    out.clear();
    numeric::write_numeric("0.00", &mut out).unwrap();
    assert_eq!(out.to_vec(), [0, 0, 0, 0, 0, 0, 0, 2]);
}

#[test]
fn a_decimal_is_written_as_its_text_would_be() {
    let largest = 10i128.pow(38) - 1;
    let numbers =
        [0, 1, 9, 10_000, 12_345_678, 100_000_000, i128::from(u64::MAX) + 1, largest, largest - 9_999];
    for (number, scale) in numbers.iter().flat_map(|number| (-3..=38).map(move |scale| (*number, scale))) {
        for unscaled in [number, -number] {
            let (mut text, mut by_text, mut out) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
            numeric::write_decimal(unscaled, scale, &mut text);
            numeric::write_numeric(std::str::from_utf8(&text).unwrap(), &mut by_text).unwrap();
            numeric::write_numeric_of(unscaled, scale, &mut out).unwrap();
            assert_eq!(out, by_text, "{unscaled} of scale {scale}");
        }
    }
}

#[test]
fn malformed_binary_numerics_are_refused() {
    for bytes in [
        &[0u8; 3][..],
        &[0, 2, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 0, 0xc0, 0, 0, 0],
        &[0, 1, 0x7f, 0xff, 0, 0, 0, 0, 0, 1],
    ] {
        assert!(read_numeric(Bytes::copy_from_slice(bytes)).is_err(), "{bytes:?}");
    }
}

#[test]
fn floats_are_shortest_and_exact() {
    for (value, text) in [
        (0.1, "0.1"),
        (1.0, "1"),
        (-0.0, "-0"),
        (100_000.0, "100000"),
        (1e14, "100000000000000"),
        (1e15, "1e+15"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (123_456.789, "123456.789"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(shown(Arc::new(Float64Array::from(vec![value]))), text);
    }
    assert_eq!(shown(Arc::new(Float32Array::from(vec![0.1f32]))), "0.1");
    assert_eq!(shown(Arc::new(Float32Array::from(vec![1e10f32]))), "1e+10");
}

#[test]
fn days_and_instants() {
    assert_eq!(shown(Arc::new(Date32Array::from(vec![19_782]))), "2024-02-29");
    assert_eq!(shown(Arc::new(Date32Array::from(vec![-719_163]))), "0001-12-31 BC");
    assert_eq!(cell(Arc::new(Date32Array::from(vec![10_957])), None, Tz::UTC).1, 0i32.to_be_bytes());
    assert_eq!(shown(Arc::new(Time64MicrosecondArray::from(vec![34_200_250_000]))), "09:30:00.25");
    let zoned =
        || Arc::new(TimestampMicrosecondArray::from(vec![1_717_243_200_500_000]).with_timezone("UTC"));
    assert_eq!(cell(zoned(), None, Tz::UTC).0, "2024-06-01 12:00:00.5+00");
    assert_eq!(cell(zoned(), None, Tz::America__St_Johns).0, "2024-06-01 09:30:00.5-02:30");
    assert_eq!(
        cell(zoned(), None, Tz::UTC).1,
        (1_717_243_200_500_000i64 - 946_684_800_000_000).to_be_bytes()
    );
    assert_eq!(shown(Arc::new(TimestampMicrosecondArray::from(vec![-1]))), "1969-12-31 23:59:59.999999");
    let interval = |months, days, nanoseconds| {
        shown(Arc::new(IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano {
            months,
            days,
            nanoseconds,
        }])))
    };
    assert_eq!(interval(14, 3, 14_706_000_000_000), "1 year 2 mons 3 days 04:05:06");
    assert_eq!(interval(0, 0, 0), "00:00:00");
    assert_eq!(interval(0, 1, -1_000_000_000), "1 day -00:00:01");
}

#[test]
fn lists_are_quoted_where_they_must_be() {
    let mut list = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    for item in [Some("a"), Some("b c"), Some("with, comma"), Some(""), Some("NULL"), None, Some("q\"\\")] {
        list.values().append_option(item);
    }
    list.append(true);
    let (text, binary) = cell(Arc::new(list.finish()), None, Tz::UTC);
    assert_eq!(text, r#"{a,"b c","with, comma","","NULL",NULL,"q\"\\"}"#);
    assert_eq!(binary[..12], [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25], "one dimension, with nulls, of text");
}

#[test]
fn the_catalogs_own_types_are_named_in_the_metadata() {
    let vector =
        || Arc::new(ListArray::from_iter_primitive::<Int16Type, _, _>(vec![Some(vec![Some(1), Some(3)])]));
    assert_eq!(cell(vector(), Some("int2vector"), Tz::UTC).0, "1 3");
    assert_eq!(cell(vector(), None, Tz::UTC).0, "{1,3}");
    let field = Field::new("x", arrow::datatypes::DataType::Utf8, true);
    let named = |name: &str| {
        let field = field.clone().with_metadata([(PG_TYPE.to_owned(), name.to_owned())].into());
        columns_of(&Schema::new(vec![field]))[0].pg_type.oid()
    };
    assert_eq!((named("name"), named("char"), named("json"), named("bpchar")), (19, 18, 114, 1042));
    let oids = columns_of(
        &RecordBatch::try_from_iter([("o", Arc::new(UInt32Array::from(vec![1])) as ArrayRef)])
            .unwrap()
            .schema(),
    );
    assert_eq!(oids[0].pg_type.oid(), 26);
    assert_eq!(shown(Arc::new(Int16Array::from(vec![-3]))), "-3");
    assert_eq!(shown(Arc::new(BinaryArray::from_vec(vec![&[0xde, 0xad]]))), "\\xdead");
    assert_eq!(shown(Arc::new(StringArray::from(vec!["ü"]))), "ü");
}

#[test]
fn declared_decimals_tell_their_modifier() {
    let of = |precision, scale| {
        let field = Field::new("x", arrow::datatypes::DataType::Decimal128(precision, scale), true);
        columns_of(&Schema::new(vec![field]))[0].modifier
    };
    assert_eq!(of(18, 2), 1_179_654, "numeric(18,2), as in pg_attribute.atttypmod");
    assert_eq!(of(38, 6), -1, "what was computed has none");
}

#[test]
fn formats_are_none_one_or_each() {
    assert_eq!(Format::spread(&[], 2).unwrap(), [Format::Text; 2]);
    assert_eq!(Format::spread(&[1], 2).unwrap(), [Format::Binary; 2]);
    assert_eq!(Format::spread(&[0, 1], 2).unwrap(), [Format::Text, Format::Binary]);
    assert!(Format::spread(&[0, 1], 3).is_err());
    assert!(Format::spread(&[2], 1).is_err());
}
