//! A number that is cast to one of fewer digits is rounded before, as in PostgreSQL: a float to the nearest whole number, to the even one of two, and
//! an exact number away from zero. DataFusion cuts off what is behind the point.
//!
//! It is a function around what is cast, not a cast of casts: comparisons of a cast with a literal are told by DataFusion as comparisons of what is
//! cast, and `price::int = 3` would not find 2.5.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float32Array, Float64Array},
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef, Float32Type,
        Float64Type,
    },
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
        Volatility,
    },
};

use crate::error::Error;

/// The name of what is made here: no statement can call it.
const NAME: &str = "to digits";

/// What is cast to a type, rounded to the digits that the type has; none where it has all of them.
pub(super) fn before_cast(value: &Expr, (from, to): (&DataType, &DataType)) -> Option<Expr> {
    let digits = digits_left(from, to)?;
    if let Expr::ScalarFunction(call) = value
        && is_rounding(&call.func)
    {
        return None;
    }
    let signature = Signature::any(1, Volatility::Immutable);
    Some(ScalarUDF::new_from_impl(Rounding { digits, signature }).call(vec![value.clone()]))
}

/// Whether it is this function, which depends on nothing but its argument.
pub(super) fn is_rounding(func: &ScalarUDF) -> bool {
    func.inner().downcast_ref::<Rounding>().is_some()
}

/// Digits behind the point that a number keeps in a cast that takes others from it.
fn digits_left(from: &DataType, to: &DataType) -> Option<i8> {
    use DataType::{Decimal128, Decimal256, Float32, Float64};
    match (from, to) {
        (Float32 | Float64, to) if to.is_integer() => Some(0),
        (Decimal128(_, scale) | Decimal256(_, scale), to) if to.is_integer() && *scale > 0 => Some(0),
        (Decimal128(_, scale) | Decimal256(_, scale), Decimal128(_, digits) | Decimal256(_, digits))
            if digits < scale =>
        {
            Some(*digits)
        }
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounding {
    digits: i8,
    signature: Signature,
}

impl Rounding {
    /// The type of what it makes of a type.
    fn made_of(&self, from: &DataType) -> DataType {
        match from {
            DataType::Decimal128(..) => DataType::Decimal128(DECIMAL128_MAX_PRECISION, self.digits),
            DataType::Decimal256(..) => DataType::Decimal256(DECIMAL256_MAX_PRECISION, self.digits),
            other => other.clone(),
        }
    }
}

impl ScalarUDFImpl for Rounding {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [value] => Ok(self.made_of(value)),
            _ => Err(Error::internal("one value").into()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match args.arg_fields {
            [value] => Ok(Arc::new(Field::new(NAME, self.made_of(value.data_type()), value.is_nullable()))),
            _ => Err(Error::internal("one value").into()),
        }
    }

    /// That of what is cast, as casts have it.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return Err(Error::internal("one value").into()) };
        let values = value.to_array(1)?;
        let made: ArrayRef = match values.data_type() {
            DataType::Float32 => {
                let made: Float32Array = values.as_primitive::<Float32Type>().unary(f32::round_ties_even);
                Arc::new(made)
            }
            DataType::Float64 => {
                let made: Float64Array = values.as_primitive::<Float64Type>().unary(f64::round_ties_even);
                Arc::new(made)
            }
            // To the nearest, and away from zero where there are two.
            exact => {
                let strict = CastOptions { safe: false, ..CastOptions::default() };
                cast_with_options(&values, &self.made_of(exact), &strict)?
            }
        };
        Ok(match value {
            ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?),
            ColumnarValue::Array(_) => ColumnarValue::Array(made),
        })
    }
}
