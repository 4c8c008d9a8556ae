//! A day or a clock's reading beside an instant becomes an instant, as in PostgreSQL. DataFusion would make a reading of the instant where it
//! meets a day; and an instant of another type beside a column would change the column, which is then read without its bounds.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{
        DFSchema, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNodeRecursion},
    },
    logical_expr::{
        Between, BinaryExpr, Case, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Subquery,
        Values, cast,
        expr::{InList, ScalarFunction},
        expr_rewriter::FunctionRewrite,
    },
    optimizer::AnalyzerRule,
};

use super::{is_instant, is_text, refused};
use crate::sql::{
    named,
    zone::{UTC, instant_in},
};

/// Functions of values that are of one type.
const OF_ONE_TYPE: [&str; 5] = ["coalesce", "greatest", "ifnull", "least", "nullif"];

/// The rewrite.
#[derive(Debug)]
pub(crate) struct InstantsPrevail;

impl FunctionRewrite for InstantsPrevail {
    fn name(&self) -> &'static str {
        "instants_prevail"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() || is_other(op) => {
                let of = if op == Operator::Minus { Met::of } else { Met::compared };
                let met = of(&[&*left, &*right], schema);
                let (left, right) =
                    (Box::new(met.instant(*left, schema)), Box::new(met.instant(*right, schema)));
                met.told(Expr::BinaryExpr(BinaryExpr { left, op, right }))
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                let met = Met::compared(&[&*expr, &*low, &*high], schema);
                let [expr, low, high] = [expr, low, high].map(|part| Box::new(met.instant(*part, schema)));
                met.told(Expr::Between(Between { expr, negated, low, high }))
            }
            Expr::InList(InList { expr, list, negated }) => {
                let met = Met::compared(&std::iter::once(&*expr).chain(&list).collect::<Vec<_>>(), schema);
                let list = list.into_iter().map(|item| met.instant(item, schema)).collect();
                let expr = Box::new(met.instant(*expr, schema));
                met.told(Expr::InList(InList { expr, list, negated }))
            }
            Expr::Case(case) => of_case(case, schema),
            Expr::ScalarFunction(ScalarFunction { func, args }) if OF_ONE_TYPE.contains(&func.name()) => {
                let met = Met::of(&args.iter().collect::<Vec<_>>(), schema);
                let args = args.into_iter().map(|value| met.instant(value, schema)).collect();
                met.told(Expr::ScalarFunction(ScalarFunction { func, args }))
            }
            Expr::InSubquery(within) => {
                check_rows(&within.expr, &within.subquery, schema)?;
                Transformed::no(Expr::InSubquery(within))
            }
            Expr::SetComparison(within) => {
                check_rows(&within.expr, &within.subquery, schema)?;
                Transformed::no(Expr::SetComparison(within))
            }
            other => Transformed::no(other),
        })
    }
}

/// What else compares, and the difference.
fn is_other(op: Operator) -> bool {
    matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom | Operator::Minus)
}

/// What is compared with, and what comes of it.
fn of_case(Case { expr, when_then_expr, else_expr }: Case, schema: &DFSchema) -> Transformed<Expr> {
    let asked = expr.iter().map(|expr| &**expr).chain(when_then_expr.iter().map(|(when, _)| &**when));
    let asked: Vec<&Expr> = asked.collect();
    let asked = if expr.is_some() { Met::compared(&asked, schema) } else { Met::default() };
    let given = when_then_expr.iter().map(|(_, then)| &**then).chain(else_expr.as_deref());
    let given = Met::of(&given.collect::<Vec<_>>(), schema);
    let expr = expr.map(|expr| Box::new(asked.instant(*expr, schema)));
    let each = |(when, then): (Box<Expr>, Box<Expr>)| {
        (Box::new(asked.instant(*when, schema)), Box::new(given.instant(*then, schema)))
    };
    let when_then_expr = when_then_expr.into_iter().map(each).collect();
    let else_expr = else_expr.map(|expr| Box::new(given.instant(*expr, schema)));
    let told = Expr::Case(Case { expr, when_then_expr, else_expr });
    Transformed::new_transformed(told, asked.is_mixed || given.is_mixed)
}

