//! The types of open parameters: what DataFusion infers, and integers for LIMIT and OFFSET.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field};
use datafusion::{
    common::{
        Result as PlanResult, ScalarValue, plan_err,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        Expr, LogicalPlan,
        expr::{Cast, Placeholder},
    },
};

use crate::error::{Error, Result};

/// Parameters of one statement, as PostgreSQL's protocol counts them.
const PARAMETERS_MAX: usize = 65_535;

/// A plan whose parameters have the types of the values, whatever was inferred.
///
/// # Errors
///
/// `Internal`.
pub(super) fn typed(plan: LogicalPlan, values: &[ScalarValue]) -> Result<LogicalPlan> {
    if values.is_empty() {
        return Ok(plan);
    }
    let typed = plan.transform_up(|plan| {
        let changed = plan.map_expressions(|expr| {
            expr.transform_up(|expr| match expr {
                Expr::Placeholder(Placeholder { id, field }) => {
                    let Some(value) = value_of(&id, values) else {
                        return Ok(Transformed::no(Expr::Placeholder(Placeholder { id, field })));
                    };
                    let field = Arc::new(Field::new(&id, value.data_type(), true));
                    Ok(Transformed::yes(Expr::Placeholder(Placeholder { id, field: Some(field) })))
                }
                other => Ok(Transformed::no(other)),
            })
        })?;
        if changed.transformed { changed.map_data(LogicalPlan::recompute_schema) } else { Ok(changed) }
    })?;
    Ok(typed.data)
}

/// An expression with the values in it, and whether there were any.
///
/// # Errors
///
/// None for a plan whose parameters were counted; DataFusion's for a parameter without a value.
pub(super) fn bound(expr: &Expr, values: &[ScalarValue]) -> PlanResult<(Expr, bool)> {
    let bound = expr.clone().transform_up(|expr| match &expr {
        Expr::Placeholder(placeholder) => match value_of(&placeholder.id, values) {
            Some(value) => Ok(Transformed::yes(Expr::Literal(value.clone(), None))),
            None => plan_err!("there is no value for parameter {}", placeholder.id),
        },
        Expr::Cast(Cast { expr: value, field }) => match value.as_ref() {
            // What texts are compared as; all else is left to who makes expressions simple.
            Expr::Literal(ScalarValue::Utf8(text), _) if *field.data_type() == DataType::Utf8View => {
                Ok(Transformed::yes(Expr::Literal(ScalarValue::Utf8View(text.clone()), None)))
            }
            _ => Ok(Transformed::no(expr)),
        },
        _ => Ok(Transformed::no(expr)),
    })?;
    Ok((bound.data, bound.transformed))
}

fn value_of<'a>(id: &str, values: &'a [ScalarValue]) -> Option<&'a ScalarValue> {
    let position = id.strip_prefix('$')?.parse::<usize>().ok()?;
    values.get(position.checked_sub(1)?)
}

/// The types by position; `None` where nothing tells.
pub(super) fn parameter_types(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>> {
    let mut inferred = plan.get_parameter_types()?;
    for name in limit_parameters(plan)? {
        inferred.insert(name, Some(DataType::Int64));
    }
    by_position(inferred)
}

fn limit_parameters(plan: &LogicalPlan) -> Result<Vec<String>> {
    let mut names = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for expr in limit.skip.iter().chain(&limit.fetch) {
                collect_placeholders(expr, &mut names);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(names)
}

fn collect_placeholders(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::Placeholder(placeholder) => names.push(placeholder.id.clone()),
        Expr::Cast(cast) => collect_placeholders(&cast.expr, names),
        _ => {}
    }
}

fn by_position(inferred: HashMap<String, Option<DataType>>) -> Result<Vec<Option<DataType>>> {
    let mut types = Vec::new();
    for (name, data_type) in inferred {
        let position =
            name.trim_start_matches('$').parse::<usize>().ok().filter(|p| (1..=PARAMETERS_MAX).contains(p));
        let Some(position) = position else {
            return Err(Error::invalid(
                "INVALID_QUERY",
                "",
                format!("{name:?} is no parameter: write $1, $2, …"),
            ));
        };
        if types.len() < position {
            types.resize(position, None);
        }
        if let Some(slot) = types.get_mut(position - 1) {
            *slot = data_type;
        }
    }
    Ok(types)
}
