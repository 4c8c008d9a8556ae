//! `extract` and `date_part` of days and readings, by arithmetic: DataFusion's own makes a calendar of [`chrono`] for each row, and tells
//! whole seconds where PostgreSQL tells their fraction. That an instant is read by the session's clock, [`super::instants`] sees to.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray},
    compute::cast,
    datatypes::{
        DataType, Date32Type, Field, FieldRef, Float64Type, Int32Type, Time64MicrosecondType, TimeUnit,
        TimestampMicrosecondType,
    },
};
use datafusion::{
    common::{Result, ScalarValue, not_impl_err},
    execution::FunctionRegistry,
    logical_expr::{
        ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
        Signature, preimage::PreimageResult, simplify::SimplifyContext,
    },
};

use super::zone::{local, out_of_range};
use crate::calendar::{DAY_SECONDS, date_of, first_day_of, iso_week_of, weekday_of};

/// The function.
const NAME: &str = "date_part";

const SECOND_MICROS: i64 = 1_000_000;
const MINUTE_MICROS: i64 = 60 * SECOND_MICROS;
const HOUR_MICROS: i64 = 60 * MINUTE_MICROS;
const DAY_MICROS: i64 = DAY_SECONDS * SECOND_MICROS;

/// Puts it into a registry in place of DataFusion's.
///
/// # Errors
///
/// Where DataFusion has none.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let plain = registry.udf(NAME)?;
    let signature = plain.signature().clone();
    registry.register_udf(Arc::new(ScalarUDF::new_from_impl(Parts { plain, signature })))?;
    Ok(())
}

/// A part of a day or of a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[rustfmt::skip]
enum Part {
    Millennium, Century, Decade, Year, IsoYear, Quarter, Month, Week, Day, DayOfWeek, IsoDayOfWeek, DayOfYear,
    Hour, Minute, Second, Millisecond, Microsecond,
    /// `timezone` and its like, which readings do not have.
    Offset,
}

impl Part {
    /// By its names in PostgreSQL.
    fn named(name: &str) -> Option<Part> {
        Some(match name.trim_matches(['\'', '"']).to_ascii_lowercase().as_str() {
            "millennium" | "millennia" | "mil" | "mils" => Part::Millennium,
            "century" | "centuries" | "cent" | "c" => Part::Century,
            "decade" | "decades" | "dec" | "decs" => Part::Decade,
            "year" | "years" | "y" | "yr" | "yrs" => Part::Year,
            "isoyear" => Part::IsoYear,
            "quarter" | "qtr" => Part::Quarter,
            "month" | "months" | "mon" | "mons" => Part::Month,
            "week" | "weeks" | "w" => Part::Week,
            "day" | "days" | "d" => Part::Day,
            "dow" => Part::DayOfWeek,
            "isodow" => Part::IsoDayOfWeek,
            "doy" => Part::DayOfYear,
            "hour" | "hours" | "h" | "hr" | "hrs" => Part::Hour,
            "minute" | "minutes" | "m" | "min" | "mins" => Part::Minute,
            "second" | "seconds" | "s" | "sec" | "secs" => Part::Second,
            "millisecond" | "milliseconds" | "msec" | "msecs" | "msecond" | "mseconds" | "ms" => {
                Part::Millisecond
            }
            "microsecond" | "microseconds" | "usec" | "usecs" | "usecond" | "useconds" | "us" => {
                Part::Microsecond
            }
            "timezone" | "timezone_hour" | "timezone_minute" => Part::Offset,
            _ => return None,
        })
    }

    fn of(name: &ScalarValue) -> Option<Part> {
        Part::named(name.try_as_str().flatten()?)
    }

    fn has_fractions(self) -> bool {
        matches!(self, Part::Second | Part::Millisecond)
    }

    /// Of a time of day.
    fn of_time(self, micros: i64) -> Option<i64> {
        Some(match self {
            Part::Hour => micros / HOUR_MICROS,
            Part::Minute => micros % HOUR_MICROS / MINUTE_MICROS,
            Part::Microsecond => micros % MINUTE_MICROS,
            _ => return None,
        })
    }

