//! The type of a list parameter: `x = ANY($1)` says that `$1` is a list of what `x` is, which DataFusion does not infer.

use arrow::datatypes::DataType;
use datafusion::{
    common::{
        DFSchema,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, ExprSchemable, LogicalPlan},
};

use crate::{error::Result, parse::parameter_number};

/// Fills the types that are open and that a plan's `= ANY($n)` tell.
///
/// # Errors
///
/// `XX000`.
pub fn with_lists(mut types: Vec<Option<DataType>>, plan: &LogicalPlan) -> Result<Vec<Option<DataType>>> {
    let mut found = Vec::new();
    plan.apply_with_subqueries(|node| {
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                found.extend(list_of(part, &schema));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    for (number, data_type) in found {
        if types.len() < number {
            types.resize(number, None);
        }
        if let Some(open @ None) = types.get_mut(number - 1) {
            *open = Some(data_type);
        }
    }
    Ok(types)
}

/// `array_has($n, x)`, which is what `x = ANY($n)` is planned as.
fn list_of(expr: &Expr, schema: &DFSchema) -> Option<(usize, DataType)> {
    let Expr::ScalarFunction(function) = expr else { return None };
    let (Expr::Placeholder(list), item) = (function.args.first()?, function.args.get(1)?) else {
        return None;
    };
    if function.name() != "array_has" || list.field.is_some() {
        return None;
    }
    let item = match item.get_type(schema).ok()? {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        other => other,
    };
    Some((parameter_number(&list.id)?, DataType::new_list(item, true)))
}
