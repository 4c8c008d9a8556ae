//! `AT TIME ZONE` as in PostgreSQL: of an instant it gives what a clock shows, and of what it shows the instant.
//!
//! DataFusion plans it as a cast, which leaves an instant an instant. So it is put into the statement as what it is short for,
//! `timezone(zone, value)`, before the statement is planned ([`super::meant`]); that is a function here. What clocks skip is told by the offset before the
//! change, what they show twice by the one behind it, as PostgreSQL has it (its manual, B.2).

mod abbreviations;
mod clock;

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, PrimitiveArray, TimestampMicrosecondArray},
    datatypes::{DataType, IntervalUnit, TimeUnit, TimestampMicrosecondType},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, plan_err},
    execution::FunctionRegistry,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
};

pub(super) use clock::Clock;

/// The zone of instants, wherever they are shown.
pub(super) const UTC: &str = "UTC";
/// The function.
pub(super) const NAME: &str = "timezone";

/// The type of instants that are shown in a zone.
pub(super) fn instant_in(zone: &str) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()))
}

/// The type of what clocks show.
pub(super) fn local() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// Puts the function into a registry.
///
/// # Errors
///
/// Those of the registry.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let signature = Signature::user_defined(Volatility::Immutable);
    registry.register_udf(ScalarUDF::new_from_impl(Moves { signature }).into())?;
    Ok(())
}

/// `timezone(zone, value)`. A day or a text is an instant by the session's clock, as it is to PostgreSQL: that is what the cast means which
/// makes it one (`super::instants`).
#[derive(Debug, PartialEq, Eq, Hash)]
struct Moves {
    signature: Signature,
}

impl ScalarUDFImpl for Moves {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType::{Date32, Interval, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
        let [zone, value] = types else { return plan_err!("AT TIME ZONE takes a time zone and a time") };
        let zone = match zone {
            Utf8 | LargeUtf8 | Utf8View | Null => Utf8,
            Interval(_) => Interval(IntervalUnit::MonthDayNano),
            other => return plan_err!("a time zone is a name or an interval, not {other}"),
        };
        match value {
            Timestamp(_, None) => Ok(vec![zone, local()]),
            Timestamp(_, Some(_)) | Null | Utf8 | LargeUtf8 | Utf8View | Date32 => {
                Ok(vec![zone, instant_in(UTC)])
            }
            other => plan_err!("AT TIME ZONE takes a timestamp, not {other}"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [_, DataType::Timestamp(_, None)] => Ok(instant_in(UTC)),
            _ => Ok(local()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [zone, value] = args.args.as_slice() else { return plan_err!("{NAME} takes two values") };
        match (zone, value) {
            (ColumnarValue::Scalar(zone), value) if zone.is_null() => {
                let null = ScalarValue::try_from(self.return_type(&[zone.data_type(), value.data_type()])?)?;
                Ok(ColumnarValue::Scalar(null))
            }
            (ColumnarValue::Scalar(zone), value) => by_one_clock(&clock_of(zone)?, value),
            (ColumnarValue::Array(zones), value) => {
                Ok(ColumnarValue::Array(by_many_clocks(zones, &value.to_array(args.number_rows)?)?))
            }
        }
    }
}

/// The clock that is meant by a value.
fn clock_of(zone: &ScalarValue) -> Result<Clock> {
    match zone.try_as_str().flatten() {
        Some(name) => Clock::named(name),
        None => Clock::ahead(zone),
    }
}

/// What a clock shows at instants, or the instants at which it shows something.
///
/// # Errors
///
/// For what is out of range, and what is no timestamp of microseconds.
pub(super) fn by_one_clock(clock: &Clock, value: &ColumnarValue) -> Result<ColumnarValue> {
    let values = value.to_array(1)?;
    let Some(values) = values.as_primitive_opt::<TimestampMicrosecondType>() else {
        return Err(DataFusionError::Internal(format!("{} is not moved", values.data_type())));
    };
    let moved = match is_shown(values) {
        true => values.try_unary(|shown| clock.meant(shown).ok_or_else(out_of_range))?,
        false => values.try_unary(|instant| clock.shows(instant).ok_or_else(out_of_range))?,
    };
    let moved = typed(moved, is_shown(values));
    Ok(match value {
        ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&moved, 0)?),
        ColumnarValue::Array(_) => ColumnarValue::Array(moved),
    })
}

/// Each value by its own clock.
fn by_many_clocks(zones: &ArrayRef, values: &ArrayRef) -> Result<ArrayRef> {
    let values = values.as_primitive::<TimestampMicrosecondType>();
    let is_shown = is_shown(values);
    let texts = zones.as_string_opt::<i32>();
    let is_same = |one: usize, other: usize| match texts {
        Some(texts) => texts.value(one) == texts.value(other),
        None => zones.slice(one, 1).to_data() == zones.slice(other, 1).to_data(),
    };
    let mut last: Option<(usize, Clock)> = None;
    let mut moved = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value.filter(|_| zones.is_valid(row)) else {
            moved.push(None);
            continue;
        };
        let (_, clock) = match last.take() {
            Some(known) if is_same(known.0, row) => last.insert(known),
            _ => last.insert((row, clock_of(&ScalarValue::try_from_array(zones, row)?)?)),
        };
        let there = if is_shown { clock.meant(value) } else { clock.shows(value) };
        moved.push(Some(there.ok_or_else(out_of_range)?));
    }
    Ok(typed(TimestampMicrosecondArray::from(moved), is_shown))
}

/// What clocks show has no zone.
fn is_shown(values: &TimestampMicrosecondArray) -> bool {
    matches!(values.data_type(), DataType::Timestamp(_, None))
}

/// What was moved, as what it is now.
fn typed(moved: PrimitiveArray<TimestampMicrosecondType>, was_shown: bool) -> ArrayRef {
    Arc::new(moved.with_data_type(if was_shown { instant_in(UTC) } else { local() }))
}

/// PostgreSQL's word.
pub(super) fn out_of_range() -> DataFusionError {
    exec_datafusion_err!("timestamp out of range")
}
