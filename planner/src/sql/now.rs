//! `now()` and `current_timestamp`: an instant, as in PostgreSQL, and of the type that columns of instants have. DataFusion's own are a
//! clock reading of no zone.

use chrono::{DateTime, Utc};
use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef},
    common::{Result, ScalarValue},
    execution::FunctionRegistry,
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        Volatility,
        simplify::{ExprSimplifyResult, SimplifyContext},
    },
};

use super::zone::{UTC, instant_in};
use crate::error::Error;

/// Puts it into a registry in place of DataFusion's.
///
/// # Errors
///
/// Those of the registry.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let now =
        Now { signature: Signature::nullary(Volatility::Stable), aliases: vec!["current_timestamp".into()] };
    registry.register_udf(ScalarUDF::new_from_impl(now).into())?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Now {
    signature: Signature,
    aliases: Vec<String>,
}

impl ScalarUDFImpl for Now {
    fn name(&self) -> &'static str {
        "now"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(instant_in(UTC))
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Field::new(self.name(), instant_in(UTC), false).into())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Err(Error::internal("a now() that was not planned").into())
    }

    /// The one instant of the statement.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let Some(now) = info.query_execution_start_time() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let micros = Some(DateTime::<Utc>::timestamp_micros(&now));
        let literal = ScalarValue::TimestampMicrosecond(micros, Some(UTC.into()));
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(literal, None)))
    }
}