/// Rows are made to fit where the plan of the subquery is, not here.
fn check_rows(expr: &Expr, subquery: &Subquery, schema: &DFSchema) -> Result<()> {
    let rows = subquery.subquery.schema().fields().first().map(|field| field.data_type().clone());
    let types: Vec<DataType> = expr.get_type(schema).ok().into_iter().chain(rows).collect();
    refused::days_among(&types, "IN and ANY of a subquery")
}

/// What values are that meet.
#[derive(Clone, Copy, Default)]
struct Met {
    /// Instants, and others that tell the time, or instants of several types.
    is_mixed: bool,
}

impl Met {
    fn of(exprs: &[&Expr], schema: &DFSchema) -> Met {
        Met::among(exprs, schema, |of| is_instant(of) || is_reading(of))
    }

    /// A text that is compared with an instant is one, too.
    fn compared(exprs: &[&Expr], schema: &DFSchema) -> Met {
        Met::among(exprs, schema, |of| is_instant(of) || is_reading(of) || is_text(of))
    }

    fn among(exprs: &[&Expr], schema: &DFSchema, counts: impl Fn(&DataType) -> bool) -> Met {
        let types = exprs.iter().filter_map(|expr| type_of(expr, schema));
        let types: Vec<DataType> = types.filter(counts).collect();
        let is_mixed = types.iter().any(is_instant) && types.iter().any(|one| types.first() != Some(one));
        Met { is_mixed }
    }

    fn instant(self, expr: Expr, schema: &DFSchema) -> Expr {
        let is_one = || type_of(&expr, schema).is_some_and(|one| one == instant_in(UTC));
        if self.is_mixed && !is_one() { cast(expr, instant_in(UTC)) } else { expr }
    }

    fn told(self, expr: Expr) -> Transformed<Expr> {
        Transformed::new_transformed(expr, self.is_mixed)
    }
}

/// A day, or a day and its time.
fn is_reading(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None))
}

fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    expr.get_type(schema).ok()
}

/// Refuses sets that would be made of readings where they have instants, and makes `VALUES` fit what their cells are by now.
#[derive(Debug)]
pub(crate) struct SetsAgree;

impl AnalyzerRule for SetsAgree {
    fn name(&self) -> &'static str {
        "sets_agree"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let mut has_changed = false;
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::Values(values) = node {
                check_cells(values)?;
                has_changed |= has_others(values);
            }
            if let LogicalPlan::Union(union) = node {
                for place in 0..union.schema.fields().len() {
                    let of = |input: &Arc<LogicalPlan>| {
                        Some(input.schema().fields().get(place)?.data_type().clone())
                    };
                    let types: Vec<DataType> = union.inputs.iter().filter_map(of).collect();
                    refused::days_among(&types, "a set operation")?;
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        if !has_changed {
            return Ok(plan);
        }
        let told = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Values(values) if has_others(&values) => {
                Ok(Transformed::yes(LogicalPlanBuilder::values(values.values)?.build()?))
            }
            other => Ok(Transformed::yes(other.recompute_schema()?)),
        })?;
        Ok(told.data)
    }
}

/// Instants that were made readings, to fit the others.
fn check_cells(values: &Values) -> Result<()> {
    for (place, field) in values.schema.fields().iter().enumerate() {
        let mut cells = values.values.iter().filter_map(|row| written(row.get(place)?));
        if !is_instant(field.data_type()) && cells.any(|cell| is_instant(&cell)) {
            return refused::days_among(&[instant_in(UTC), DataType::Date32], "VALUES");
        }
    }
    Ok(())
}

/// Whether cells are something else than they were when they were planned.
fn has_others(values: &Values) -> bool {
    let is_other = |(cell, field): (&Expr, &Arc<Field>)| {
        type_of(cell, &DFSchema::empty()).is_some_and(|of| of != *field.data_type())
    };
    values.values.iter().any(|row| row.iter().zip(values.schema.fields()).any(is_other))
}

/// What a cell of `VALUES` is, before it was made to fit the others.
fn written(cell: &Expr) -> Option<DataType> {
    match cell {
        Expr::Cast(cast) => written(&cast.expr),
        Expr::ScalarFunction(call) => type_of(named::within(call)?, &DFSchema::empty()),
        _ => None,
    }
}
