//! Adding up, exactly: whole numbers of 128 bits, of which decimals are so many hundredths. Floats are added in the order of their size, so that it
//! does not matter in which order records are found.

use std::cmp::Ordering;

use quarry_metadata::{FieldKind, SummaryFunction};
use quarry_storage::Value;

use super::Plan;

/// A whole number of so many digits is kept as one of 64 bits.
const INT_DIGITS_MAX: u8 = 18;

/// What many records come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    count: i64,
    /// None where it has more than 128 bits.
    sum: Option<i128>,
    floats: Vec<f64>,
    least: Option<Value>,
    greatest: Option<Value>,
}

/// It has more digits than its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Tally {
    /// Takes one more value.
    pub fn add(&mut self, value: Value) {
        self.sum = if self.count == 0 { Some(0) } else { self.sum };
        self.count += 1;
        match value {
            Value::Int(number) => self.sum = self.sum.and_then(|sum| sum.checked_add(i128::from(number))),
            Value::Decimal(number) => self.sum = self.sum.and_then(|sum| sum.checked_add(number)),
            Value::Float(number) => self.floats.push(number),
            _ => {}
        }
        if self.least.as_ref().is_none_or(|least| order(&value, least).is_lt()) {
            self.least = Some(value.clone());
        }
        if self.greatest.as_ref().is_none_or(|greatest| order(&value, greatest).is_gt()) {
            self.greatest = Some(value);
        }
    }

    /// What a summary is that is made of these.
    ///
    /// # Errors
    ///
    /// [`TooLarge`].
    pub fn value(&self, plan: &Plan) -> Result<Value, TooLarge> {
        match plan.function {
            SummaryFunction::Count => Ok(Value::Int(self.count)),
            _ if self.count == 0 => Ok(nothing(plan.function, &plan.kind)),
            SummaryFunction::Min => Ok(self.least.clone().unwrap_or(Value::Null)),
            SummaryFunction::Max => Ok(self.greatest.clone().unwrap_or(Value::Null)),
            _ if matches!(plan.kind, FieldKind::Float { .. }) => self.float(plan.function),
            SummaryFunction::Sum => exact(self.sum.ok_or(TooLarge)?, &plan.kind),
            SummaryFunction::Avg => {
                let (_, scale) = digits(&plan.kind).ok_or(TooLarge)?;
                let mean = average(self.sum.ok_or(TooLarge)?, self.count, plan.scale, scale);
                exact(mean.ok_or(TooLarge)?, &plan.kind)
            }
        }
    }

    fn float(&self, function: SummaryFunction) -> Result<Value, TooLarge> {
        let mut floats = self.floats.clone();
        floats.sort_by(f64::total_cmp);
        let sum: f64 = floats.iter().sum();
        // More records than a float counts exactly are past what one process serves.
        #[allow(clippy::cast_precision_loss)]
        let result = if function == SummaryFunction::Avg { sum / self.count as f64 } else { sum };
        if result.is_finite() { Ok(Value::Float(result)) } else { Err(TooLarge) }
    }
}

/// What a summary is that is made of no records.
pub(crate) fn nothing(function: SummaryFunction, kind: &FieldKind) -> Value {
    match (function, kind) {
        (SummaryFunction::Count, _) => Value::Int(0),
        (SummaryFunction::Sum, FieldKind::Float { .. }) => Value::Float(0.0),
        (SummaryFunction::Sum, kind) => exact(0, kind).unwrap_or(Value::Null),
        _ => Value::Null,
    }
}

/// A number as its field keeps it.
///
/// # Errors
///
/// [`TooLarge`].
pub(super) fn exact(number: i128, kind: &FieldKind) -> Result<Value, TooLarge> {
    let (precision, scale) = digits(kind).ok_or(TooLarge)?;
    if number.unsigned_abs() >= 10_u128.checked_pow(u32::from(precision)).unwrap_or(u128::MAX) {
        return Err(TooLarge);
    }
    match kind {
        FieldKind::Number { .. } if scale == 0 && precision <= INT_DIGITS_MAX => {
            i64::try_from(number).map(Value::Int).map_err(|_| TooLarge)
        }
        _ => Ok(Value::Decimal(number)),
    }
}

fn digits(kind: &FieldKind) -> Option<(u8, u8)> {
    match kind {
        FieldKind::Number { precision, scale, .. }
        | FieldKind::Currency { precision, scale, .. }
        | FieldKind::Percent { precision, scale, .. } => Some((*precision, u8::try_from(*scale).ok()?)),
        _ => None,
    }
}

/// A sum of so many digits behind the point, by a count, with `to` digits; rounded half away from zero.
fn average(sum: i128, count: i64, from: u8, to: u8) -> Option<i128> {
    let power = |digits: u8| 10_i128.checked_pow(u32::from(digits));
    let (count, more) = match to.checked_sub(from) {
        Some(more) => (i128::from(count), power(more)?),
        None => (i128::from(count).checked_mul(power(from - to)?)?, 1),
    };
    let (whole, rest) = (sum / count, sum % count);
    let rest = rest.checked_mul(more)?;
    let half = (rest % count).unsigned_abs().checked_mul(2)? >= count.unsigned_abs();
    let exact = whole.checked_mul(more)?.checked_add(rest / count)?;
    exact.checked_add(if half { sum.signum() } else { 0 })
}

/// The order of two values of one type: texts byte by byte, as lists of records are sorted by them.
pub(super) fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Int(a), Value::Int(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests;
