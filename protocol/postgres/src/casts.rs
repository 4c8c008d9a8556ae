//! `1.50::numeric` is 1.50: a cast to numeric without digits keeps the digits that are there. DataFusion would make it numeric(38,10).

use std::ops::ControlFlow;

use datafusion::{
    scalar::ScalarValue,
    sql::sqlparser::ast::{DataType, ExactNumberInfo, Expr, Statement, UnaryOperator, Value, VisitorMut},
};

use crate::{
    parse::{parameter_number, placeholder_of},
    walk,
};

/// Takes such casts off numbers, and off parameters whose values are numeric already and have their own digits.
pub fn keep_digits(statement: &mut Statement, values: &[ScalarValue]) {
    // The visitor never breaks.
    let ControlFlow::Continue(()) = walk::change(statement, &mut Keeper { values });
}

struct Keeper<'a> {
    values: &'a [ScalarValue],
}

impl VisitorMut for Keeper<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::Cast {
            expr: inner,
            data_type:
                DataType::Numeric(ExactNumberInfo::None)
                | DataType::Decimal(ExactNumberInfo::None)
                | DataType::Dec(ExactNumberInfo::None),
            ..
        } = expr
            && (self.is_numeric_parameter(inner) || is_number(inner))
        {
            *expr = inner.as_ref().clone();
        }
        ControlFlow::Continue(())
    }
}

impl Keeper<'_> {
    fn is_numeric_parameter(&self, expr: &Expr) -> bool {
        let number = placeholder_of(expr).and_then(parameter_number);
        let value = number.and_then(|number| self.values.get(number - 1));
        matches!(value, Some(ScalarValue::Decimal128(..) | ScalarValue::Decimal256(..)))
    }
}

/// A literal with a point: without one it would be an integer.
fn is_number(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => matches!(&value.value, Value::Number(digits, _) if digits.contains('.')),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_number(expr),
        _ => false,
    }
}
