//! Access paths: which predicates an index answers, and the rows it finds.
//!
//! A predicate is answered by row sets when it is made of `column = literal`, `column IN (literals)` and
//! `column IS NULL` on the key or an indexed column, joined by AND and OR. It is then exact: no filter above needs to
//! look again. All else stays above the scan, which it may narrow ([`super::narrow`]).

use std::sync::Arc;

use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Operator, expr::InList},
};
use quarry_storage::{RowSet, TableSnapshot, Value};

/// A predicate that indexes answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Access {
    /// The rows whose column has one of the values.
    Lookup {
        /// The column.
        column: String,
        /// Its values.
        values: Vec<Value>,
    },
    /// In all of them.
    And(Vec<Access>),
    /// In any of them.
    Or(Vec<Access>),
}

impl Access {
    /// Reads a predicate; `None` when indexes can't answer all of it.
    pub(crate) fn of(expr: &Expr, table: &TableSnapshot) -> Option<Access> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                Some(Access::And(vec![Access::of(left, table)?, Access::of(right, table)?]))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                Some(Access::Or(vec![Access::of(left, table)?, Access::of(right, table)?]))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => match (&**left, &**right) {
                (Expr::Column(column), Expr::Literal(literal, _))
                | (Expr::Literal(literal, _), Expr::Column(column)) => lookup(table, &column.name, [literal]),
                _ => None,
            },
            Expr::InList(InList { expr, list, negated: false }) => {
                let Expr::Column(column) = &**expr else { return None };
                let literals = list.iter().map(|item| match item {
                    Expr::Literal(literal, _) => Some(literal),
                    _ => None,
                });
                lookup(table, &column.name, literals.collect::<Option<Vec<_>>>()?)
            }
            Expr::IsNull(inner) => match &**inner {
                Expr::Column(column) if table.has_index(&column.name) && !is_key(table, &column.name) => {
                    Some(Access::Lookup { column: column.name.clone(), values: vec![Value::Null] })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether rows without a value are asked for.
    pub(super) fn asks_for_null(&self) -> bool {
        match self {
            Access::Lookup { values, .. } => values.contains(&Value::Null),
            Access::And(parts) | Access::Or(parts) => parts.iter().any(Access::asks_for_null),
        }
    }

    /// About how many rows there are, at most. Blocks.
    pub(crate) fn estimate(&self, table: &TableSnapshot) -> quarry_storage::Result<u64> {
        match self {
            Access::Lookup { column, values } if is_key(table, column) => {
                Ok(u64::try_from(values.len()).unwrap_or(u64::MAX))
            }
            Access::Lookup { column, values } => table.estimate_lookup(column, values),
            Access::And(all) => {
                let estimates = all.iter().map(|part| part.estimate(table));
                Ok(estimates.collect::<quarry_storage::Result<Vec<_>>>()?.into_iter().min().unwrap_or(0))
            }
            Access::Or(any) => {
                any.iter().try_fold(0u64, |sum, part| Ok(sum.saturating_add(part.estimate(table)?)))
            }
        }
    }

    /// Finds the rows. Blocks.
    pub(crate) fn rows(&self, table: &TableSnapshot) -> quarry_storage::Result<RowSet> {
        match self {
            Access::Lookup { column, values } if is_key(table, column) => {
                let keys: Vec<_> = values.iter().filter_map(text).collect();
                table.keys(&keys)
            }
            Access::Lookup { column, values } => table.lookup(column, values),
            Access::And(all) => combine(all, table, RowSet::and),
            Access::Or(any) => combine(any, table, RowSet::or),
        }
    }
}

fn combine(
    parts: &[Access],
    table: &TableSnapshot,
    join: fn(&RowSet, &RowSet) -> RowSet,
) -> quarry_storage::Result<RowSet> {
    let mut rows: Option<RowSet> = None;
    for part in parts {
        let found = part.rows(table)?;
        rows = Some(match rows {
            Some(before) => join(&before, &found),
            None => found,
        });
    }
    Ok(rows.unwrap_or_default())
}

fn lookup<'a>(
    table: &TableSnapshot,
    column: &str,
    literals: impl IntoIterator<Item = &'a ScalarValue>,
) -> Option<Access> {
    if !is_key(table, column) && !table.has_index(column) {
        return None;
    }
    let spec = table.spec();
    let wanted = spec.columns.get(spec.position(column)?)?.column_type;
    let mut values = Vec::new();
    for literal in literals {
        let value = value_of(literal)?;
        if !fits(wanted, literal) {
            return None;
        }
        // `column = NULL` is never true: it finds nothing, and adds nothing to a list.
        if value != Value::Null {
            values.push(value);
        }
    }
    Some(Access::Lookup { column: column.to_owned(), values })
}

fn is_key(table: &TableSnapshot, column: &str) -> bool {
    table.spec().columns.first().is_some_and(|key| &*key.name == column)
}

fn text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::Text(text) => Some(Arc::clone(text)),
        _ => None,
    }
}

/// A literal of the very type of the column (text of any layout is text).
pub(super) fn fits(column: quarry_storage::ColumnType, literal: &ScalarValue) -> bool {
    use quarry_storage::ColumnType as C;
    match (column, literal) {
        (_, ScalarValue::Null) => true,
        (C::Decimal { scale, .. }, ScalarValue::Decimal128(_, _, literal_scale)) => scale == *literal_scale,
        (C::Text, literal) => literal.try_as_str().is_some(),
        (C::Bool, ScalarValue::Boolean(_))
        | (C::Int, ScalarValue::Int64(_))
        | (C::Date, ScalarValue::Date32(_))
        | (C::Time, ScalarValue::Time64Microsecond(_))
        | (C::Timestamp, ScalarValue::TimestampMicrosecond(_, Some(_))) => true,
        _ => false,
    }
}

pub(super) fn value_of(literal: &ScalarValue) -> Option<Value> {
    if literal.is_null() {
        return Some(Value::Null);
    }
    if let Some(text) = literal.try_as_str() {
        return Some(text.map_or(Value::Null, |text| Value::Text(text.into())));
    }
    Some(match literal {
        ScalarValue::Boolean(Some(value)) => Value::Bool(*value),
        ScalarValue::Int64(Some(value)) => Value::Int(*value),
        ScalarValue::Decimal128(Some(value), _, _) => Value::Decimal(*value),
        ScalarValue::Date32(Some(value)) => Value::Date(*value),
        ScalarValue::Time64Microsecond(Some(value)) => Value::Time(*value),
        ScalarValue::TimestampMicrosecond(Some(value), Some(_)) => Value::Timestamp(*value),
        _ => return None,
    })
}
