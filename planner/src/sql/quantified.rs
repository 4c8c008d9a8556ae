//! `x < ANY (SELECT …)` and `x >= ALL (SELECT …)`. DataFusion joins what is asked with the subquery, and knows the columns of both by their names alone:
//! where both read the same table, `x` would be compared with itself. So the rows of the subquery get a name of their own.
//! (`= ANY` and `<> ALL` are `IN` and `NOT IN`, [`super::meant`].)

use std::sync::Arc;

use datafusion::{
    common::{
        Result,
        config::ConfigOptions,
        not_impl_err,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder},
    optimizer::AnalyzerRule,
};

/// The name: no table has it.
const NAME: &str = "~compared";

/// The rule. It stands behind those that make types fit.
#[derive(Debug)]
pub(crate) struct SetsApart;

impl AnalyzerRule for SetsApart {
    fn name(&self) -> &'static str {
        "sets_apart"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let apart = |node: LogicalPlan| node.map_expressions(|expr| expr.transform_up(apart));
        Ok(plan.transform_up_with_subqueries(apart)?.data)
    }
}

fn apart(expr: Expr) -> Result<Transformed<Expr>> {
    let Expr::SetComparison(mut compared) = expr else { return Ok(Transformed::no(expr)) };
    let rows = &compared.subquery.subquery;
    let is_apart = matches!(&**rows, LogicalPlan::SubqueryAlias(named) if named.alias.table() == NAME);
    let is_alike = compared.expr.column_refs().into_iter().any(|column| rows.schema().has_column(column));
    if is_apart || !is_alike {
        return Ok(Transformed::no(Expr::SetComparison(compared)));
    }
    if !compared.subquery.outer_ref_columns.is_empty() {
        return not_impl_err!(
            "ANY and ALL of a subquery that has a column of the same name, and others from outside, are not supported: give its table an alias"
        );
    }
    let named = LogicalPlanBuilder::from(LogicalPlan::clone(rows)).alias(NAME)?.build()?;
    compared.subquery = compared.subquery.with_plan(Arc::new(named));
    Ok(Transformed::yes(Expr::SetComparison(compared)))
}
