//! `1.50::numeric` is 1.50: a cast to numeric without digits keeps the digits that are there. DataFusion would make it numeric(38,10).

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{DataType, ExactNumberInfo, Expr, Statement, Value, VisitorMut};

use crate::{parse::placeholder_of, walk};

/// Takes such casts off numbers and parameters, whose values have their own digits.
pub fn keep_digits(statement: &mut Statement) {
    // The visitor never breaks.
    let ControlFlow::Continue(()) = walk::change(statement, &mut Keeper);
}

struct Keeper;

impl VisitorMut for Keeper {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::Cast {
            expr: inner,
            data_type: DataType::Numeric(ExactNumberInfo::None) | DataType::Decimal(ExactNumberInfo::None),
            ..
        } = expr
            && (placeholder_of(inner).is_some() || is_number(inner))
        {
            *expr = inner.as_ref().clone();
        }
        ControlFlow::Continue(())
    }
}

/// A literal with a point: without one it would be an integer.
fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(&value.value, Value::Number(digits, _) if digits.contains('.')),
        _ => false,
    }
}
