//! `timestamp(value, digits)`: an instant or a reading to so many digits of a second. It is what a cast to `timestamptz(0)` is short for; PostgreSQL
//! rounds there, where DataFusion cuts off.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray},
    datatypes::{DataType, TimeUnit, TimestampMicrosecondType},
};
use datafusion::{
    common::{Result, ScalarValue, plan_err},
    execution::FunctionRegistry,
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use super::zone::out_of_range;

/// The function.
pub(super) const NAME: &str = "timestamp";

const DIGITS: u32 = 6;
/// The beginning of the year 2000, from which PostgreSQL counts: what lies halfway goes away from it.
const BEGIN_MICROS: i64 = 946_684_800_000_000;

/// Puts the function into a registry.
///
/// # Errors
///
/// Those of the registry.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let signature = Signature::user_defined(Volatility::Immutable);
    registry.register_udf(ScalarUDF::new_from_impl(Rounds { signature }).into())?;
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounds {
    signature: Signature,
}

impl ScalarUDFImpl for Rounds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [DataType::Timestamp(_, zone), _] => {
                Ok(vec![DataType::Timestamp(TimeUnit::Microsecond, zone.clone()), DataType::Int64])
            }
            _ => plan_err!("{NAME} takes a timestamp and a number of digits"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value, _] => Ok(value.clone()),
            _ => plan_err!("{NAME} takes a timestamp and a number of digits"),
        }
    }

    /// That of what is cast, as casts have it.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.first().map(|value| value.schema_name().to_string()).unwrap_or_default())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, ColumnarValue::Scalar(ScalarValue::Int64(Some(digits)))] = args.args.as_slice() else {
            return plan_err!("{NAME} takes a timestamp and a number of digits");
        };
        let left_out = u32::try_from(*digits).map_or(0, |digits| DIGITS.saturating_sub(digits));
        let step = 10_i64.pow(left_out);
        let values = value.to_array(1)?;
        let values = values.as_primitive::<TimestampMicrosecondType>();
        let made = values.try_unary::<_, TimestampMicrosecondType, _>(|micros| {
            rounded(micros, step).ok_or_else(out_of_range)
        })?;
        let made = made.with_data_type(values.data_type().clone());
        Ok(match value {
            ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?),
            ColumnarValue::Array(_) => ColumnarValue::Array(Arc::new(made)),
        })
    }
}

/// To the nearest of the steps.
fn rounded(micros: i64, step: i64) -> Option<i64> {
    let since = micros.checked_sub(BEGIN_MICROS)?;
    let steps = since.checked_abs()?.checked_add(step / 2)? / step;
    (steps * step * since.signum()).checked_add(BEGIN_MICROS)
}
