//! `to_char` of instants, readings and days, with PostgreSQL's pictures (`YYYY-MM-DD HH24:MI`) and by the session's clock. DataFusion's own
//! takes pictures of `strftime`, and would give back `YYYY` as it stands.

mod drawn;
mod picture;

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, StringBuilder},
    datatypes::{DataType, TimestampMicrosecondType},
};
use chrono_tz::Tz;
use datafusion::{
    common::{Result, ScalarValue, not_impl_err, plan_err},
    execution::FunctionRegistry,
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
    },
};

use drawn::Moment;
use picture::Picture;

use super::zone::{Clock, UTC, instant_in, local, out_of_range};

/// The function.
const NAME: &str = "to_char";
/// About what a text takes.
const TEXT_BYTES: usize = 24;

/// Puts it into a registry in place of DataFusion's.
///
/// # Errors
///
/// Those of the registry.
pub(crate) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    registry.register_udf(Arc::new(ToChar::udf(None)))?;
    Ok(())
}

/// An instant drawn by the clock of a zone.
pub(super) fn in_zone(zone: Tz, instant: Expr, picture: Expr) -> Expr {
    ToChar::udf(Some(zone)).call(vec![instant, cast(picture, DataType::Utf8)])
}

/// Whether a function is this one.
pub(super) fn is_ours(func: &ScalarUDF) -> bool {
    func.inner().downcast_ref::<ToChar>().is_some()
}

/// Whether a function is this one, and knows its zone.
pub(super) fn names_its_clock(func: &ScalarUDF) -> bool {
    func.inner().downcast_ref::<ToChar>().is_some_and(|of| of.zone.is_some())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToChar {
    /// That of instants; readings have none.
    zone: Option<Tz>,
    signature: Signature,
}

impl ToChar {
    fn udf(zone: Option<Tz>) -> ScalarUDF {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(ToChar { zone, signature })
    }
}

impl ScalarUDFImpl for ToChar {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        use DataType::{Date32, Date64, LargeUtf8, Null, Timestamp, Utf8, Utf8View};
        let [value, picture] = types else {
            return plan_err!("no function matches {NAME} with such arguments");
        };
        if !matches!(picture, Utf8 | LargeUtf8 | Utf8View | Null) {
            return plan_err!("no function matches {NAME} with a picture of the type {picture}");
        }
        match value {
            Timestamp(_, None) => Ok(vec![local(), Utf8]),
            // A day is an instant by the session's clock.
            Timestamp(_, Some(_)) | Date32 | Date64 | Null => Ok(vec![instant_in(UTC), Utf8]),
            other => not_impl_err!("{NAME} of {other} is not supported: it takes dates and timestamps"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, picture] = args.args.as_slice() else { return plan_err!("{NAME} takes two values") };
        let is_one = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let rows = if is_one(value) && is_one(picture) { 1 } else { args.number_rows };
        let pictures = picture.to_array(if is_one(picture) { 1 } else { rows })?;
        let drawn = drawn(self.zone.unwrap_or(Tz::UTC), &value.to_array(rows)?, &pictures)?;
        Ok(match is_one(value) && is_one(picture) {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&drawn, 0)?),
            false => ColumnarValue::Array(drawn),
        })
    }
}

/// Each value by its picture, or all by the one that there is.
fn drawn(zone: Tz, values: &ArrayRef, pictures: &ArrayRef) -> Result<ArrayRef> {
    let is_instant = matches!(values.data_type(), DataType::Timestamp(_, Some(_)));
    let (values, pictures) = (values.as_primitive::<TimestampMicrosecondType>(), pictures.as_string::<i32>());
    let clock = is_instant.then(|| Clock::of(zone));
    let mut texts = StringBuilder::with_capacity(values.len(), values.len() * TEXT_BYTES);
    let mut last: Option<(usize, Picture)> = None;
    for (row, value) in values.iter().enumerate() {
        let at = if pictures.len() == 1 { 0 } else { row };
        // Of no picture PostgreSQL makes null.
        let is_drawn = pictures.is_valid(at) && !pictures.value(at).is_empty();
        let Some(value) = value.filter(|_| is_drawn) else {
            texts.append_null();
            continue;
        };
        let (_, picture) = match last.take() {
            Some(known) if known.0 == at || pictures.value(known.0) == pictures.value(at) => {
                last.insert(known)
            }
            _ => last.insert((at, Picture::of(pictures.value(at)))),
        };
        let moment = match &clock {
            Some(clock) => Moment::of_instant(value, zone, clock),
            None => Moment::of_reading(value),
        };
        moment.and_then(|moment| picture.draw(&moment, &mut texts)).ok_or_else(out_of_range)?;
        texts.append_value("");
    }
    Ok(Arc::new(texts.finish()))
}

#[cfg(test)]
mod tests;
