//! What SQL is let through: queries.

use datafusion::{
    common::{
        Column, DataFusionError, SchemaError,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    execution::context::SQLOptions,
    logical_expr::{Expr, LogicalPlan},
    sql::sqlparser::ast::Statement,
};

use super::bounds;
use crate::error::{Error, Result};

/// Only statements that read.
pub(super) fn check_statement(statement: &Statement, sees_all: bool) -> Result<()> {
    bounds::refuse_ignored(statement)?;
    // It tells the least and the greatest values of columns, and how many rows there are.
    if !sees_all && matches!(statement, Statement::Explain { verbose: true, .. }) {
        let message = "EXPLAIN VERBOSE is for those who see everything: leave VERBOSE out";
        return Err(Error::invalid("INVALID_QUERY", "", message));
    }
    let inner = match statement {
        Statement::Explain { statement, .. } => statement,
        other => other,
    };
    match inner {
        Statement::Query(_)
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ExplainTable { .. } => Ok(()),
        other => {
            let text = other.to_string();
            let words: Vec<&str> = text.split_whitespace().take(2).collect();
            let message = format!(
                "only queries are answered here, not {:?}: objects come from packages, changes go through the engine",
                words.join(" ")
            );
            Err(Error::invalid("NOT_A_QUERY", "", message))
        }
    }
}

/// What a text that is no query, or more than one, is told.
pub(super) fn not_one_statement() -> Error {
    Error::invalid("NOT_A_QUERY", "", "exactly one query is answered here")
}

/// No plan that writes or sets, however it was spelled, and none that names a column that is not there.
pub(super) fn check_plan(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        check_columns(node)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    let only_queries =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_queries.verify_plan(plan).map_err(|error| Error::invalid("NOT_A_QUERY", "", error.strip_backtrace()))
}

/// `ORDER BY` takes any name when it is planned: what the optimizer finds to be empty would be answered unread.
fn check_columns(node: &LogicalPlan) -> std::result::Result<(), DataFusionError> {
    let inputs = node.inputs();
    if inputs.is_empty() {
        return Ok(());
    }
    let is_there = |column: &Column| inputs.iter().any(|input| input.schema().has_column(column));
    node.apply_expressions(|expression| {
        expression.apply(|part| match part {
            Expr::Column(column) if !is_there(column) => {
                let valid_fields = inputs.iter().flat_map(|input| input.schema().columns()).collect();
                let missing = SchemaError::FieldNotFound { field: Box::new(column.clone()), valid_fields };
                Err(DataFusionError::SchemaError(Box::new(missing), Box::new(None)))
            }
            _ => Ok(TreeNodeRecursion::Continue),
        })
    })?;
    Ok(())
}
