//! What a clock shows at an instant, and the other way round, as a function that knows its zone: nothing of it depends on the session that
//! asks, and what it gives of a literal is a literal.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, Int32Array, TimestampMicrosecondArray},
    datatypes::{DataType, TimestampMicrosecondType},
};
use chrono_tz::Tz;
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use super::{shifted, written};
use crate::{
    error::Error,
    sql::{
        pictures,
        zone::{self, Clock, UTC, instant_in, local},
    },
};

/// The name of what is made here: no statement can call it.
const NAME: &str = "by the clock";

const SECOND_MICROS: i64 = 1_000_000;
const MICROS_OF_A_SECOND: f64 = 1e6;
/// The end of what 64 bits hold.
const MICROS_END: f64 = 9.223_372_036_854_775e18;
const HOUR_SECONDS: i64 = 3_600;
const MINUTE_SECONDS: i64 = 60;

/// What is made of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Turn {
    /// A reading of an instant, an instant of a reading.
    Moved,
    /// An instant of a text; without an offset it is a reading.
    Read,
    /// A reading of a text, whose offset is left out.
    ReadAsShown,
    /// A day of a text.
    ReadDay,
    /// A text of an instant, with its offset, or of a reading.
    Written,
    /// An instant of the seconds since 1970, a `Float64`.
    OfEpoch,
    /// Seconds that the clock is ahead of UTC at an instant.
    Offset,
    /// Their whole hours.
    OffsetHours,
    /// Minutes besides the hours.
    OffsetMinutes,
}

/// What a turn by the clock of a zone makes of a value. Instants and readings are in microseconds, instants in UTC, texts `Utf8`.
pub(super) fn clocked(turn: Turn, zone: Tz, value: Expr) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::new_from_impl(Clocked { turn, zone, signature }).call(vec![value])
}

/// Whether a function says itself by which clock it goes, and depends on nothing else than its arguments.
pub(in crate::sql) fn names_its_clock(func: &ScalarUDF) -> bool {
    let of = func.inner();
    of.downcast_ref::<Clocked>().is_some()
        || of.downcast_ref::<shifted::Shifted>().is_some()
        || pictures::names_its_clock(func)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Clocked {
    turn: Turn,
    zone: Tz,
    signature: Signature,
}

impl ScalarUDFImpl for Clocked {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match (self.turn, types) {
            (Turn::Moved, [DataType::Timestamp(_, None)]) | (Turn::Read | Turn::OfEpoch, _) => {
                instant_in(UTC)
            }
            (Turn::Moved | Turn::ReadAsShown, _) => local(),
            (Turn::ReadDay, _) => DataType::Date32,
            (Turn::Written, _) => DataType::Utf8,
            (Turn::Offset | Turn::OffsetHours | Turn::OffsetMinutes, _) => DataType::Int32,
        })
    }

    /// That of what is cast, as casts have it.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return Err(Error::internal("one value").into()) };
        let clock = Clock::of(self.zone);
        if self.turn == Turn::Moved {
            return zone::by_one_clock(&clock, value);
        }
        let values = value.to_array(1)?;
        let made: ArrayRef = match self.turn {
            Turn::Read => Arc::new(written::instants(&clock, values.as_string())?),
            Turn::ReadAsShown => Arc::new(written::readings(values.as_string())?),
            Turn::ReadDay => Arc::new(written::days(values.as_string())?),
            Turn::OfEpoch => Arc::new(of_epochs(values.as_primitive())?),
            Turn::Written => Arc::new(written::texts(&clock, values.as_primitive())?),
            _ => Arc::new(self.offsets(&clock, &values)?),
        };
        Ok(match value {
            ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?),
            ColumnarValue::Array(_) => ColumnarValue::Array(made),
        })
    }
}

impl Clocked {
    fn offsets(&self, clock: &Clock, instants: &ArrayRef) -> Result<Int32Array> {
        let instants = instants.as_primitive::<TimestampMicrosecondType>();
        instants.try_unary(|instant| {
            let offset = clock.offset(instant.div_euclid(SECOND_MICROS)).ok_or_else(zone::out_of_range)?;
            let told = match self.turn {
                Turn::OffsetHours => offset / HOUR_SECONDS,
                Turn::OffsetMinutes => offset / MINUTE_SECONDS % 60,
                _ => offset,
            };
            i32::try_from(told).map_err(|_| zone::out_of_range())
        })
    }
}

/// To the nearest microsecond.
fn of_epochs(seconds: &Float64Array) -> Result<TimestampMicrosecondArray> {
    let made = seconds.try_unary::<_, TimestampMicrosecondType, _>(|seconds| {
        let micros = (seconds * MICROS_OF_A_SECOND).round_ties_even();
        let is_there = micros.abs() < MICROS_END;
        if is_there { Ok(micros as i64) } else { Err(zone::out_of_range()) }
    })?;
    Ok(made.with_timezone(UTC))
}
