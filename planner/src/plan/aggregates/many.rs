//! Aggregates over the records at the far end of a path to many: one number for each record first, then one of these.

use arrow::datatypes::DataType;
use datafusion::{
    functions_aggregate::expr_fn::{bool_and, bool_or, count, max, min, sum},
    logical_expr::{Expr, cast, expr::AggregateFunctionParams},
};

use super::{INT_AS_DECIMAL, modified, over};
use crate::{
    coerce::{Class, decimal::DIGITS_MAX},
    error::{Error, Result},
    objectql::{AggregateFunction, Aggregation},
    plan::{
        member::{Member, Outer},
        scope::{At, FarEnd, Scope, Subject},
    },
};

/// One aggregate of a question whose path leads to many records, over the records of the root that `only` leaves.
///
/// # Errors
///
/// As [`super::aggregate`]; `NOT_SUPPORTED` for a function that numbers of parts do not add up to.
pub(super) fn aggregate(
    scope: &mut Scope,
    (aggregation, path): (&Aggregation, &str),
    index: usize,
    only: Option<Expr>,
) -> Result<Member> {
    use AggregateFunction as F;
    let place = format!("aggregations[{index}]");
    let end = scope.far_end(path, At { code: "INVALID_QUERY", place: &place })?;
    let function = aggregation.function;
    check(aggregation, path, &end, &place)?;
    let refuse = |message: String| Error::invalid("INVALID_QUERY", place.clone(), message);
    let part = |function: F| over(function, end.subject.clone(), path).map_err(refuse);
    let made = match function {
        F::Avg => average(&end.subject, part)?,
        F::Count | F::CountDistinct => Made::count(part(F::Count)?.0),
        function => {
            let (number, class, outer) = part(function)?;
            Made { number, class, outer, all: whole(function), beside: None }
        }
    };
    let filtered = |expr: Expr| {
        modified(expr, |parameters: &mut AggregateFunctionParams| {
            parameters.filter = only.clone().map(Box::new)
        })
    };
    let inner = filtered((made.all)(scope.folded(&end, made.number)))?;
    let beside = match made.beside {
        Some(number) => {
            let all = filtered(sum(cast(scope.folded(&end, number), INT_AS_DECIMAL)))?;
            Some(all.alias(beside_name(index)))
        }
        None => None,
    };
    let outer = match (made.outer, &beside) {
        (_, Some(_)) => Outer::Ratio { of: beside_name(index) },
        (outer, None) => outer,
    };
    Ok(Member {
        name: aggregation.name(),
        path: None,
        inner: inner.alias(format!("a{index}")),
        beside,
        outer,
        class: made.class,
        order: Vec::new(),
    })
}

/// Does the whole follow from the parts?
fn check(aggregation: &Aggregation, path: &str, end: &FarEnd, place: &str) -> Result<()> {
    use AggregateFunction as F;
    let adds_up = match aggregation.function {
        F::CountDistinct => end.is_unique,
        F::Count | F::Sum | F::Avg | F::Min | F::Max | F::BoolAnd | F::BoolOr => !aggregation.distinct,
        _ => false,
    };
    if adds_up {
        return Ok(());
    }
    let message = format!(
        "{:?} over {path:?}, a relation to many records, is not supported: count, sum, avg, min, max, bool_and and \
         bool_or are, and count_distinct of what is unique; ask the others of the related object",
        aggregation.function.name()
    );
    Err(Error::not_supported(place, message))
}

/// How an aggregate is put together.
struct Made {
    /// For each record of the root.
    number: Expr,
    class: Class,
    outer: Outer,
    /// Over all of them.
    all: fn(Expr) -> Expr,
    /// A second number for each record, whose sum the first is divided by.
    beside: Option<Expr>,
}

impl Made {
    fn count(number: Expr) -> Made {
        let all = |number| sum(cast(number, INT_AS_DECIMAL));
        Made { number, class: Class::Int, outer: Outer::Sum { integer: true }, all, beside: None }
    }
}

/// A sum divided by a count.
fn average(
    subject: &Subject,
    part: impl Fn(AggregateFunction) -> Result<(Expr, Class, Outer)>,
) -> Result<Made> {
    // Says what does not fit in the words of an average.
    part(AggregateFunction::Avg)?;
    let (number, _, outer) = part(AggregateFunction::Sum)?;
    let class = match subject.class {
        Class::Float => Class::Float,
        _ => Class::Decimal { precision: DIGITS_MAX, scale: 0 },
    };
    Ok(Made { number, class, outer, all: sum, beside: Some(count(subject.expr.clone())) })
}

fn whole(function: AggregateFunction) -> fn(Expr) -> Expr {
    match function {
        AggregateFunction::Min => min,
        AggregateFunction::Max => max,
        AggregateFunction::BoolAnd => bool_and,
        AggregateFunction::BoolOr => bool_or,
        _ => sum,
    }
}

/// How the second number's sum is called.
fn beside_name(index: usize) -> String {
    format!("b{index}")
}

/// A sum by a count: exact numbers keep four digits more, as averages do; nothing of nothing.
pub(in crate::plan) fn ratio(sum: Expr, count: Expr, data_type: &DataType) -> Expr {
    match data_type {
        DataType::Float64 => sum / cast(count, DataType::Float64),
        _ => sum / cast(count, INT_AS_DECIMAL),
    }
}
