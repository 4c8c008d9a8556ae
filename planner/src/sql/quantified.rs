//! `x IN (SELECT …)`, `x < ANY (SELECT …)` and `x >= ALL (SELECT …)`, which may be neither true nor false. (`= ANY` and `<> ALL` come here as `IN` and
//! `NOT IN`, [`super::meant`].)
//!
//! DataFusion joins what is asked with the subquery. Of `IN` the join knows true and not true. That is enough where a row is looked for that it is
//! true of, and, by a join of its own, where a condition is `NOT IN` of a subquery that speaks of nothing outside. Elsewhere (`NOT (a OR x IN …)`,
//! `(x IN …) IS NULL`, `a OR x NOT IN …`) it is said here what is true, what is null and what is false; of a subquery that speaks of what is outside
//! as `= ANY`, which DataFusion takes apart into the three by looking at all pairs.
//!
//! Of those it knows the columns of both sides by their names alone: where both read the same table, `x` would be compared with itself. So the rows
//! of the subquery get a name of their own.

use std::sync::Arc;

use datafusion::{
    common::{
        Column, DFSchema, Result, ScalarValue, Spans,
        config::ConfigOptions,
        not_impl_err,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    functions_aggregate::count::count_all,
    logical_expr::{
        BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
        expr::{InSubquery, SetComparison, SetQuantifier},
        lit,
        utils::{conjunction, disjunction, split_conjunction_owned},
        when,
    },
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
        if !asks_of_sets(&plan)? {
            return Ok(plan);
        }
        let told = |node: LogicalPlan| {
            in_filter(node)?.transform_data(|node| node.map_expressions(|expr| expr.transform_up(apart)))
        };
        Ok(plan.transform_up_with_subqueries(told)?.data)
    }
}

fn asks_of_sets(plan: &LogicalPlan) -> Result<bool> {
    let mut asks = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            asks = asks || has_set(expr)?;
            Ok(if asks { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(asks)
}

fn has_set(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| Ok(matches!(expr, Expr::InSubquery(_) | Expr::SetComparison(_))))
}

/// The conditions of a filter, each as a join can tell it.
fn in_filter(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(filter) = node else { return Ok(Transformed::no(node)) };
    if !has_set(&filter.predicate)? {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let Filter { predicate, input, .. } = filter;
    let mut conditions = split_conjunction_owned(predicate);
    let mut is_changed = false;
    for condition in &mut conditions {
        let told = told(std::mem::take(condition), input.schema())?;
        is_changed |= told.transformed;
        *condition = told.data;
    }
    let Some(predicate) = conjunction(conditions) else { return Ok(Transformed::no(input.as_ref().clone())) };
    let filter = LogicalPlan::Filter(Filter::try_new(predicate, input)?);
    Ok(Transformed::new_transformed(filter, is_changed))
}

/// One condition.
fn told(condition: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if let Some((asked, negated)) = membership(&condition)
        && (!negated || is_told_apart(asked, schema))
    {
        return Ok(Transformed::no(condition));
    }
    condition.transform_down(|expr| match expr {
        // What is true of neither is true of none, whatever else it is.
        Expr::BinaryExpr(BinaryExpr { op: Operator::And | Operator::Or, .. })
        | Expr::InSubquery(InSubquery { negated: false, .. }) => Ok(Transformed::no(expr)),
        other => {
            let told = other.transform_up(|expr| exact(expr, schema))?;
            Ok(Transformed::new(told.data, told.transformed, TreeNodeRecursion::Jump))
        }
    })
}

/// What is asked of a set, and whether the answer is turned round.
fn membership(condition: &Expr) -> Option<(&InSubquery, bool)> {
    match condition {
        Expr::InSubquery(asked) => Some((asked, asked.negated)),
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(asked) => Some((asked, !asked.negated)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the join of `NOT IN` knows nulls: it compares one column, and nothing else.
fn is_told_apart(asked: &InSubquery, schema: &DFSchema) -> bool {
    asked.subquery.outer_ref_columns.is_empty()
        && (!asked.expr.column_refs().is_empty() || !may_be_null(asked, schema))
}

fn may_be_null(asked: &InSubquery, schema: &DFSchema) -> bool {
    let rows = asked.subquery.subquery.schema();
    asked.expr.nullable(schema).unwrap_or(true)
        || rows.fields().first().is_none_or(|field| field.is_nullable())
}

/// `IN` by what is true, null and false.
fn exact(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::InSubquery(asked) = expr else { return Ok(Transformed::no(expr)) };
    if asked.subquery.outer_ref_columns.is_empty() {
        return by_nulls(asked, schema);
    }
    let InSubquery { expr, subquery, negated } = asked;
    let any = Expr::SetComparison(SetComparison::new(expr, subquery, Operator::Eq, SetQuantifier::Any));
    Ok(Transformed::yes(if negated { Expr::Not(Box::new(any)) } else { any }))
}

/// The same of a subquery that speaks of nothing outside: it is null where nothing is found and there are nulls on either side, which is asked of
/// the subquery once and not of each pair.
fn by_nulls(asked: InSubquery, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (rows, mut nulls) = (&asked.subquery.subquery, Vec::new());
    if asked.expr.nullable(schema).unwrap_or(true) {
        let first = LogicalPlanBuilder::from(LogicalPlan::clone(rows)).limit(0, Some(1))?;
        nulls.push(asked.expr.as_ref().clone().is_null().and(has_rows(first)?));
    }
    if rows.schema().fields().first().is_none_or(|field| field.is_nullable()) {
        let value = Expr::Column(Column::from(rows.schema().qualified_field(0)));
        nulls.push(has_rows(LogicalPlanBuilder::from(LogicalPlan::clone(rows)).filter(value.is_null())?)?);
    }
    let Some(is_null) = disjunction(nulls) else { return Ok(Transformed::no(Expr::InSubquery(asked))) };
    let found = Expr::InSubquery(InSubquery { negated: false, ..asked });
    let null = lit(ScalarValue::Boolean(None));
    let told = when(found, lit(true)).when(is_null, null).otherwise(lit(false))?;
    Ok(Transformed::yes(if asked.negated { Expr::Not(Box::new(told)) } else { told }))
}

fn has_rows(rows: LogicalPlanBuilder) -> Result<Expr> {
    let counted = Arc::new(rows.aggregate(Vec::<Expr>::new(), [count_all()])?.build()?);
    let count = Subquery { subquery: counted, outer_ref_columns: Vec::new(), spans: Spans::new() };
    Ok(Expr::ScalarSubquery(count).gt(lit(0_i64)))
}

/// Rows under a name of their own, where what is compared with them has the name of one of their columns.
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
            "IN, ANY and ALL of a subquery that has a column of the same name, and others from outside, are not supported here: give its table an alias"
        );
    }
    let named = LogicalPlanBuilder::from(LogicalPlan::clone(rows)).alias(NAME)?.build()?;
    compared.subquery = compared.subquery.with_plan(Arc::new(named));
    Ok(Transformed::yes(Expr::SetComparison(compared)))
}
