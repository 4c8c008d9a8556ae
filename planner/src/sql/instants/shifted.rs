//! An instant and an interval: months and days are counted by the clock, the rest by the instant, one after the other, as PostgreSQL's
//! `timestamptz_pl_interval` does.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, TimestampMicrosecondArray},
    datatypes::{
        DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimestampMicrosecondType,
    },
};
use chrono::{DateTime, Months};
use chrono_tz::Tz;
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
    },
};

use super::{instant, refused};
use crate::{
    error::Error,
    sql::zone::{Clock, UTC, instant_in, out_of_range},
};

const DAY_MICROS: i64 = 86_400_000_000;
const MICRO_NANOS: i64 = 1_000;

/// The instant that comes of it.
pub(super) fn shifted(zone: Tz, is_back: bool, from: Expr, by: Expr) -> Expr {
    let signature = Signature::any(2, Volatility::Immutable);
    let by = cast(by, DataType::Interval(IntervalUnit::MonthDayNano));
    ScalarUDF::new_from_impl(Shifted { zone, is_back, signature }).call(vec![instant(from), by])
}

/// Whether an interval is known to have neither days nor months: then the clock has no part in it.
pub(super) fn has_hours_only(interval: &Expr) -> bool {
    interval.as_literal().is_some_and(refused::has_hours_only)
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Shifted {
    zone: Tz,
    is_back: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Shifted {
    fn name(&self) -> &'static str {
        "shifted by the clock"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant_in(UTC))
    }

    /// That of the sum it stands for.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names = args.iter().map(|arg| arg.schema_name().to_string());
        Ok(names.collect::<Vec<_>>().join(if self.is_back { " - " } else { " + " }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [from, by] = args.args.as_slice() else { return Err(Error::internal("a sum of two").into()) };
        let is_one = [from, by].iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_one { 1 } else { args.number_rows };
        let (from, by) = (from.to_array(rows)?, by.to_array(rows)?);
        let clock = Clock::of(self.zone);
        let from = from.as_primitive::<TimestampMicrosecondType>();
        let by = by.as_primitive::<IntervalMonthDayNanoType>();
        let each = from.iter().zip(by.iter()).map(|(from, by)| match (from, by) {
            (Some(from), Some(by)) => self.one(&clock, from, by).ok_or_else(out_of_range).map(Some),
            _ => Ok(None),
        });
        let there: TimestampMicrosecondArray = each.collect::<Result<_>>()?;
        let there: ArrayRef = Arc::new(there.with_timezone(UTC));
        Ok(match is_one {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&there, 0)?),
            false => ColumnarValue::Array(there),
        })
    }
}

impl Shifted {
    fn one(&self, clock: &Clock, from: i64, by: IntervalMonthDayNano) -> Option<i64> {
        let sign = if self.is_back { -1 } else { 1 };
        let mut at = from;
        if by.months != 0 {
            let shown = DateTime::from_timestamp_micros(clock.shows(at)?)?;
            let months = by.months.checked_mul(sign)?;
            let count = Months::new(months.unsigned_abs());
            let shown = if months > 0 {
                shown.checked_add_months(count)?
            } else {
                shown.checked_sub_months(count)?
            };
            at = clock.meant(shown.timestamp_micros())?;
        }
        if by.days != 0 {
            let days = i64::from(by.days).checked_mul(i64::from(sign))?.checked_mul(DAY_MICROS)?;
            at = clock.meant(clock.shows(at)?.checked_add(days)?)?;
        }
        at.checked_add((by.nanoseconds / MICRO_NANOS).checked_mul(i64::from(sign))?)
    }
}
