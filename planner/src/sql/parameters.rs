//! The types of open parameters: what DataFusion infers, and integers for LIMIT and OFFSET.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::{
    common::tree_node::TreeNodeRecursion,
    logical_expr::{Expr, LogicalPlan},
};

use crate::error::{Error, Result};

/// Parameters of one statement, as PostgreSQL's protocol counts them.
const PARAMETERS_MAX: usize = 65_535;

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
