//! `date_trunc` by the clock of a time zone, as in PostgreSQL: of an instant it is the session's, or the one that is named
//! as the third argument; of a day too. DataFusion's own looks at the zone of a value's type, which is UTC here for most instants.

mod buckets;

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef},
    common::{DFSchema, DataFusionError, Result, config::ConfigOptions, tree_node::Transformed},
    execution::FunctionRegistry,
    logical_expr::{
        ColumnarValue, Documentation, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
        ScalarUDFImpl, Signature, TypeSignature, Volatility, cast,
        expr::ScalarFunction,
        expr_rewriter::FunctionRewrite,
        sort_properties::{ExprProperties, SortProperties},
    },
};

use super::zone::{Clock, UTC, instant_in};
use crate::error::Error;

/// The function's name.
const NAME: &str = "date_trunc";

/// Puts it into a registry in place of DataFusion's.
///
/// # Errors
///
/// Where DataFusion has none.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let plain = registry.udf(NAME)?;
    let mut signatures = match &plain.signature().type_signature {
        TypeSignature::OneOf(signatures) => signatures.clone(),
        other => vec![other.clone()],
    };
    signatures.push(TypeSignature::Any(3));
    signatures.push(TypeSignature::Exact(vec![DataType::Utf8, DataType::Date32]));
    let signature = Signature::new(TypeSignature::OneOf(signatures), Volatility::Immutable);
    let truncates = |is_in_zone: bool| {
        let (plain, signature) = (Arc::clone(&plain), signature.clone());
        Arc::new(ScalarUDF::new_from_impl(Truncates { plain, signature, is_in_zone }))
    };
    registry.register_udf(truncates(false))?;
    registry.register_function_rewrite(Arc::new(InZone { truncates: truncates(true) }))
}

/// `date_trunc(unit, value)` and `date_trunc(unit, value, zone)`, until [`InZone`] has made the second of them the first in a
/// zone. What comes of it is what DataFusion's makes of it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Truncates {
    plain: Arc<ScalarUDF>,
    signature: Signature,
    /// The value has been moved to the zone that is meant: expressions are rewritten more than once on their way.
    is_in_zone: bool,
}

impl ScalarUDFImpl for Truncates {
    fn name(&self) -> &str {
        self.plain.name()
    }

    fn aliases(&self) -> &[String] {
        self.plain.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.plain.return_type(arguments)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match arguments.arg_fields {
            [_, _, _] => Ok(Arc::new(Field::new(NAME, instant_in(UTC), true))),
            [_, day] if *day.data_type() == DataType::Date32 => {
                Ok(Arc::new(Field::new(NAME, instant_in(UTC), true)))
            }
            _ => self.plain.inner().return_field_from_args(arguments),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.len() {
            3 => Err(Error::internal("a date_trunc in a zone that was not planned").into()),
            _ => {
                let plain = |arguments| self.plain.inner().invoke_with_args(arguments);
                match buckets::truncated(&arguments, plain)? {
                    Some(truncated) => Ok(truncated),
                    None => plain(arguments),
                }
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        match inputs.len() {
            3 => Ok(SortProperties::Unordered),
            _ => self.plain.inner().output_ordering(inputs),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.plain.inner().documentation()
    }
}

/// Moves an instant to the zone, has it truncated there, and moves it back.
#[derive(Debug)]
struct InZone {
    truncates: Arc<ScalarUDF>,
}

impl FunctionRewrite for InZone {
    fn name(&self) -> &'static str {
        "date_trunc_in_zone"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, options: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(ScalarFunction { func, args }) = &expr else {
            return Ok(Transformed::no(expr));
        };
        if func.name() != NAME || func.inner().downcast_ref::<Truncates>().is_some_and(|of| of.is_in_zone) {
            return Ok(Transformed::no(expr));
        }
        let session = options.execution.time_zone.as_deref().unwrap_or(UTC);
        let (unit, value, zone) = match args.as_slice() {
            [unit, value] => match value.get_type(schema) {
                Ok(DataType::Timestamp(_, Some(zone))) if *zone != *session => {
                    (unit, value.clone(), session.to_owned())
                }
                // A day is the instant at which it begins.
                Ok(DataType::Date32) => (unit, cast(value.clone(), instant_in(session)), session.to_owned()),
                _ => return Ok(Transformed::no(expr)),
            },
            // What is no instant is one of the session's clock.
            [unit, value, zone] => match value.get_type(schema)? {
                DataType::Timestamp(_, Some(_)) => (unit, value.clone(), named(zone)?),
                _ => (unit, cast(value.clone(), instant_in(session)), named(zone)?),
            },
            _ => return Ok(Transformed::no(expr)),
        };
        let truncated = self.truncates.call(vec![unit.clone(), cast(value, instant_in(&zone))]);
        Ok(Transformed::yes(cast(truncated, instant_in(UTC))))
    }
}

/// The zone that a literal names.
fn named(zone: &Expr) -> Result<String> {
    let Expr::Literal(literal, _) = zone else {
        let message = "the time zone of date_trunc is a literal".to_owned();
        return Err(DataFusionError::NotImplemented(message));
    };
    let text = literal.try_as_str().flatten().unwrap_or_default();
    Clock::named(text)?.type_name()
}

#[cfg(test)]
mod tests;
