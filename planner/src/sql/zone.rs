//! `AT TIME ZONE` as in PostgreSQL: of an instant it gives what the clocks of a zone show, and of what they show the instant.
//!
//! DataFusion plans it as a cast, which leaves an instant an instant. So it is put into the statement as what it is short for,
//! `timezone(zone, value)`, before the statement is planned; that is a function here. What clocks skip is told by the offset before the
//! change, what they show twice by the one behind it, as PostgreSQL has it (its manual, B.2).

use std::{ops::ControlFlow, str::FromStr, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray},
    compute::{CastOptions, cast_with_options},
    datatypes::{TimeUnit, TimestampMicrosecondType},
};
use chrono::{DateTime, Duration, LocalResult, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use datafusion::{
    arrow::datatypes::DataType,
    common::{DataFusionError, Result, ScalarValue, plan_err},
    execution::FunctionRegistry,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility},
    sql::sqlparser::ast::{
        Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
        ObjectName, ObjectNamePart, Statement, Value, visit_expressions_mut,
    },
};

use crate::calendar::Offsets;

/// The zone of instants, wherever they are shown.
pub(super) const UTC: &str = "UTC";
/// The function.
const NAME: &str = "timezone";
/// Clocks skip no more than a day.
const SKIPPED_HOURS_MAX: i64 = 26;

/// The type of instants that are shown in a zone.
pub(super) fn instant_in(zone: &str) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()))
}

/// The type of what clocks show.
fn local() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// A zone by its name, in any case.
///
/// # Errors
///
/// A name that is none.
pub(super) fn named(name: &str) -> Result<Tz> {
    let in_any_case =
        || chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied();
    let known = Tz::from_str(name).ok().or_else(in_any_case);
    known.ok_or_else(|| DataFusionError::Plan(format!("time zone {name:?} is not known")))
}

/// Puts the function into a registry.
///
/// # Errors
///
/// Those of the registry.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let signature = Signature::user_defined(Volatility::Stable);
    registry.register_udf(ScalarUDF::new_from_impl(Moves { signature }).into())?;
    Ok(())
}

/// Writes every `AT TIME ZONE` of a statement as the call that it stands for.
pub(super) fn as_calls(statement: &mut Statement) {
    let none = || Expr::Value(Value::Null.into());
    let written = visit_expressions_mut(statement, |expr| {
        if let Expr::AtTimeZone { timestamp, time_zone } = expr {
            let value = std::mem::replace(timestamp.as_mut(), none());
            let zone = std::mem::replace(time_zone.as_mut(), none());
            *expr = call([zone, value]);
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(written.is_continue(), "nothing breaks the walk off");
}

fn call(arguments: [Expr; 2]) -> Expr {
    let args = arguments.map(|argument| FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))).into();
    let args = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(NAME))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `timezone(zone, value)`. A day or a text is an instant by the session's clock, as it is to PostgreSQL.
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
        use DataType::{Date32, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
        let [zone, value] = types else { return plan_err!("AT TIME ZONE takes a time zone and a time") };
        if !matches!(zone, Utf8 | LargeUtf8 | Utf8View | Null) {
            return plan_err!("a time zone is a name, not {zone}");
        }
        let value = match value {
            Timestamp(_, None) => local(),
            Timestamp(_, Some(_)) | Null => instant_in(UTC),
            Utf8 | LargeUtf8 | Utf8View => Utf8,
            Date32 => Date32,
            other => return plan_err!("AT TIME ZONE takes a timestamp, not {other}"),
        };
        Ok(vec![Utf8, value])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [_, DataType::Timestamp(_, None)] => Ok(instant_in(UTC)),
            _ => Ok(local()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [zone, value] = args.args.as_slice() else { return plan_err!("{NAME} takes two values") };
        let is_one = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let session = args.config_options.execution.time_zone.as_deref().unwrap_or(UTC);
        let rows = if is_one(zone) && is_one(value) { 1 } else { args.number_rows };
        let zones = zone.to_array(if is_one(zone) { 1 } else { rows })?;
        let moved = moved(&zones, &value.to_array(rows)?, session)?;
        match is_one(zone) && is_one(value) {
            true => ScalarValue::try_from_array(&moved, 0).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(moved)),
        }
    }
}

/// Each value by its zone, or all by the one that there is.
fn moved(zones: &ArrayRef, values: &ArrayRef, session: &str) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let is_local = *values.data_type() == local();
    let values = match values.data_type() {
        DataType::Timestamp(..) => Arc::clone(values),
        _ => cast_with_options(values, &instant_in(session), &strict)?,
    };
    let zones = cast_with_options(zones, &DataType::Utf8, &strict)?;
    let (zones, values) = (zones.as_string::<i32>(), values.as_primitive::<TimestampMicrosecondType>());
    let mut last: Option<(usize, Tz, Arc<Offsets>)> = None;
    let mut moved = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let at = if zones.len() == 1 { 0 } else { row };
        let Some(value) = value.filter(|_| zones.is_valid(at)) else {
            moved.push(None);
            continue;
        };
        let (_, zone, offsets) = match last.take() {
            Some(known) if known.0 == at || zones.value(known.0) == zones.value(at) => last.insert(known),
            _ => {
                let zone = named(zones.value(at))?;
                last.insert((at, zone, Offsets::of(zone)))
            }
        };
        let there = if is_local { instant_of(*zone, value) } else { clock_of(offsets, value) };
        let there = there.ok_or_else(|| {
            let message = format!("timestamp out of range in the time zone {:?}", zones.value(at));
            DataFusionError::Execution(message)
        })?;
        moved.push(Some(there));
    }
    let moved = TimestampMicrosecondArray::from(moved);
    Ok(if is_local { Arc::new(moved.with_timezone(UTC)) } else { Arc::new(moved) })
}

/// What the clocks of a zone show at an instant.
fn clock_of(offsets: &Offsets, micros: i64) -> Option<i64> {
    let offset = offsets.at(micros.div_euclid(1_000_000))?;
    micros.checked_add(offset.checked_mul(1_000_000)?)
}

/// When the clocks of a zone show it.
fn instant_of(zone: Tz, micros: i64) -> Option<i64> {
    let clock = DateTime::<Utc>::from_timestamp_micros(micros)?.naive_utc();
    let offset_at = |clock: NaiveDateTime| match zone.offset_from_local_datetime(&clock) {
        LocalResult::Single(offset) => Some(offset.fix().local_minus_utc()),
        LocalResult::Ambiguous(_, behind) => Some(behind.fix().local_minus_utc()),
        LocalResult::None => None,
    };
    let before = |hours: i64| offset_at(clock.checked_sub_signed(Duration::hours(hours))?);
    let offset = (0..=SKIPPED_HOURS_MAX).find_map(before)?;
    micros.checked_sub(i64::from(offset).checked_mul(1_000_000)?)
}

#[cfg(test)]
mod tests;
