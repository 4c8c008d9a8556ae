//! Numbers, lists and texts over the records of a group.

pub(super) mod many;

use arrow::datatypes::DataType;
use datafusion::{
    functions_aggregate::{
        expr_fn::{
            array_agg, avg, bool_and, bool_or, count, count_distinct, first_value, last_value, max, median,
            min, stddev, sum, var_sample,
        },
        percentile_cont::percentile_cont,
        string_agg::string_agg,
    },
    logical_expr::{Expr, SortExpr, cast, expr::AggregateFunctionParams, lit},
};

use super::{
    member::{Member, Outer},
    scope::{At, Scope, Subject},
};
use crate::{
    coerce::{Class, decimal::DIGITS_MAX},
    error::{Error, Result},
    objectql::{AggregateFunction, Aggregation},
};

/// Digits of an Int64: integers are summed and averaged as exact decimals.
const INT_AS_DECIMAL: DataType = DataType::Decimal128(19, 0);
/// The same, with the half that may lie between two of them.
const INT_AND_HALF: DataType = DataType::Decimal128(20, 1);
/// Between the texts of a `string_agg`.
const SEPARATOR: &str = ", ";

/// One aggregate of a question, over the records that `only` leaves.
///
/// # Errors
///
/// `Missing` for an unknown path, `Invalid` for a function that does not fit its field.
pub(super) fn aggregate(
    scope: &mut Scope,
    aggregation: &Aggregation,
    index: usize,
    only: Option<Expr>,
) -> Result<Member> {
    use AggregateFunction as F;
    if let Some(path) = aggregation.path.as_deref().filter(|path| scope.leads_to_many(path)) {
        return many::aggregate(scope, (aggregation, path), index, only);
    }
    let place = format!("aggregations[{index}]");
    let at = At { code: "INVALID_QUERY", place: &place };
    let function = aggregation.function;
    let subject = aggregation.path.as_ref().map(|path| scope.subject(path, at)).transpose()?;
    let order = match function {
        F::First | F::Last | F::ArrayAgg | F::StringAgg => order(scope, aggregation, subject.as_ref(), at)?,
        _ => Vec::new(),
    };
    let refuse = |message: String| Error::invalid("INVALID_QUERY", place.clone(), message);
    let (expr, class, outer) = match (function, subject) {
        (F::Count, None) => (count(lit(1i64)), Class::Int, Outer::Plain),
        (_, None) => return Err(refuse("this function needs a field".to_owned())),
        (F::First | F::Last | F::ArrayAgg | F::StringAgg, Some(subject)) => {
            in_order(aggregation, subject, order.clone()).map_err(refuse)?
        }
        (F::Percentile, Some(Subject { expr, class })) if class.is_number() => {
            let percent =
                aggregation.percent.ok_or_else(|| refuse("a percentile needs its share".to_owned()))?;
            let sorted = cast(expr, DataType::Float64).sort(true, false);
            (percentile_cont(sorted, lit(percent)), Class::Float, Outer::Plain)
        }
        (function, Some(subject)) => {
            let name = aggregation.path.as_deref().unwrap_or_default();
            over(function, subject, name).map_err(refuse)?
        }
    };
    let expr = modified(expr, |parameters| {
        parameters.distinct |= aggregation.distinct;
        parameters.filter = only.map(Box::new);
    })?;
    Ok(Member {
        name: aggregation.name(),
        path: None,
        inner: expr.alias(format!("a{index}")),
        beside: None,
        outer,
        class,
        order,
    })
}

/// An aggregate with other parameters. DataFusion's builder for them forgets those that it is not told again.
fn modified(expr: Expr, change: impl FnOnce(&mut AggregateFunctionParams)) -> Result<Expr> {
    match expr {
        Expr::AggregateFunction(mut aggregate) => {
            change(&mut aggregate.params);
            Ok(Expr::AggregateFunction(aggregate))
        }
        other => Err(Error::internal(format!("{other} is no aggregate"))),
    }
}

/// In which order records are seen; distinct values come in their own.
fn order(
    scope: &mut Scope,
    aggregation: &Aggregation,
    subject: Option<&Subject>,
    at: At<'_>,
) -> Result<Vec<SortExpr>> {
    if aggregation.distinct {
        return Ok(subject.map(|subject| subject.expr.clone().sort(true, false)).into_iter().collect());
    }
    let mut keys = Vec::new();
    for order in &aggregation.order_by {
        let subject = scope.subject(&order.path, at)?;
        if !subject.class.is_sortable() {
            let message = format!("{:?} is a {} field: it has no order", order.path, subject.class.name());
            return Err(Error::invalid("INVALID_SORT", at.place, message));
        }
        keys.push(subject.expr.sort(!order.descending, order.nulls_first));
    }
    keys.push(scope.column("id").sort(true, false));
    Ok(keys)
}

