//! One value of a change: given as it stands, a parameter, the field's default, or an expression to be asked.

use datafusion::{
    scalar::ScalarValue,
    sql::sqlparser::ast::{Expr, UnaryOperator, Value as SqlValue},
};
use quarry_engine::{Input, QueryContext, Value};

use super::{ast, value};
use crate::{
    error::{PgError, Result},
    parameter::number,
    parse::{parameter_number, placeholder_of},
    session::Session,
    sqlstate::SqlState,
};

/// Expressions that are asked in one question.
const ASKED_AT_ONCE: usize = 500;

/// One value of a change.
#[derive(Clone, Debug)]
pub enum Cell {
    /// `DEFAULT`.
    Default,
    /// A literal.
    Given(Input),
    /// `$n`.
    Parameter(usize),
    /// What the planner must compute.
    Computed(Box<Expr>),
}

/// What kind of value an expression is. Literals never go through the planner: a number keeps its digits, a text is read by its field.
///
/// # Errors
///
/// `22003`, `42P02`.
pub fn cell_of(expr: &Expr) -> Result<Cell> {
    if let Some(name) = placeholder_of(expr) {
        let number = parameter_number(name);
        return number.map(Cell::Parameter).ok_or_else(|| no_parameter(name));
    }
    Ok(match expr {
        Expr::Nested(inner) => cell_of(inner)?,
        Expr::Identifier(word)
            if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default") =>
        {
            Cell::Default
        }
        Expr::Value(given) => match literal(&given.value)? {
            Some(input) => Cell::Given(input),
            None => Cell::Computed(Box::new(expr.clone())),
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => match inner.as_ref() {
            Expr::Value(given) => match &given.value {
                SqlValue::Number(digits, _) => Cell::Given(exact(&format!("-{digits}"))?),
                _ => Cell::Computed(Box::new(expr.clone())),
            },
            _ => Cell::Computed(Box::new(expr.clone())),
        },
        _ => Cell::Computed(Box::new(expr.clone())),
    })
}

fn no_parameter(name: &str) -> PgError {
    PgError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter {name}"))
}

fn literal(given: &SqlValue) -> Result<Option<Input>> {
    Ok(match given {
        SqlValue::Null => Some(Input::Typed(Value::Null, None)),
        SqlValue::Boolean(on) => Some(Input::Typed(Value::Bool(*on), None)),
        SqlValue::Number(digits, _) => Some(exact(digits)?),
        SqlValue::SingleQuotedString(text)
        | SqlValue::EscapedStringLiteral(text)
        | SqlValue::NationalStringLiteral(text)
        | SqlValue::UnicodeStringLiteral(text) => Some(Input::Typed(Value::Text(text.as_str().into()), None)),
        SqlValue::DollarQuotedString(text) => {
            Some(Input::Typed(Value::Text(text.value.as_str().into()), None))
        }
        _ => None,
    })
}

fn exact(digits: &str) -> Result<Input> {
    if let Ok(whole) = digits.parse::<i64>() {
        return Ok(Input::Typed(Value::Int(whole), None));
    }
    value::input_of(&number(digits)?, chrono_tz::UTC)
}

/// Evaluates expressions that stand alone.
///
/// # Errors
///
/// The planner's.
pub async fn evaluate(
    session: &mut Session,
    context: QueryContext,
    exprs: &[Expr],
    values: &[ScalarValue],
) -> Result<Vec<ScalarValue>> {
    let mut found = Vec::with_capacity(exprs.len());
    for chunk in exprs.chunks(ASKED_AT_ONCE) {
        let items = chunk.iter().enumerate().map(|(n, e)| ast::named(e.clone(), "v", n)).collect();
        let question = ast::select(items, Vec::new(), None)?;
        let ask = session.ask(context.clone(), question, values.to_vec());
        let rows = session.open(ask).await?;
        let row = session.wait(rows.all(1)).await?;
        for column in row.columns() {
            found.push(ScalarValue::try_from_array(column, 0)?);
        }
    }
    Ok(found)
}
