//! Text to statements, within limits of size and depth.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::{
    ast::{Expr, Insert, Query, SetExpr, Statement, Value, ValueWithSpan, Visitor},
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};

use quarry_planner::sql::bounds;

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
    walk,
};

/// Expressions and queries may nest so deep.
const DEPTH_MAX: usize = 64;
/// Statements of one simple query.
const STATEMENTS_MAX: usize = 10_000;
/// Parameters of one statement (the protocol's own limit).
pub const PARAMETERS_MAX: usize = 65_535;

/// Reads all statements of a text; none for an empty one.
///
/// # Errors
///
/// `42601` with its position, `54001` when it nests too deep, `54000` past a limit.
pub fn parse(text: &str, bytes_max: usize) -> Result<Vec<Statement>> {
    if text.len() > bytes_max {
        let message = format!("a statement may be {bytes_max} bytes long");
        return Err(PgError::new(SqlState::PROGRAM_LIMIT, message).with_hint("split it, or use COPY"));
    }
    let dialect = PostgreSqlDialect {};
    let tokens =
        Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|e| PgError::token(&e, text))?;
    bounds::check_chains(tokens.iter().map(|token| &token.token))
        .map_err(|error| PgError::new(SqlState::TOO_COMPLEX, error.message))?;
    let tokens = tokens.into_iter().map(with_postgres_words).collect();
    let mut parser = Parser::new(&dialect).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens);
    let statements = parser.parse_statements().map_err(|e| PgError::syntax(&e, text))?;
    if statements.len() > STATEMENTS_MAX {
        let message = format!("a query may have {STATEMENTS_MAX} statements");
        return Err(PgError::new(SqlState::PROGRAM_LIMIT, message));
    }
    for statement in &statements {
        bounds::refuse_ignored(statement)
            .map_err(|error| PgError::new(SqlState::FEATURE_NOT_SUPPORTED, error.message))?;
    }
    statements.into_iter().map(plain).collect()
}

/// A change behind WITH is parsed as a query around it; here it is the change, and what was named before it belongs to its own query.
fn plain(statement: Statement) -> Result<Statement> {
    let Statement::Query(query) = statement else { return Ok(statement) };
    let Query { with, body, .. } = *query;
    let mut change = match *body {
        SetExpr::Insert(change) | SetExpr::Update(change) | SetExpr::Delete(change) => change,
        body => return Ok(Statement::Query(Box::new(Query { with, body: Box::new(body), ..*query }))),
    };
    if with.is_some() {
        match &mut change {
            Statement::Insert(Insert { source: Some(source), .. }) if source.with.is_none() => {
                source.with = with
            }
            _ => {
                let hint = "put the query into FROM, USING or a subquery";
                return Err(PgError::unsupported("WITH before this change is not supported", hint));
            }
        }
    }
    Ok(change)
}

/// `ABORT` is PostgreSQL's other word for `ROLLBACK`, which the parser does not know.
fn with_postgres_words(
    mut token: datafusion::sql::sqlparser::tokenizer::TokenWithSpan,
) -> datafusion::sql::sqlparser::tokenizer::TokenWithSpan {
    if let Token::Word(word) = &mut token.token
        && word.quote_style.is_none()
        && word.value.eq_ignore_ascii_case("abort")
    {
        word.keyword = Keyword::ROLLBACK;
    }
    token
}

/// How many parameters a statement has: its highest `$n`.
///
/// # Errors
///
/// `42P02` for `$0`, `?`, and numbers past the limit.
pub fn count_parameters(statement: &Statement) -> Result<usize> {
    let mut highest = Highest(0);
    match walk::look(statement, &mut highest) {
        ControlFlow::Break(name) => {
            Err(PgError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter {name}")))
        }
        ControlFlow::Continue(()) => Ok(highest.0),
    }
}

/// The highest parameter's number; breaks off at a name that is none.
struct Highest(usize);

impl Visitor for Highest {
    type Break = String;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        match placeholder_of(expr).map(|name| (name, parameter_number(name))) {
            Some((name, None)) => return ControlFlow::Break(name.to_owned()),
            Some((_, Some(number))) => self.0 = self.0.max(number),
            None => {}
        }
        ControlFlow::Continue(())
    }
}

/// The name of a placeholder: `$1`.
pub fn placeholder_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => Some(name),
        _ => None,
    }
}

/// 1 for `$1`.
pub fn parameter_number(name: &str) -> Option<usize> {
    let number: usize = name.strip_prefix('$')?.parse().ok()?;
    (1..=PARAMETERS_MAX).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests;
