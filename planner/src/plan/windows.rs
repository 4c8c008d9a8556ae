//! Windows: values computed over other rows of the answer, before it is cut off.

use std::cmp::Reverse;

use datafusion::{
    common::{Column, ScalarValue},
    functions_window::expr_fn::{
        dense_rank, first_value, lag, last_value, lead, percent_rank, rank, row_number,
    },
    logical_expr::{
        Expr, ExprFunctionExt, LogicalPlanBuilder, WindowFrame, WindowFrameBound, WindowFrameUnits,
        WindowFunctionDefinition, expr::WindowFunction as PlannedWindow, lit,
    },
};

use super::{
    aggregates::over,
    filter::Names,
    member::{Member, Outer},
    scope::Subject,
};
use crate::{
    coerce::Class,
    error::{Error, Result},
    objectql::{Frame, FrameBound, FrameUnit, Window, WindowFunction},
};

/// Windows of a question. Each is a sort of all rows, and a step of the plan.
const WINDOWS_MAX: usize = 64;

/// Resolves windows over what can be named.
///
/// # Errors
///
/// `Limited` past `windows_max`, `Missing` for an unknown name, `Invalid` for a function that does not fit its field.
pub(super) fn resolve(names: &mut impl Names, windows: &[Window]) -> Result<Vec<Member>> {
    if windows.len() > WINDOWS_MAX {
        let message =
            format!("a question has at most {WINDOWS_MAX} windows (windows_max), not {}", windows.len());
        return Err(Error::limited("windows", message));
    }
    windows.iter().enumerate().map(|(index, window)| one(names, window, index)).collect()
}

/// The plan with the windows as further columns, each under a name of its own.
///
/// # Errors
///
/// `Internal`.
pub(super) fn add(
    plan: LogicalPlanBuilder,
    windows: &[Member],
    name: impl Fn(usize, &Member) -> String,
) -> Result<LogicalPlanBuilder> {
    if windows.is_empty() {
        return Ok(plan);
    }
    let before: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let mut plan = plan;
    let mut all = before;
    for window in windows {
        // A node of its own: all of a node have one order.
        plan = plan.window([window.inner.clone()])?;
    }
    for (index, window) in windows.iter().enumerate() {
        let inner = inner_name(index);
        let data_type = plan.schema().field_with_unqualified_name(&inner)?.data_type().clone();
        let value = Expr::Column(Column::new_unqualified(inner));
        all.push(window.outer(value, &data_type)?.alias(name(index, window)));
    }
    Ok(plan.project(all)?)
}

/// How a window's column is called among those of records.
pub(super) fn column(index: usize) -> String {
    format!("w{index}")
}

fn inner_name(index: usize) -> String {
    format!("over{index}")
}

fn one(names: &mut impl Names, window: &Window, index: usize) -> Result<Member> {
    let place = format!("windows[{index}]");
    let subject = window.path.as_ref().map(|path| names.subject(path, &place)).transpose()?;
    let (expr, class, outer) = function(window, subject, &place)?;
    let mut partition = Vec::new();
    for path in &window.partition_by {
        partition.push(sortable(names, path, &place)?.expr);
    }
    let mut order = Vec::new();
    for key in &window.order_by {
        order.push(sortable(names, &key.path, &place)?.expr.sort(!key.descending, key.nulls_first));
    }
    let has_order = !order.is_empty();
    let mut built = expr.partition_by(partition).order_by(order);
    if let Some(frame) = window.frame {
        built = built.window_frame(planned(frame));
    } else if matches!(window.function, WindowFunction::FirstValue | WindowFunction::LastValue) || !has_order
    {
        // The last value of all rows, not of those so far.
        built = built.window_frame(WindowFrame::new_bounds(
            WindowFrameUnits::Rows,
            WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
            WindowFrameBound::Following(ScalarValue::UInt64(None)),
        ));
    }
    let inner = built.build()?.alias(inner_name(index));
    Ok(Member {
        name: window.alias.clone(),
        path: None,
        inner,
        beside: None,
        outer,
        class,
        order: Vec::new(),
    })
}

