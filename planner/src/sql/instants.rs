//! Where an instant becomes a day, an hour or a text, and where one of these becomes an instant, the session's clock decides, as in
//! PostgreSQL. DataFusion goes by UTC, or by the zone of a value's type, which says nothing here.
//!
//! Once all types of a plan fit, every such step stands in it: as a cast, which the planner has put there where it was not written, as
//! a sum with an interval, or as one of a few functions. Each is put in other words here, which name the clock; so what is kept of a plan
//! is kept for one zone. What can't be said in other words is refused. On the same way numbers are rounded before they are cast (`super::rounding`).
//!
//! | step | PostgreSQL goes by | here |
//! |---|---|---|
//! | `timestamptz` to `date`, `time`, `timestamp` | the clock at the instant | [`moved::clocked`], and the cast of what it shows |
//! | `date`, `timestamp` to `timestamptz` | the clock; skipped readings by the offset before, double ones by the one behind | the same |
//! | `timestamptz` to and from text | the clock, with its offset behind | [`written`] |
//! | comparisons, `IN`, `CASE`, `coalesce`, set operations of both | the clock: the instant counts | [`meets`], and the cast |
//! | `date ± interval` | no clock: a reading, with its hours | [`days`] |
//! | `timestamptz ± interval` | months and days by the clock, the rest by the instant | [`shifted`] |
//! | `extract`, `date_part` | the clock; `epoch` by the instant | what the clock shows |
//! | `date_trunc` | the clock, or the one that is named | `super::truncate` |
//! | `to_timestamp(seconds)` | the instant, whatever the clock shows | [`epochs`] |
//! | `to_char` | the clock | `super::pictures` |
//! | `RANGE` frames of days and months, `date_bin` of months, arrays that change so | the clock | refused |

mod days;
mod epochs;
mod meets;
mod moved;
mod refused;
mod shifted;
pub(super) mod written;

use std::{str::FromStr, sync::Arc};

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::{
    common::{
        DFSchema, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{
        BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, ScalarUDF, cast, expr::ScalarFunction,
        expr_rewriter::NamePreserver, utils::merge_schema,
    },
    optimizer::AnalyzerRule,
};

pub(crate) use days::DaysBecomeReadings;
pub(crate) use epochs::EpochsAreInstants;
pub(crate) use meets::{InstantsPrevail, SetsAgree};
pub(super) use moved::names_its_clock;

use self::moved::{Turn, clocked};
use super::{
    pictures, rounding,
    zone::{UTC, instant_in, local},
};

/// The rule.
#[derive(Debug)]
pub(crate) struct ByTheClock;

impl AnalyzerRule for ByTheClock {
    fn name(&self) -> &'static str {
        "by_the_clock"
    }

    fn analyze(&self, plan: LogicalPlan, options: &ConfigOptions) -> Result<LogicalPlan> {
        // Plans of no session are ours, and say what they mean.
        let Some(zone) = options.execution.time_zone.as_deref() else { return Ok(plan) };
        let zone = Tz::from_str(zone).unwrap_or(Tz::UTC);
        Ok(plan.transform_up_with_subqueries(|plan| told(plan, zone))?.data)
    }
}

/// One node by the clock. Its columns keep their names and types.
fn told(plan: LogicalPlan, zone: Tz) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
    }
    let names = NamePreserver::new(&plan);
    let told = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let told = expr.transform_up(|expr| by_the_clock(expr, &schema, zone))?;
        Ok(told.update_data(|expr| name.restore(expr)))
    })?;
    if told.transformed { told.map_data(LogicalPlan::recompute_schema) } else { Ok(told) }
}

fn by_the_clock(expr: Expr, schema: &DFSchema, zone: Tz) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr, field }) => {
            let from = expr.get_type(schema)?;
            if let Some(value) = rounding::before_cast(&expr, (&from, field.data_type())) {
                return Ok(Transformed::yes(Expr::Cast(Cast { expr: Box::new(value), field })));
            }
            match converted(&expr, (&from, field.data_type()), zone)? {
                Some(told) => Ok(Transformed::yes(told)),
                None => Ok(Transformed::no(Expr::Cast(Cast { expr, field }))),
            }
        }
        Expr::TryCast(tried) => {
            refused::trying(&tried.expr.get_type(schema)?, tried.field.data_type(), zone)?;
            Ok(Transformed::no(Expr::TryCast(tried)))
        }
        Expr::BinaryExpr(sum) if matches!(sum.op, Operator::Plus | Operator::Minus) => {
            match shifted_sum(&sum, schema, zone)? {
                Some(told) => Ok(Transformed::yes(told)),
                None => Ok(Transformed::no(Expr::BinaryExpr(sum))),
            }
        }
        Expr::ScalarFunction(call) => of_function(call, schema, zone),
        Expr::WindowFunction(function) => {
            refused::frame(&function, schema, zone)?;
            Ok(Transformed::no(Expr::WindowFunction(function)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(_, Some(_)))
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, of) => is_text(of),
        _ => false,
    }
}

/// What tells of clocks, and of no instant: a day, a time of day, both.
fn is_of_clocks(data_type: &DataType) -> bool {
    use DataType::{Date32, Date64, Time32, Time64, Timestamp};
    matches!(data_type, Timestamp(_, None) | Date32 | Date64 | Time32(_) | Time64(_))
}

