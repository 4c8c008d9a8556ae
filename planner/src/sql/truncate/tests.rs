//! What is truncated in buckets is what DataFusion truncates one by one, in zones with odd clocks, around their changes too.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{ArrayRef, TimestampMicrosecondArray, TimestampNanosecondArray},
        datatypes::Field,
    },
    common::{ScalarValue, config::ConfigOptions},
    functions::datetime::date_trunc,
    logical_expr::{ColumnarValue, ScalarFunctionArgs},
};

use super::buckets;

const ZONES: [&str; 8] = [
    "America/New_York",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
];
const UNITS: [&str; 5] = ["day", "WEEK", "month", "quarter", "Year"];

fn arguments(unit: &str, instants: ArrayRef) -> ScalarFunctionArgs {
    let (rows, data_type) = (instants.len(), instants.data_type().clone());
    let unit = ScalarValue::Utf8View(Some(unit.to_owned()));
    let fields = [Field::new("unit", unit.data_type(), true), Field::new("instant", data_type.clone(), true)];
    ScalarFunctionArgs {
        args: vec![ColumnarValue::Scalar(unit), ColumnarValue::Array(instants)],
        arg_fields: fields.map(Arc::new).to_vec(),
        number_rows: rows,
        return_field: Arc::new(Field::new("truncated", data_type, true)),
        config_options: Arc::new(ConfigOptions::default()),
    }
}

/// Two thousand instants from 1901 to 2099, half of them between 2005 and 2027, some of them missing.
fn instants(seed: i64) -> Vec<Option<i64>> {
    let mut state = seed.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move |from: i64, until: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        from + i64::try_from(state >> 33).unwrap() % (until - from)
    };
    let one = |row: i64| match row % 20 {
        0 => None,
        1..10 => Some(random(-2_177_000_000, 4_070_000_000)),
        _ => Some(random(1_104_000_000, 1_798_000_000)),
    };
    (0..2_000).map(one).collect()
}

fn compare(unit: &str, instants: &ArrayRef) {
    let plain = |arguments| date_trunc().inner().invoke_with_args(arguments);
    let expected = plain(arguments(unit, Arc::clone(instants))).unwrap().into_array(instants.len()).unwrap();
    let got = buckets::truncated(&arguments(unit, Arc::clone(instants)), plain).unwrap();
    let got = got.expect("they are truncated in buckets").into_array(instants.len()).unwrap();
    assert_eq!(&got, &expected, "{unit}, {}", instants.data_type());
}

#[test]
fn in_buckets_comes_what_comes_one_by_one() {
    for (zone, seed) in ZONES.into_iter().zip(1..) {
        // Each quarter of an hour around the changes of 2009 and 2018, and before midnights that are none.
        let around = |from: i64| (0..400).map(move |quarter| Some(from + quarter * 900 + 59));
        let around =
            [1_256_900_000, 1_541_200_000, 1_238_000_000, 1_325_100_000].into_iter().flat_map(around);
        let seconds: Vec<Option<i64>> = instants(seed).into_iter().chain(around).collect();
        let micros = seconds.iter().map(|seconds| seconds.map(|seconds| seconds * 1_000_000 + 7));
        let nanos = seconds.iter().map(|seconds| seconds.map(|seconds| seconds * 1_000_000_000 + 7));
        let micros: TimestampMicrosecondArray = micros.collect();
        let nanos: TimestampNanosecondArray = nanos.collect();
        for unit in UNITS {
            compare(unit, &(Arc::new(micros.clone()) as ArrayRef));
            compare(unit, &(Arc::new(micros.clone().with_timezone(zone)) as ArrayRef));
            compare(unit, &(Arc::new(nanos.clone()) as ArrayRef));
            compare(unit, &(Arc::new(nanos.clone().with_timezone(zone)) as ArrayRef));
        }
    }
}

#[test]
fn what_is_odd_is_left_to_the_plain_function() {
    let plain = |_| -> datafusion::common::Result<ColumnarValue> { panic!("nothing stands for these") };
    let far: TimestampMicrosecondArray = std::iter::repeat_n(Some(7_000_000_000_000_000), 100).collect();
    let none: TimestampMicrosecondArray = std::iter::repeat_n(None, 100).collect();
    let near: TimestampMicrosecondArray = std::iter::repeat_n(Some(1_000_000_000_000_000), 100).collect();
    let cases = [
        ("day", far.with_timezone("Europe/Berlin")),
        ("day", none.with_timezone("Europe/Berlin")),
        ("hour", near.clone().with_timezone("Europe/Berlin")),
        ("fortnight", near.clone().with_timezone("Europe/Berlin")),
        ("day", near.with_timezone("+02:00")),
    ];
    for (unit, instants) in cases {
        let left = buckets::truncated(&arguments(unit, Arc::new(instants)), plain).unwrap();
        assert!(left.is_none(), "{unit}");
    }
    let short: TimestampMicrosecondArray = std::iter::repeat_n(Some(1), 3).collect();
    let left = buckets::truncated(&arguments("day", Arc::new(short.with_timezone("UTC"))), plain).unwrap();
    assert!(left.is_none());
}