/// A frame as DataFusion has it.
fn planned(frame: Frame) -> WindowFrame {
    let count = |count: u64| ScalarValue::UInt64(Some(count));
    let bound = |bound: FrameBound| match bound {
        FrameBound::UnboundedPreceding => WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        FrameBound::Preceding(Reverse(rows)) => WindowFrameBound::Preceding(count(rows)),
        FrameBound::CurrentRow => WindowFrameBound::CurrentRow,
        FrameBound::Following(rows) => WindowFrameBound::Following(count(rows)),
        FrameBound::UnboundedFollowing => WindowFrameBound::Following(ScalarValue::UInt64(None)),
    };
    let unit = match frame.unit {
        FrameUnit::Rows => WindowFrameUnits::Rows,
        FrameUnit::Range => WindowFrameUnits::Range,
        FrameUnit::Groups => WindowFrameUnits::Groups,
    };
    WindowFrame::new_bounds(unit, bound(frame.start), bound(frame.end))
}

fn sortable(names: &mut impl Names, path: &str, place: &str) -> Result<Subject> {
    let subject = names.subject(path, place)?;
    if subject.class.is_sortable() {
        return Ok(subject);
    }
    let message = format!("{path:?} is a {} field: it has no order", subject.class.name());
    Err(Error::invalid("INVALID_SORT", place, message))
}

fn function(window: &Window, subject: Option<Subject>, place: &str) -> Result<(Expr, Class, Outer)> {
    use WindowFunction as F;
    let refuse = |message: String| Error::invalid("INVALID_QUERY", place, message);
    let row_count = |expr: Expr| (expr, Class::Int, Outer::Integer);
    let away = i64::try_from(window.offset).map_err(|_| refuse("the offset is too large".to_owned()))?;
    Ok(match (window.function, subject) {
        (F::RowNumber, _) => row_count(row_number()),
        (F::Rank, _) => row_count(rank()),
        (F::DenseRank, _) => row_count(dense_rank()),
        (F::PercentRank, _) => (percent_rank(), Class::Float, Outer::Plain),
        (F::Aggregate(function), Some(subject)) => {
            let (expr, class, outer) =
                over(function, subject, window.path.as_deref().unwrap_or_default()).map_err(refuse)?;
            (as_window(expr)?, class, outer)
        }
        (F::Aggregate(_), None) => {
            let all = datafusion::functions_aggregate::expr_fn::count(lit(1i64));
            (as_window(all)?, Class::Int, Outer::Plain)
        }
        (_, None) => return Err(refuse("this function needs a field".to_owned())),
        (_, Some(Subject { class, .. })) if class.is_opaque() => {
            let path = window.path.as_deref().unwrap_or_default();
            return Err(refuse(format!("{path:?} is a {} field: no window takes it", class.name())));
        }
        (F::Lag, Some(Subject { expr, class })) => (lag(expr, Some(away), None), class, Outer::Plain),
        (F::Lead, Some(Subject { expr, class })) => (lead(expr, Some(away), None), class, Outer::Plain),
        (F::FirstValue, Some(Subject { expr, class })) => (first_value(expr), class, Outer::Plain),
        (F::LastValue, Some(Subject { expr, class })) => (last_value(expr), class, Outer::Plain),
    })
}

/// An aggregate over the rows of a window.
fn as_window(expr: Expr) -> Result<Expr> {
    match expr {
        Expr::AggregateFunction(aggregate) => {
            let function = WindowFunctionDefinition::AggregateUDF(aggregate.func);
            Ok(Expr::from(PlannedWindow::new(function, aggregate.params.args)))
        }
        other => Err(Error::internal(format!("{other} is no aggregate"))),
    }
}