/// Those that depend on the order of the records.
fn in_order(
    aggregation: &Aggregation,
    Subject { expr, class }: Subject,
    order: Vec<SortExpr>,
) -> Result<(Expr, Class, Outer), String> {
    use AggregateFunction as F;
    let name = aggregation.path.as_deref().unwrap_or_default();
    let ordered = |expr: Expr| {
        let ordered = modified(expr, |parameters| parameters.order_by.clone_from(&order));
        ordered.map_err(|error| error.message)
    };
    match aggregation.function {
        _ if class.is_opaque() || class == Class::Score => Err(misfit(aggregation.function, name, &class)),
        F::First => Ok((first_value(expr, order.clone()), class, Outer::Plain)),
        F::Last => Ok((last_value(expr, order.clone()), class, Outer::Plain)),
        F::StringAgg if class.is_text() => {
            let separator = aggregation.separator.as_deref().unwrap_or(SEPARATOR);
            let text = cast(expr, DataType::Utf8View);
            Ok((ordered(string_agg(text, lit(separator)))?, Class::Text, Outer::Plain))
        }
        F::ArrayAgg if !class.is_list() => Ok((ordered(array_agg(expr))?, Class::List, Outer::Plain)),
        function => Err(misfit(function, name, &class)),
    }
}

/// An aggregate over a field: the expression, what it gives, and what is done with it above.
///
/// # Errors
///
/// In words, when the function does not fit the field.
pub(super) fn over(
    function: AggregateFunction,
    subject: Subject,
    name: &str,
) -> Result<(Expr, Class, Outer), String> {
    use AggregateFunction as F;
    let Subject { expr, class } = subject;
    let as_decimal = |expr: Expr| cast(expr, INT_AS_DECIMAL);
    let as_float = |expr: Expr| cast(expr, DataType::Float64);
    let any = Class::Decimal { precision: DIGITS_MAX, scale: 0 };
    Ok(match (function, &class) {
        (F::Count, _) => (count(expr), Class::Int, Outer::Plain),
        (F::CountDistinct, class) if class.is_sortable() => (count_distinct(expr), Class::Int, Outer::Plain),
        (F::Sum, Class::Int) => (sum(as_decimal(expr)), Class::Int, Outer::Sum { integer: true }),
        (F::Sum, Class::Bool) => {
            (sum(as_decimal(cast(expr, DataType::Int64))), Class::Int, Outer::Sum { integer: true })
        }
        (F::Sum, Class::Decimal { scale, .. }) => (
            sum(expr),
            Class::Decimal { precision: DIGITS_MAX, scale: *scale },
            Outer::Sum { integer: false },
        ),
        (F::Sum, Class::Float) => (sum(expr), Class::Float, Outer::Sum { integer: false }),
        (F::Avg, Class::Float) => (avg(expr), Class::Float, Outer::Plain),
        (F::Avg, Class::Decimal { .. }) => (avg(expr), any, Outer::Plain),
        (F::Avg, Class::Int) => (avg(as_decimal(expr)), any, Outer::Plain),
        (F::Avg, Class::Bool) => (avg(as_decimal(cast(expr, DataType::Int64))), any, Outer::Plain),
        (F::Min | F::Max, ordered) if ordered.is_ordered() => {
            let expr = if function == F::Min { min(expr) } else { max(expr) };
            (expr, class, Outer::Plain)
        }
        (F::Median, Class::Float) => (median(expr), Class::Float, Outer::Plain),
        (F::Median, Class::Int) => (median(cast(expr, INT_AND_HALF)), any, Outer::Plain),
        (F::Median, Class::Decimal { precision, scale }) if *precision < DIGITS_MAX => {
            let scale = i8::try_from(*scale).unwrap_or(0).saturating_add(1);
            (median(cast(expr, DataType::Decimal128(precision + 1, scale))), any, Outer::Plain)
        }
        (F::StdDev, class) if class.is_number() => (stddev(as_float(expr)), Class::Float, Outer::Plain),
        (F::Variance, class) if class.is_number() => (var_sample(as_float(expr)), Class::Float, Outer::Plain),
        (F::BoolAnd, Class::Bool) => (bool_and(expr), Class::Bool, Outer::Plain),
        (F::BoolOr, Class::Bool) => (bool_or(expr), Class::Bool, Outer::Plain),
        _ => return Err(misfit(function, name, &class)),
    })
}

fn misfit(function: AggregateFunction, name: &str, class: &Class) -> String {
    format!("{:?} does not fit {name:?}, a {} field", function.name(), class.name())
}
