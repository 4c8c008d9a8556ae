//! Exact numbers: from JSON digits, decimal text, or typed numbers. A float comes in only when the door had one, and is
//! read as the shortest decimal that means it.

use quarry_storage::Value;

use super::{invalid_type, told};
use crate::{
    change::Input,
    decimal::{Exact, Misfit, plain},
    pipeline::draft::Fault,
};

/// Digits that Int64 holds whatever they are.
const INTEGER_DIGITS_MAX: u8 = 18;

/// An integer of at most `precision` digits.
pub(super) fn integer(input: &Input, precision: u8) -> Result<Value, Fault> {
    let fitted = exact(input)?.fit(precision.min(INTEGER_DIGITS_MAX), 0);
    let unscaled = fitted.map_err(|misfit| told_misfit(misfit, precision, 0))?;
    let misfit = |_| told_misfit(Misfit::Digits, precision, 0);
    i64::try_from(unscaled).map(Value::Int).map_err(misfit)
}

/// A decimal of at most `precision` digits, `scale` of them behind the point.
pub(super) fn decimal(input: &Input, precision: u8, scale: i8) -> Result<Value, Fault> {
    let places = u32::try_from(scale).unwrap_or(0);
    let fitted = exact(input)?.fit(precision, places);
    fitted.map(Value::Decimal).map_err(|misfit| told_misfit(misfit, precision, places))
}

/// A float: finite, and zero without a sign.
pub(super) fn float(input: &Input) -> Result<Value, Fault> {
    use serde_json::Value as Json;
    let parsed = match input {
        Input::Json(Json::Number(number)) => number.to_string().parse().ok(),
        Input::Json(Json::String(text)) => decimal_digits(text),
        Input::Typed(Value::Text(text), _) => decimal_digits(text),
        Input::Typed(Value::Int(value), _) => value.to_string().parse().ok(),
        Input::Typed(Value::Decimal(unscaled), scale) => {
            decimal_digits(&plain(*unscaled, i32::from(scale.unwrap_or(0))))
        }
        Input::Typed(Value::Float(value), _) => Some(*value),
        _ => return Err(invalid_type("a number", input)),
    };
    match parsed.filter(|number: &f64| number.is_finite()) {
        // Also of minus zero, which is another zero to an index.
        Some(0.0) => Ok(Value::Float(0.0)),
        Some(number) => Ok(Value::Float(number)),
        None => Err(Fault::new("invalid_number", format!("a finite number is wanted, not {}", told(input)))),
    }
}

/// A float of digits; its names (`inf`, `NaN`) are none.
fn decimal_digits(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    text.parse().ok().filter(|_| digits)
}

fn exact(input: &Input) -> Result<Exact, Fault> {
    use serde_json::Value as Json;
    let invalid = || Fault::new("invalid_number", format!("a number is wanted, not {}", told(input)));
    let parsed = match input {
        Input::Json(Json::Number(number)) => Exact::parse(&number.to_string()),
        Input::Json(Json::String(text)) => Exact::parse(text.trim()),
        Input::Typed(Value::Text(text), _) => Exact::parse(text.trim()),
        Input::Typed(Value::Int(value), _) => Exact::of(i128::from(*value), 0),
        Input::Typed(Value::Decimal(unscaled), scale) => Exact::of(*unscaled, i32::from(scale.unwrap_or(0))),
        Input::Typed(Value::Float(value), _) if value.is_finite() => Exact::parse(&value.to_string()),
        Input::Typed(Value::Float(_), _) => None,
        _ => return Err(invalid_type("a number", input)),
    };
    parsed.ok_or_else(invalid)
}

fn told_misfit(misfit: Misfit, precision: u8, scale: u32) -> Fault {
    match misfit {
        Misfit::Scale if scale == 0 => Fault::new("max_scale", "the number must be whole"),
        Misfit::Scale => Fault::new("max_scale", format!("at most {scale} digits behind the point are kept")),
        Misfit::Digits => {
            let whole = u32::from(precision).saturating_sub(scale);
            Fault::new("max_value", format!("at most {whole} digits before the point are kept"))
        }
    }
}
