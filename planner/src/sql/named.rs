//! A value under a name of its own. DataFusion leaves casts out of the names of columns: `max(a)` and `max(a::date)` would be one column of the groups.
//! And of the cells of `VALUES`, which it makes fit by casts, it says what each of them was before.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::{
    common::{Result, plan_err},
    execution::FunctionRegistry,
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        Volatility,
        expr::ScalarFunction,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};

/// The function: a value, and what tells its name apart.
pub(super) const NAME: &str = "as_written";

/// Puts the function into a registry.
///
/// # Errors
///
/// Those of the registry.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let signature = Signature::any(2, Volatility::Immutable);
    registry.register_udf(ScalarUDF::new_from_impl(Named { signature }).into())?;
    Ok(())
}

/// What is named, of a call that names it.
pub(super) fn within(call: &ScalarFunction) -> Option<&Expr> {
    call.func.inner().downcast_ref::<Named>().and(call.args.first())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Named {
    signature: Signature,
}

impl ScalarUDFImpl for Named {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value, _] => Ok(value.clone()),
            _ => plan_err!("{NAME} takes a value and a name"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields {
            [value, _] => Ok(value.clone()),
            _ => plan_err!("{NAME} takes a value and a name"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match <[ColumnarValue; 2]>::try_from(args.args) {
            Ok([value, _]) => Ok(value),
            Err(_) => plan_err!("{NAME} takes a value and a name"),
        }
    }

    /// The value alone: by then all columns have their names.
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match <[Expr; 2]>::try_from(args) {
            Ok([value, _]) => ExprSimplifyResult::Simplified(value),
            Err(args) => ExprSimplifyResult::Original(args),
        })
    }
}
