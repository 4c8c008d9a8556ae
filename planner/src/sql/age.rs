//! `age(later, earlier)`: years and months, days, and the rest, one after the other, as PostgreSQL's `timestamp_age` counts them. Instants are told
//! by the session's clock.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, IntervalMonthDayNanoArray},
    datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimestampMicrosecondType},
};
use datafusion::{
    common::{Result, ScalarValue, plan_err},
    execution::FunctionRegistry,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};

use super::zone::{local, out_of_range};
use crate::calendar::{DAY_SECONDS, date_of};

const NAME: &str = "age";

const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = DAY_SECONDS * SECOND_MICROS;
const MICRO_NANOS: i64 = 1_000;
const MONTHS: i64 = 12;

/// Puts the function into a registry.
///
/// # Errors
///
/// Those of the registry.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let signature = Signature::user_defined(Volatility::Immutable);
    registry.register_udf(ScalarUDF::new_from_impl(Age { signature }).into())?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Age {
    signature: Signature,
}

impl ScalarUDFImpl for Age {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType::{Date32, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
        let tells_time =
            |one: &DataType| matches!(one, Timestamp(..) | Date32 | Utf8 | LargeUtf8 | Utf8View | Null);
        match types {
            [later, earlier] if tells_time(later) && tells_time(earlier) => Ok(vec![local(), local()]),
            _ => plan_err!("{NAME} takes two timestamps"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Interval(IntervalUnit::MonthDayNano))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [later, earlier] = args.args.as_slice() else { return plan_err!("{NAME} takes two timestamps") };
        let is_one = [later, earlier].iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_one { 1 } else { args.number_rows };
        let (later, earlier) = (later.to_array(rows)?, earlier.to_array(rows)?);
        let later = later.as_primitive::<TimestampMicrosecondType>();
        let earlier = earlier.as_primitive::<TimestampMicrosecondType>();
        let each = later.iter().zip(earlier.iter()).map(|(later, earlier)| match (later, earlier) {
            (Some(later), Some(earlier)) => age(later, earlier).ok_or_else(out_of_range).map(Some),
            _ => Ok(None),
        });
        let ages: ArrayRef = Arc::new(each.collect::<Result<IntervalMonthDayNanoArray>>()?);
        Ok(match is_one {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&ages, 0)?),
            false => ColumnarValue::Array(ages),
        })
    }
}

/// From one reading to another, in microseconds.
fn age(later: i64, earlier: i64) -> Option<IntervalMonthDayNano> {
    let is_back = later < earlier;
    let sign = if is_back { -1 } else { 1 };
    let day_of = |reading: i64| date_of(reading.div_euclid(DAY_MICROS));
    let ((year, month, day), (to_year, to_month, to_day)) = (day_of(earlier)?, day_of(later)?);
    let mut micros = (later.rem_euclid(DAY_MICROS) - earlier.rem_euclid(DAY_MICROS)) * sign;
    let mut days = (to_day - day) * sign;
    let mut months = ((to_year - year) * MONTHS + to_month - month) * sign;
    if micros < 0 {
        (micros, days) = (micros + DAY_MICROS, days - 1);
    }
    // The month that is not over is as long as that from which it is counted.
    let length = if is_back { days_of(to_year, to_month) } else { days_of(year, month) };
    while days < 0 {
        (days, months) = (days + length, months - 1);
    }
    Some(IntervalMonthDayNano::new(
        i32::try_from(months * sign).ok()?,
        i32::try_from(days * sign).ok()?,
        (micros * sign).checked_mul(MICRO_NANOS)?,
    ))
}

/// Of a month, of which January is 0.
fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 if is_leap => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}
