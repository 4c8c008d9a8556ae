//! A float beside an exact number makes the exact number a float, as in PostgreSQL. Without this the float would be made
//! exact, with digits that it does not mean, and `ratio = -999999.5` would find nothing.

use datafusion::{
    arrow::datatypes::DataType,
    common::{DFSchema, Result, config::ConfigOptions, tree_node::Transformed},
    logical_expr::{
        Between, BinaryExpr, Expr, ExprSchemable, cast, expr::InList, expr_rewriter::FunctionRewrite,
    },
};

/// The rewrite.
#[derive(Debug)]
pub(crate) struct FloatsPrevail;

impl FunctionRewrite for FloatsPrevail {
    fn name(&self) -> &'static str {
        "floats_prevail"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if op.supports_propagation() || op.is_numerical_operators() =>
            {
                let changes = mixes([&*left, &*right], schema);
                let (left, right) = (as_float(*left, changes, schema), as_float(*right, changes, schema));
                Transformed::new_transformed(
                    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) }),
                    changes,
                )
            }
            Expr::Between(Between { expr, negated, low, high }) => {
                let changes = mixes([&*expr, &*low, &*high], schema);
                let [expr, low, high] =
                    [expr, low, high].map(|part| Box::new(as_float(*part, changes, schema)));
                Transformed::new_transformed(Expr::Between(Between { expr, negated, low, high }), changes)
            }
            Expr::InList(InList { expr, list, negated }) => {
                let changes = mixes(std::iter::once(&*expr).chain(&list), schema);
                let list = list.into_iter().map(|item| as_float(item, changes, schema)).collect();
                let expr = Box::new(as_float(*expr, changes, schema));
                Transformed::new_transformed(Expr::InList(InList { expr, list, negated }), changes)
            }
            other => Transformed::no(other),
        })
    }
}

/// One of them is a float, another exact.
fn mixes<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    let types: Vec<DataType> = exprs.into_iter().filter_map(|expr| expr.get_type(schema).ok()).collect();
    types.iter().any(DataType::is_floating) && types.iter().any(is_exact)
}

fn is_exact(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..))
}

fn as_float(expr: Expr, changes: bool, schema: &DFSchema) -> Expr {
    match expr.get_type(schema) {
        Ok(data_type) if changes && is_exact(&data_type) => cast(expr, DataType::Float64),
        _ => expr,
    }
}