    /// Of a day; none where the calendar has no such day, or a day no such part.
    #[inline]
    fn of_day(self, day: i64) -> Option<i64> {
        // There is no year 0: the one before 1 is told as -1.
        let told = |year: i64| if year > 0 { year } else { year - 1 };
        let year = || date_of(day).map(|(year, ..)| year);
        Some(match self {
            Part::Millennium => {
                year().map(|year| if year > 0 { (year + 999) / 1_000 } else { (year - 1_000) / 1_000 })?
            }
            Part::Century => {
                year().map(|year| if year > 0 { (year + 99) / 100 } else { (year - 100) / 100 })?
            }
            Part::Decade => year()?.div_euclid(10),
            Part::Year => told(year()?),
            Part::IsoYear => told(iso_week_of(day)?.0),
            Part::Quarter => date_of(day)?.1 / 3 + 1,
            Part::Month => date_of(day)?.1 + 1,
            Part::Week => iso_week_of(day)?.1,
            Part::Day => date_of(day)?.2,
            Part::DayOfWeek => (weekday_of(day) + 1) % 7,
            Part::IsoDayOfWeek => weekday_of(day) + 1,
            Part::DayOfYear => day - first_day_of(year()?) + 1,
            _ => return None,
        })
    }

    /// What is less than a minute, in seconds or thousandths of them.
    fn fraction(self, micros: i64) -> f64 {
        let unit = if self == Part::Second { 1e6 } else { 1e3 };
        // Fewer than 60 million are exact.
        i32::try_from(micros.rem_euclid(MINUTE_MICROS)).map_or(0.0, f64::from) / unit
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Parts {
    plain: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Parts {
    fn name(&self) -> &str {
        self.plain.name()
    }

    fn aliases(&self) -> &[String] {
        self.plain.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.plain.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let part = arguments.scalar_arguments.first().copied().flatten().and_then(Part::of);
        match (part, arguments.arg_fields) {
            (Some(part), [_, of]) if is_told(part, of.data_type()) => {
                Ok(Arc::new(Field::new(NAME, returned(part), of.is_nullable())))
            }
            _ => self.plain.inner().return_field_from_args(arguments),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(name), value] = arguments.args.as_slice() else {
            return self.plain.inner().invoke_with_args(arguments);
        };
        let Some(part) = Part::of(name).filter(|part| is_told(*part, &value.data_type())) else {
            return self.plain.inner().invoke_with_args(arguments);
        };
        let told = told(part, &value.to_array(1)?)?;
        Ok(match value {
            ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&told, 0)?),
            ColumnarValue::Array(_) => ColumnarValue::Array(told),
        })
    }

    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        self.plain.inner().preimage(args, literal, info)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.plain.inner().documentation()
    }
}

/// Whether a part of such values is told here.
fn is_told(part: Part, of: &DataType) -> bool {
    match of {
        DataType::Timestamp(..) | DataType::Date32 => true,
        DataType::Time64(_) => part.has_fractions() || part.of_time(0).is_some(),
        _ => false,
    }
}

fn returned(part: Part) -> DataType {
    if part.has_fractions() { DataType::Float64 } else { DataType::Int32 }
}

fn told(part: Part, values: &ArrayRef) -> Result<ArrayRef> {
    if part == Part::Offset {
        return not_impl_err!("a time zone of {} is not supported: it has none", values.data_type());
    }
    Ok(match values.data_type() {
        DataType::Date32 => {
            let days = values.as_primitive::<Date32Type>();
            match part.has_fractions() {
                true => Arc::new(days.unary::<_, Float64Type>(|_| 0.0)),
                false => numbers(days, |day| part.of_day(i64::from(day)).or_else(|| part.of_time(0)))?,
            }
        }
        DataType::Time64(_) => {
            let times = cast(values, &DataType::Time64(TimeUnit::Microsecond))?;
            let times = times.as_primitive::<Time64MicrosecondType>();
            match part.has_fractions() {
                true => Arc::new(times.unary::<_, Float64Type>(|micros| part.fraction(micros))),
                false => numbers(times, |micros| part.of_time(micros))?,
            }
        }
        // Instants are read by the clock of UTC, where nobody has asked for another one.
        _ => {
            let readings = cast(values, &local())?;
            let readings = readings.as_primitive::<TimestampMicrosecondType>();
            match part.has_fractions() {
                true => Arc::new(readings.unary::<_, Float64Type>(|micros| part.fraction(micros))),
                false if part.of_time(0).is_some() => {
                    numbers(readings, |micros| part.of_time(micros.rem_euclid(DAY_MICROS)))?
                }
                false => numbers(readings, |micros| part.of_day(micros.div_euclid(DAY_MICROS)))?,
            }
        }
    })
}

fn numbers<T: ArrowPrimitiveType>(
    values: &PrimitiveArray<T>,
    number: impl Fn(T::Native) -> Option<i64>,
) -> Result<ArrayRef> {
    let told = values.try_unary::<_, Int32Type, _>(|value| {
        number(value).and_then(|number| i32::try_from(number).ok()).ok_or_else(out_of_range)
    })?;
    Ok(Arc::new(told))
}

#[cfg(test)]
mod tests;
