//! Parts against those that DataFusion tells, day by day, and against what PostgreSQL 15 tells where DataFusion does not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use datafusion::{
    arrow::datatypes::Field,
    common::{ScalarValue, config::ConfigOptions},
    functions::datetime::date_part,
    logical_expr::{ColumnarValue, ScalarFunctionArgs},
};

use super::{Part, told};

fn by_datafusion(part: &str, values: &ArrayRef) -> ArrayRef {
    let part = ScalarValue::Utf8(Some(part.to_owned()));
    let fields = [("part", part.data_type()), ("value", values.data_type().clone())];
    let arguments = ScalarFunctionArgs {
        args: vec![ColumnarValue::Scalar(part), ColumnarValue::Array(Arc::clone(values))],
        arg_fields: fields.map(|(name, of)| Arc::new(Field::new(name, of, true))).to_vec(),
        number_rows: values.len(),
        return_field: Arc::new(Field::new("told", arrow::datatypes::DataType::Int32, true)),
        config_options: Arc::new(ConfigOptions::default()),
    };
    date_part().inner().invoke_with_args(arguments).unwrap().into_array(values.len()).unwrap()
}

#[test]
fn parts_are_those_of_the_calendar() {
    let days = (-700_000..1_200_000).step_by(13).map(Some).chain([None]);
    let days: Vec<Option<i64>> = days.collect();
    let micros = days
        .iter()
        .zip(0_i64..)
        .map(|(day, row)| Some((*day)? * 86_400_000_000 + row * 977_777_777 % 86_400_000_000));
    let readings: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter(micros));
    let dates: ArrayRef =
        Arc::new(Date32Array::from_iter(days.iter().map(|day| i32::try_from((*day)?).ok())));
    for part in ["isoyear", "quarter", "month", "week", "day", "dow", "isodow", "doy"] {
        for values in [&readings, &dates] {
            assert_eq!(
                &told(Part::named(part).unwrap(), values).unwrap(),
                &by_datafusion(part, values),
                "{part}"
            );
        }
    }
    for part in ["year", "hour", "minute", "microsecond"] {
        assert_eq!(
            &told(Part::named(part).unwrap(), &readings).unwrap(),
            &by_datafusion(part, &readings),
            "{part}"
        );
    }
}

#[test]
fn what_is_less_than_a_minute_keeps_its_fraction() {
    let readings: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![Some(30_500_123), Some(-1), None]));
    let seconds = Float64Array::from(vec![Some(30.500123), Some(59.999999), None]);
    assert_eq!(&told(Part::Second, &readings).unwrap(), &(Arc::new(seconds) as ArrayRef));
    let thousandths = Float64Array::from(vec![Some(30_500.123), Some(59_999.999), None]);
    assert_eq!(&told(Part::Millisecond, &readings).unwrap(), &(Arc::new(thousandths) as ArrayRef));
    let times: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![Some(36_005_500_000)]));
    for (part, expected) in [(Part::Hour, 10), (Part::Minute, 0), (Part::Microsecond, 5_500_000)] {
        assert_eq!(&told(part, &times).unwrap(), &(Arc::new(Int32Array::from(vec![expected])) as ArrayRef));
    }
    assert!(told(Part::Offset, &readings).unwrap_err().to_string().contains("it has none"));
}

#[test]
fn years_before_the_first_are_told_as_postgres_tells_them() {
    // The year of the calendar, in which 0 is the one before 1, and millennium, century, decade, year and isoyear of its first of January.
    for (year, expected) in [
        (0, [-1, -1, 0, -1, -2]),
        (-10, [-1, -1, -1, -11, -11]),
        (1, [1, 1, 0, 1, 1]),
        (2000, [2, 20, 200, 2000, 1999]),
        (2001, [3, 21, 200, 2001, 2001]),
        (-999, [-1, -10, -100, -1000, -1000]),
    ] {
        let day = super::first_day_of(year);
        let parts = [Part::Millennium, Part::Century, Part::Decade, Part::Year, Part::IsoYear];
        assert_eq!(parts.map(|part| part.of_day(day).unwrap()), expected, "{year}");
    }
}
