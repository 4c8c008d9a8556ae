//! Date buckets: a group key is an integer while it is grouped, and a label afterwards.
//!
//! Grouping by numbers is cheap; the label of each group is written once. A day's bucket is its number since
//! 1970-01-01, a month's is `year * 12 + month`, and so on; instants are first moved to local time.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Int64Array, StringViewBuilder},
    datatypes::{DataType, Date32Type, Int64Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike};
use datafusion::{
    common::{DataFusionError, Result},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use crate::{
    calendar::{DAY_SECONDS, Offsets, bucket_of, monday_of},
    objectql::Granularity,
};

const HOUR_SECONDS: i64 = 3_600;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// The bucket of a date or an instant.
pub(super) fn bucket(value: Expr, granularity: Granularity, zone: chrono_tz::Tz) -> Expr {
    ScalarUDF::new_from_impl(Bucket {
        granularity,
        zone,
        signature: Signature::any(1, Volatility::Immutable),
    })
    .call(vec![value])
}

/// The label of a bucket.
pub(super) fn label(bucket: Expr, granularity: Granularity) -> Expr {
    ScalarUDF::new_from_impl(Label {
        granularity,
        signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable),
    })
    .call(vec![bucket])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bucket {
    granularity: Granularity,
    zone: chrono_tz::Tz,
    signature: Signature,
}

impl ScalarUDFImpl for Bucket {
    fn name(&self) -> &'static str {
        "date_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = only_argument(&args)?;
        let buckets: Int64Array = match values.data_type() {
            DataType::Date32 => {
                let days = values.as_primitive::<Date32Type>();
                days.iter().map(|day| bucket_of(self.granularity, i64::from(day?))).collect()
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let offsets = Offsets::of(self.zone);
                let local = |micros: i64| {
                    let seconds = micros.div_euclid(MICROS_PER_SECOND);
                    seconds.checked_add(offsets.at(seconds)?)
                };
                let instants = values.as_primitive::<TimestampMicrosecondType>();
                instants.iter().map(|instant| self.of_local(local(instant?)?)).collect()
            }
            other => return Err(DataFusionError::Internal(format!("no date bucket of {other}"))),
        };
        Ok(ColumnarValue::Array(Arc::new(buckets)))
    }
}

impl Bucket {
    fn of_local(&self, seconds: i64) -> Option<i64> {
        match self.granularity {
            Granularity::Hour => Some(seconds.div_euclid(HOUR_SECONDS)),
            granularity => bucket_of(granularity, seconds.div_euclid(DAY_SECONDS)),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Label {
    granularity: Granularity,
    signature: Signature,
}

impl ScalarUDFImpl for Label {
    fn name(&self) -> &'static str {
        "date_label"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values = only_argument(&args)?;
        let mut labels = StringViewBuilder::with_capacity(values.len());
        for bucket in values.as_primitive::<Int64Type>() {
            labels.append_option(bucket.and_then(|bucket| self.of(bucket)));
        }
        Ok(ColumnarValue::Array(Arc::new(labels.finish())))
    }
}

impl Label {
    fn of(&self, bucket: i64) -> Option<String> {
        Some(match self.granularity {
            Granularity::Hour => {
                let local: NaiveDateTime =
                    DateTime::from_timestamp(bucket.checked_mul(3600)?, 0)?.naive_utc();
                format!("{}T{:02}", local.date(), local.hour())
            }
            Granularity::Day => day(bucket)?.to_string(),
            Granularity::Week => {
                let week = day(monday_of(bucket)?)?.iso_week();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Granularity::Month => format!("{:04}-{:02}", bucket.div_euclid(12), bucket.rem_euclid(12) + 1),
            Granularity::Quarter => format!("{:04}-Q{}", bucket.div_euclid(4), bucket.rem_euclid(4) + 1),
            Granularity::Year => format!("{bucket:04}"),
        })
    }
}

fn day(days: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(chrono::Duration::try_days(days)?)
}

fn only_argument(args: &ScalarFunctionArgs) -> Result<ArrayRef> {
    match args.args.as_slice() {
        [value] => value.to_array(args.number_rows),
        _ => Err(DataFusionError::Internal("a date bucket takes one value".into())),
    }
}
