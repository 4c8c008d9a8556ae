//! A day and an interval make a reading, as in PostgreSQL. DataFusion makes a day of them, and leaves out what hours there are.
//!
//! Beside days it is compared as a day, where there are no hours in it: days that a column is held against find its index, and leave out
//! what lies elsewhere.

use arrow::datatypes::DataType;
use datafusion::{
    common::{DFSchema, Result, ScalarValue, config::ConfigOptions, tree_node::Transformed},
    logical_expr::{
        Between, BinaryExpr, Cast, Expr, ExprSchemable, Operator, cast, expr_rewriter::FunctionRewrite,
    },
};

use crate::sql::zone::local;

const NANOS_OF_DAY: i64 = 86_400_000_000_000;

/// The rewrite.
#[derive(Debug)]
pub(crate) struct DaysBecomeReadings;

impl FunctionRewrite for DaysBecomeReadings {
    fn name(&self) -> &'static str {
        "days_become_readings"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(sum) if matches!(sum.op, Operator::Plus | Operator::Minus) => moved(sum, schema),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
                let ([left, right], told) = as_days([left, right], schema);
                Transformed::new_transformed(Expr::BinaryExpr(BinaryExpr { left, op, right }), told)
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                let ([expr, low, high], told) = as_days([expr, low, high], schema);
                Transformed::new_transformed(Expr::Between(Between { expr, negated, low, high }), told)
            }
            other => Transformed::no(other),
        })
    }
}

fn is_day(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|of| of == DataType::Date32)
}

/// A number of days beside a day becomes an interval when types are made to fit, and leaves a day.
fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    let is_number = |cast: &Cast| cast.expr.get_type(schema).is_ok_and(|of| of.is_numeric());
    expr.get_type(schema).is_ok_and(|of| matches!(of, DataType::Interval(_)))
        && !matches!(expr, Expr::Cast(cast) if is_number(cast))
}

/// The sum of a reading.
fn moved(BinaryExpr { left, op, right }: BinaryExpr, schema: &DFSchema) -> Transformed<Expr> {
    let sum = |left, right| Expr::BinaryExpr(BinaryExpr { left, op, right });
    if is_day(&left, schema) && is_interval(&right, schema) {
        return Transformed::yes(sum(Box::new(cast(*left, local())), right));
    }
    if op == Operator::Plus && is_interval(&left, schema) && is_day(&right, schema) {
        return Transformed::yes(sum(left, Box::new(cast(*right, local()))));
    }
    Transformed::no(sum(left, right))
}

/// What is compared, as days, where all of it is days and such sums; and whether there is a sum.
fn as_days<const N: usize>(parts: [Box<Expr>; N], schema: &DFSchema) -> ([Box<Expr>; N], bool) {
    if !parts.iter().any(|part| matches!(**part, Expr::BinaryExpr(_))) {
        return (parts, false);
    }
    let mut days = parts.clone();
    let mut has_sum = false;
    for part in &mut days {
        if is_day(part, schema) {
            continue;
        }
        let Some(day) = as_day(part, schema) else { return (parts, false) };
        **part = day;
        has_sum = true;
    }
    (days, has_sum)
}

/// The sum of a day and whole days, before it became a reading.
fn as_day(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right }) = expr
    else {
        return None;
    };
    let day = |part: &Expr| match part {
        Expr::Cast(Cast { expr, field }) if *field.data_type() == local() && is_day(expr, schema) => {
            Some(expr.clone())
        }
        _ => None,
    };
    let has_days_only = |part: &Expr| part.as_literal().is_some_and(has_days_only);
    let (left, right) = match (day(left), day(right)) {
        (Some(day), None) if has_days_only(right) => (day, right.clone()),
        (None, Some(day)) if has_days_only(left) => (left.clone(), day),
        _ => return None,
    };
    Some(Expr::BinaryExpr(BinaryExpr { left, op: *op, right }))
}

fn has_days_only(interval: &ScalarValue) -> bool {
    match interval {
        ScalarValue::IntervalYearMonth(Some(_)) => true,
        ScalarValue::IntervalDayTime(Some(interval)) => interval.milliseconds == 0,
        // A number of days is made one of so many hours.
        ScalarValue::IntervalMonthDayNano(Some(interval)) => interval.nanoseconds % NANOS_OF_DAY == 0,
        _ => false,
    }
}
