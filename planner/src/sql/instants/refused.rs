//! What would go by another clock than the session's, and is refused by name.

use arrow::{compute::kernels::cast_utils::parse_interval_month_day_nano, datatypes::DataType};
use chrono_tz::Tz;
use datafusion::{
    common::{DFSchema, DataFusionError, Result, ScalarValue, not_impl_err, plan_datafusion_err, plan_err},
    logical_expr::{Expr, ExprSchemable, WindowFrameBound, WindowFrameUnits, expr::WindowFunction},
};

use super::{is_instant, is_of_clocks, is_text};

/// Another number of arguments than a function takes.
pub(super) fn arguments(function: &str) -> DataFusionError {
    plan_datafusion_err!("no function matches {function} with such arguments")
}

/// A number is no instant, in PostgreSQL neither.
pub(super) fn number(from: &DataType) -> DataFusionError {
    plan_datafusion_err!("cannot cast {from} to a timestamp: use to_timestamp")
}

/// `TRY_CAST`, which is not PostgreSQL's.
pub(super) fn trying(from: &DataType, to: &DataType, zone: Tz) -> Result<()> {
    let goes_by_a_clock = (is_instant(from) && (is_of_clocks(to) || is_text(to)))
        || (is_instant(to) && (is_of_clocks(from) || is_text(from)));
    if goes_by_a_clock && zone != Tz::UTC {
        return not_impl_err!(
            "TRY_CAST of {from} to {to} is not supported in the time zone {zone}: use CAST"
        );
    }
    within(from, to, zone)
}

/// Instants within lists and the like that would become something else, or come of it.
pub(super) fn within(from: &DataType, to: &DataType, zone: Tz) -> Result<()> {
    if zone == Tz::UTC || !(from.is_nested() || to.is_nested()) || has_instants(from) == has_instants(to) {
        return Ok(());
    }
    if matches!(from, DataType::List(item) if item.data_type().is_null()) {
        return Ok(());
    }
    not_impl_err!(
        "a cast of {from} to {to} is not supported in the time zone {zone}: unnest it, and cast its items"
    )
}

/// Whether there are instants in it.
pub(super) fn has_instants(data_type: &DataType) -> bool {
    use DataType::{FixedSizeList, LargeList, List, ListView, Struct};
    match data_type {
        List(item) | LargeList(item) | ListView(item) | FixedSizeList(item, _) => {
            has_instants(item.data_type())
        }
        Struct(fields) => fields.iter().any(|field| has_instants(field.data_type())),
        other => is_instant(other),
    }
}

/// Days among instants, where no cast can be put.
pub(super) fn days_among(types: &[DataType], place: &str) -> Result<()> {
    let is_day = |one: &DataType| matches!(one, DataType::Date32 | DataType::Date64);
    if types.iter().any(is_instant) && types.iter().any(is_day) {
        return not_impl_err!(
            "{place} with both timestamptz and date is not supported: cast the dates to timestamptz"
        );
    }
    Ok(())
}

/// Frames that reach so many days or months by the clock.
pub(super) fn frame(function: &WindowFunction, schema: &DFSchema, zone: Tz) -> Result<()> {
    let params = &function.params;
    let frame = &params.window_frame;
    if zone == Tz::UTC || frame.units != WindowFrameUnits::Range {
        return Ok(());
    }
    let of_instants = params.order_by.first().map(|key| key.expr.get_type(schema)).transpose()?;
    if of_instants.is_none_or(|of| !is_instant(&of)) {
        return Ok(());
    }
    for bound in [&frame.start_bound, &frame.end_bound] {
        let (WindowFrameBound::Preceding(reach) | WindowFrameBound::Following(reach)) = bound else {
            continue;
        };
        if reach.is_null() || has_hours_only(reach) {
            continue;
        }
        return not_impl_err!(
            "RANGE of days or months over timestamptz is not supported in the time zone {zone}: \
             order by the value AT TIME ZONE, or give hours"
        );
    }
    Ok(())
}

/// Whether an interval has neither days nor months.
pub(super) fn has_hours_only(interval: &ScalarValue) -> bool {
    match interval {
        ScalarValue::IntervalMonthDayNano(Some(interval)) => interval.months == 0 && interval.days == 0,
        ScalarValue::IntervalDayTime(Some(interval)) => interval.days == 0,
        ScalarValue::DurationSecond(_)
        | ScalarValue::DurationMillisecond(_)
        | ScalarValue::DurationMicrosecond(_)
        | ScalarValue::DurationNanosecond(_) => true,
        _ => false,
    }
}

/// `date_bin` of months, which PostgreSQL refuses too.
pub(super) fn bins(arguments: &[Expr]) -> Result<()> {
    let stride = arguments.first().and_then(|stride| written(stride).as_literal());
    let read = |text: &str| parse_interval_month_day_nano(text).ok();
    let of_text = stride.and_then(|stride| stride.try_as_str().flatten()).and_then(read);
    let of_text = of_text.map(|stride| ScalarValue::IntervalMonthDayNano(Some(stride)));
    match of_text.as_ref().or(stride) {
        Some(ScalarValue::IntervalMonthDayNano(Some(stride))) if stride.months == 0 => Ok(()),
        Some(ScalarValue::IntervalDayTime(_)) => Ok(()),
        Some(stride) if stride.is_null() => Ok(()),
        Some(_) => plan_err!("timestamps cannot be binned into intervals containing months or years"),
        None => not_impl_err!("date_bin of timestamptz with a stride that is no literal is not supported"),
    }
}

/// What is cast.
fn written(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => written(&cast.expr),
        other => other,
    }
}