/// As an instant of microseconds.
fn instant(expr: Expr) -> Expr {
    cast(expr, instant_in(UTC))
}

/// A cast in other words; none where it says no more than it does.
fn converted(expr: &Expr, (from, to): (&DataType, &DataType), zone: Tz) -> Result<Option<Expr>> {
    use DataType::{Date32, Date64, Timestamp, Utf8};
    let moves = zone != Tz::UTC;
    let told = match (from, to) {
        (Timestamp(_, Some(_)), to) if is_text(to) => clocked(Turn::Written, zone, instant(expr.clone())),
        (Timestamp(_, None), to) if is_text(to) => {
            clocked(Turn::Written, Tz::UTC, cast(expr.clone(), local()))
        }
        (from, Timestamp(_, Some(_))) if is_text(from) => clocked(Turn::Read, zone, cast(expr.clone(), Utf8)),
        (from, Timestamp(_, None)) if is_text(from) => {
            clocked(Turn::ReadAsShown, Tz::UTC, cast(expr.clone(), Utf8))
        }
        (from, Date32) if is_text(from) => clocked(Turn::ReadDay, Tz::UTC, cast(expr.clone(), Utf8)),
        (Timestamp(_, Some(_)), to) if is_of_clocks(to) && moves => {
            clocked(Turn::Moved, zone, instant(expr.clone()))
        }
        (Timestamp(_, None) | Date32 | Date64, Timestamp(_, Some(_))) if moves => {
            clocked(Turn::Moved, zone, cast(expr.clone(), local()))
        }
        (from, Timestamp(..)) if from.is_numeric() => return Err(refused::number(from)),
        _ => {
            refused::within(from, to, zone)?;
            return Ok(None);
        }
    };
    Ok(Some(cast(told, to.clone())))
}

/// An instant and an interval; none where it is no such sum, or the clock has no part in it.
fn shifted_sum(sum: &BinaryExpr, schema: &DFSchema, zone: Tz) -> Result<Option<Expr>> {
    let (left, right) = (sum.left.get_type(schema)?, sum.right.get_type(schema)?);
    let (instant, interval, kept) = match (&left, &right) {
        (kept, DataType::Interval(_)) if is_instant(kept) => (&sum.left, &sum.right, kept),
        (DataType::Interval(_), kept) if is_instant(kept) && sum.op == Operator::Plus => {
            (&sum.right, &sum.left, kept)
        }
        _ => return Ok(None),
    };
    if zone == Tz::UTC || shifted::has_hours_only(interval) {
        return Ok(None);
    }
    let is_back = sum.op == Operator::Minus;
    let told = shifted::shifted(zone, is_back, instant.as_ref().clone(), interval.as_ref().clone());
    Ok(Some(cast(told, kept.clone())))
}

/// A function of an instant that goes by a clock.
fn of_function(call: ScalarFunction, schema: &DFSchema, zone: Tz) -> Result<Transformed<Expr>> {
    let of = |place: usize| call.args.get(place).map(|value| value.get_type(schema)).transpose();
    match call.func.name() {
        "date_part" if of(1)?.is_some_and(|value| is_instant(&value)) => {
            let [part, value] =
                <[Expr; 2]>::try_from(call.args).map_err(|_| refused::arguments("date_part"))?;
            part_of(&call.func, part, value, zone)
        }
        "to_char" if of(0)?.is_some_and(|value| is_instant(&value)) => {
            let [value, picture] =
                <[Expr; 2]>::try_from(call.args).map_err(|_| refused::arguments("to_char"))?;
            let told = match pictures::is_ours(&call.func) {
                true => pictures::in_zone(zone, instant(value), picture),
                // `date_format`, which PostgreSQL has not.
                false => call.func.call(vec![clocked(Turn::Moved, zone, instant(value)), picture]),
            };
            Ok(Transformed::yes(told))
        }
        "to_local_time" if of(0)?.is_some_and(|value| is_instant(&value)) => {
            let mut args = call.args;
            let shown = args.pop().map(|value| clocked(Turn::Moved, zone, instant(value)));
            shown.map(Transformed::yes).ok_or_else(|| refused::arguments("to_local_time"))
        }
        "date_bin" if of(1)?.is_some_and(|value| is_instant(&value)) => {
            refused::bins(&call.args)?;
            Ok(Transformed::no(Expr::ScalarFunction(call)))
        }
        _ => Ok(Transformed::no(Expr::ScalarFunction(call))),
    }
}

/// `extract(part from instant)`.
fn part_of(func: &Arc<ScalarUDF>, part: Expr, value: Expr, zone: Tz) -> Result<Transformed<Expr>> {
    let name = part.as_literal().and_then(|part| part.try_as_str().flatten()).unwrap_or_default();
    Ok(match name.trim_matches(['\'', '"']).to_ascii_lowercase().as_str() {
        "epoch" => Transformed::no(func.call(vec![part, value])),
        "timezone" => Transformed::yes(clocked(Turn::Offset, zone, instant(value))),
        "timezone_hour" => Transformed::yes(clocked(Turn::OffsetHours, zone, instant(value))),
        "timezone_minute" => Transformed::yes(clocked(Turn::OffsetMinutes, zone, instant(value))),
        _ if zone == Tz::UTC => Transformed::no(func.call(vec![part, value])),
        _ => Transformed::yes(func.call(vec![part, clocked(Turn::Moved, zone, instant(value))])),
    })
}
