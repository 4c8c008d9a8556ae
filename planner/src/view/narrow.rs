//! Predicates that narrow a scan without answering it: comparisons of a column with literals.
//!
//! Storage leaves out row groups and pages that can't match, and where an index says that few rows are in a range, those
//! rows alone are read. The filter stays above the scan and looks at each row again, so a bound may be as loose as it
//! likes, but never too tight.

use std::{collections::BTreeMap, ops::Bound};

use datafusion::{
    common::ScalarValue,
    logical_expr::{
        BinaryExpr, Expr, Operator,
        expr::{Between, InList, Like},
    },
};
use quarry_storage::{BoundIs, ColumnBound, RowSet, TableSnapshot, Value};

use super::access::{fits, value_of};

/// An index is asked where it finds at most one row in so many. Rows that are found lie apart, and the pages of a
/// segment are read whole: past that share a scan costs less.
pub(super) const INDEX_SHARE: u64 = 16;

/// The bounds that a predicate puts on columns; none where it is of another kind.
pub(super) fn bounds_of(expr: &Expr, table: &TableSnapshot) -> Vec<ColumnBound> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let mut bounds = bounds_of(left, table);
            bounds.extend(bounds_of(right, table));
            bounds
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (&**left, &**right) {
            (Expr::Column(_), Expr::Literal(..)) => compared(left, *op, right, table),
            (Expr::Literal(..), Expr::Column(_)) => {
                op.swap().map_or_else(Vec::new, |op| compared(right, op, left, table))
            }
            _ => Vec::new(),
        },
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let mut bounds = compared(expr, Operator::GtEq, low, table);
            bounds.extend(compared(expr, Operator::LtEq, high, table));
            bounds
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let values = list.iter().map(|item| literal_of(expr, item, table));
            values
                .collect::<Option<Vec<_>>>()
                .map_or_else(Vec::new, |values| on(expr, table, BoundIs::In(values)))
        }
        Expr::IsNull(expr) => on(expr, table, BoundIs::Null),
        Expr::IsNotNull(expr) => on(expr, table, BoundIs::NotNull),
        Expr::Like(Like { negated: false, expr, pattern, escape_char: None, case_insensitive: false }) => {
            let Some(Value::Text(pattern)) = literal_of(expr, pattern, table) else { return Vec::new() };
            // A backslash may quote what follows it.
            let prefix = pattern.split(['%', '_', '\\']).next().unwrap_or_default();
            if prefix.is_empty() { Vec::new() } else { on(expr, table, BoundIs::prefix(prefix)) }
        }
        _ => Vec::new(),
    }
}

/// The rows that indexes leave of those `so_far`, where that is a small share of the table. Blocks.
pub(super) fn rows_within(
    table: &TableSnapshot,
    bounds: &[ColumnBound],
    mut so_far: Option<RowSet>,
) -> quarry_storage::Result<Option<RowSet>> {
    for (column, (lower, upper)) in ranges(bounds) {
        let Some(name) = table.spec().columns.get(column).map(|column| column.name.clone()) else { continue };
        let all = so_far.as_ref().map_or_else(|| table.statistics().rows, RowSet::len);
        if !table.has_index(&name)
            || table.estimate_range(&name, lower, upper)?.saturating_mul(INDEX_SHARE) > all
        {
            continue;
        }
        let found = table.range(&name, lower, upper)?;
        so_far = Some(so_far.map_or_else(|| found.clone(), |rows| rows.and(&found)));
    }
    Ok(so_far)
}

/// One range per column: the first lower bound and the first upper one. Others are left to the filter.
fn ranges(bounds: &[ColumnBound]) -> BTreeMap<usize, (Bound<&Value>, Bound<&Value>)> {
    let mut ranges = BTreeMap::new();
    for bound in bounds {
        let BoundIs::Between(lower, upper) = &bound.is else { continue };
        let range = ranges.entry(bound.column).or_insert((Bound::Unbounded, Bound::Unbounded));
        if range.0 == Bound::Unbounded {
            range.0 = lower.as_ref();
        }
        if range.1 == Bound::Unbounded {
            range.1 = upper.as_ref();
        }
    }
    ranges
}

fn compared(column: &Expr, op: Operator, literal: &Expr, table: &TableSnapshot) -> Vec<ColumnBound> {
    let Some(value) = literal_of(column, literal, table) else { return Vec::new() };
    let is = match op {
        Operator::Eq => BoundIs::In(vec![value]),
        Operator::Lt => BoundIs::Between(Bound::Unbounded, Bound::Excluded(value)),
        Operator::LtEq => BoundIs::Between(Bound::Unbounded, Bound::Included(value)),
        Operator::Gt => BoundIs::Between(Bound::Excluded(value), Bound::Unbounded),
        Operator::GtEq => BoundIs::Between(Bound::Included(value), Bound::Unbounded),
        _ => return Vec::new(),
    };
    on(column, table, is)
}

fn on(column: &Expr, table: &TableSnapshot, is: BoundIs) -> Vec<ColumnBound> {
    position(column, table).map(|column| ColumnBound { column, is }).into_iter().collect()
}

fn position(column: &Expr, table: &TableSnapshot) -> Option<usize> {
    match column {
        Expr::Column(column) => table.spec().position(&column.name),
        _ => None,
    }
}

/// A literal of the very type of the column, which the column can hold, and no null.
fn literal_of(column: &Expr, literal: &Expr, table: &TableSnapshot) -> Option<Value> {
    let kind = table.spec().columns.get(position(column, table)?)?.column_type;
    let Expr::Literal(literal, _) = literal else { return None };
    value_of(literal).filter(|value| fits(kind, literal) && kind.fits(value) && *value != Value::Null)
}

/// A value of the column as a plan knows it; `None` where it has no such form.
pub(super) fn scalar_of(value: &Value, kind: quarry_storage::ColumnType) -> Option<ScalarValue> {
    use quarry_storage::ColumnType as C;
    Some(match (value, kind) {
        (Value::Bool(value), _) => ScalarValue::Boolean(Some(*value)),
        (Value::Int(value), _) => ScalarValue::Int64(Some(*value)),
        (Value::Decimal(value), C::Decimal { precision, scale }) => {
            ScalarValue::Decimal128(Some(*value), precision, scale)
        }
        (Value::Text(value), _) => ScalarValue::Utf8View(Some(value.to_string())),
        (Value::Date(value), _) => ScalarValue::Date32(Some(*value)),
        (Value::Time(value), _) => ScalarValue::Time64Microsecond(Some(*value)),
        (Value::Timestamp(value), _) => ScalarValue::TimestampMicrosecond(Some(*value), Some("UTC".into())),
        _ => return None,
    })
}
