//! Operations on numbers: checked, and exact but for double.
//!
//! A decimal is its digits without the point. Products and quotients are computed with 256 bits where 128 are too few, and
//! rounded half away from zero to the digits that the result has.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Decimal128Array, Float64Array, Int64Array},
    datatypes::{DataType, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type, i256},
};
use datafusion::common::{DataFusionError, Result};
use quarry_metadata::expression::{Function, Operator, Type};

use super::{Arguments, settled};
use crate::expression::{compile::Mode, fault::Fault};

/// Digits behind the point of a text or double that is read as an exact number.
const READ_SCALE: u8 = 6;

pub(super) fn arithmetic(
    operator: Operator,
    returns: &Type,
    arguments: &Arguments,
    mode: Mode,
) -> Result<ArrayRef> {
    match returns {
        Type::Int => {
            let (left, right) = (arguments.primitive::<Int64Type>(0)?, arguments.primitive::<Int64Type>(1)?);
            ints(arguments, mode, |row| match (left.get(row), right.get(row)) {
                (Some(left), Some(right)) => whole(operator, left, right).map(Some),
                _ => Ok(None),
            })
        }
        Type::Double => {
            let (left, right) =
                (arguments.primitive::<Float64Type>(0)?, arguments.primitive::<Float64Type>(1)?);
            doubles(arguments, mode, |row| match (left.get(row), right.get(row)) {
                (Some(left), Some(right)) => binary64(operator, left, right).map(Some),
                _ => Ok(None),
            })
        }
        _ => {
            let (left, right) =
                (arguments.primitive::<Decimal128Type>(0)?, arguments.primitive::<Decimal128Type>(1)?);
            let scales = (scale_of(arguments.data_type(0)?), scale_of(arguments.data_type(1)?));
            decimals(returns, arguments, mode, |row, scale| match (left.get(row), right.get(row)) {
                (Some(left), Some(right)) => {
                    exact(operator, (left, scales.0), (right, scales.1), scale).map(Some)
                }
                _ => Ok(None),
            })
        }
    }
}

fn whole(operator: Operator, left: i64, right: i64) -> Result<i64, Fault> {
    let computed = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        _ if right == 0 => return Err(Fault::DivisionByZero),
        Operator::Modulo => left.checked_rem(right),
        _ => left.checked_div(right),
    };
    computed.ok_or(Fault::Overflow)
}

fn binary64(operator: Operator, left: f64, right: f64) -> Result<f64, Fault> {
    let computed = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        _ if right == 0.0 => return Err(Fault::DivisionByZero),
        _ => left / right,
    };
    if computed.is_finite() { Ok(computed) } else { Err(Fault::Overflow) }
}

/// Digits and scale on both sides, to digits of `scale`.
fn exact(operator: Operator, left: (i128, u8), right: (i128, u8), scale: u8) -> Result<i128, Fault> {
    match operator {
        Operator::Add | Operator::Subtract => {
            let (left, right) = (rescaled(left.0, left.1, scale)?, rescaled(right.0, right.1, scale)?);
            let sum =
                if operator == Operator::Add { left.checked_add(right) } else { left.checked_sub(right) };
            sum.ok_or(Fault::Overflow)
        }
        Operator::Multiply => {
            let given = left.1 + right.1;
            match left.0.checked_mul(right.0) {
                Some(product) => rescaled(product, given, scale),
                None => {
                    let product = i256::from_i128(left.0).checked_mul(i256::from_i128(right.0));
                    let unit = i256::from_i128(power(given.saturating_sub(scale))?);
                    quotient_wide(product.ok_or(Fault::Overflow)?, unit)
                }
            }
        }
        _ if right.0 == 0 => Err(Fault::DivisionByZero),
        _ => {
            let unit = power((scale + right.1).saturating_sub(left.1))?;
            match left.0.checked_mul(unit) {
                Some(dividend) => quotient(dividend, right.0),
                None => {
                    let dividend = i256::from_i128(left.0).checked_mul(i256::from_i128(unit));
                    quotient_wide(dividend.ok_or(Fault::Overflow)?, i256::from_i128(right.0))
                }
            }
        }
    }
}

/// The same number with another count of digits behind the point, rounded half away from zero.
pub(super) fn rescaled(value: i128, from: u8, to: u8) -> Result<i128, Fault> {
    match to.checked_sub(from) {
        Some(more) => value.checked_mul(power(more)?).ok_or(Fault::Overflow),
        None => quotient(value, power(from - to)?),
    }
}

fn power(digits: u8) -> Result<i128, Fault> {
    10i128.checked_pow(u32::from(digits)).ok_or(Fault::Overflow)
}

/// Rounded half away from zero.
fn quotient(dividend: i128, divisor: i128) -> Result<i128, Fault> {
    let (whole, rest) = (dividend.checked_div(divisor).ok_or(Fault::Overflow)?, dividend % divisor);
    let away = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
    let step = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
    Ok(if rest != 0 && away { whole + step } else { whole })
}

fn quotient_wide(dividend: i256, divisor: i256) -> Result<i128, Fault> {
    let whole = dividend.checked_div(divisor).ok_or(Fault::Overflow)?;
    let rest = dividend.checked_rem(divisor).ok_or(Fault::Overflow)?;
    let twice = rest.wrapping_abs().checked_add(rest.wrapping_abs()).ok_or(Fault::Overflow)?;
    let step = match (rest == i256::ZERO, twice >= divisor.wrapping_abs()) {
        (false, true) if dividend.is_negative() == divisor.is_negative() => i256::ONE,
        (false, true) => i256::MINUS_ONE,
        _ => i256::ZERO,
    };
    whole.checked_add(step).and_then(i256::to_i128).ok_or(Fault::Overflow)
}

pub(super) fn negated(returns: &Type, arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    let flipped = |value: i64| value.checked_neg().ok_or(Fault::Overflow);
    match returns {
        Type::Int => {
            let cells = arguments.primitive::<Int64Type>(0)?;
            ints(arguments, mode, |row| cells.get(row).map(flipped).transpose())
        }
        Type::Duration => {
            let cells = arguments.primitive::<DurationMicrosecondType>(0)?;
            let micros = ints(arguments, mode, |row| cells.get(row).map(flipped).transpose())?;
            Ok(arrow::compute::cast(&micros, &DataType::Duration(arrow::datatypes::TimeUnit::Microsecond))?)
        }
        Type::Double => {
            let cells = arguments.primitive::<Float64Type>(0)?;
            doubles(arguments, mode, |row| Ok(cells.get(row).map(|value| -value)))
        }
        _ => {
            let cells = arguments.primitive::<Decimal128Type>(0)?;
            decimals(returns, arguments, mode, |row, _| Ok(cells.get(row).map(|value| -value)))
        }
    }
}

/// A number with other digits.
pub(super) fn converted(returns: &Type, arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    match (arguments.data_type(0)?, returns) {
        (DataType::Int64 | DataType::Decimal128(..), Type::Decimal { .. }) => {
            let read = digits(arguments)?;
            decimals(returns, arguments, mode, |row, scale| match read(row) {
                Some((value, from)) => rescaled(value, from, scale).map(Some),
                None => Ok(None),
            })
        }
        (DataType::Null, _) => {
            Ok(arrow::array::new_null_array(&crate::expression::data_type::arrow(returns), arguments.rows))
        }
        (other, _) => Err(DataFusionError::Internal(format!("a {other} can't become a {returns}"))),
    }
}

/// The number in a row: its digits, and how many of them are behind the point.
type Digits<'a> = Box<dyn Fn(usize) -> Option<(i128, u8)> + 'a>;

/// Reads whole and exact numbers alike.
fn digits(arguments: &Arguments) -> Result<Digits<'_>> {
    Ok(match arguments.data_type(0)? {
        DataType::Int64 => {
            let cells = arguments.primitive::<Int64Type>(0)?;
            Box::new(move |row| cells.get(row).map(|value| (i128::from(value), 0)))
        }
        data_type => {
            let scale = scale_of(data_type);
            let cells = arguments.primitive::<Decimal128Type>(0)?;
            Box::new(move |row| cells.get(row).map(|value| (value, scale)))
        }
    })
}

pub(super) fn called(
    function: Function,
    returns: &Type,
    arguments: &Arguments,
    mode: Mode,
) -> Result<ArrayRef> {
    use Function as F;
    let given = arguments.data_type(0)?;
    match (function, given) {
        (F::Abs, DataType::Float64) => {
            let cells = arguments.primitive::<Float64Type>(0)?;
            doubles(arguments, mode, |row| Ok(cells.get(row).map(f64::abs)))
        }
        (F::Abs, DataType::Int64) => {
            let cells = arguments.primitive::<Int64Type>(0)?;
            let abs = |value: i64| value.checked_abs().ok_or(Fault::Overflow);
            ints(arguments, mode, |row| cells.get(row).map(abs).transpose())
        }
        (F::Abs, _) => {
            let cells = arguments.primitive::<Decimal128Type>(0)?;
            decimals(returns, arguments, mode, |row, _| Ok(cells.get(row).map(i128::abs)))
        }
        (F::Int, DataType::Float64) => {
            let cells = arguments.primitive::<Float64Type>(0)?;
            ints(arguments, mode, |row| cells.get(row).map(truncated).transpose())
        }
        (F::Round | F::Floor | F::Ceil | F::Int, DataType::Int64 | DataType::Decimal128(..)) => {
            let read = digits(arguments)?;
            ints(arguments, mode, |row| {
                read(row).map(|(value, scale)| to_whole(function, value, scale)).transpose()
            })
        }
        (F::Int, _) => {
            let cells = arguments.text(0)?;
            let read = |text: &str| text.trim().parse::<i64>().map_err(|_| Fault::NotANumber);
            ints(arguments, mode, |row| cells.get(row).map(read).transpose())
        }
        (F::Double, _) => to_double(arguments, mode),
        _ => to_decimal(returns, arguments, mode),
    }
}

fn to_whole(function: Function, value: i128, scale: u8) -> Result<i64, Fault> {
    let unit = power(scale)?;
    let whole = match function {
        Function::Round => quotient(value, unit)?,
        Function::Floor => value.div_euclid(unit),
        Function::Ceil => value.checked_neg().map(|value| -value.div_euclid(unit)).ok_or(Fault::Overflow)?,
        _ => value / unit,
    };
    i64::try_from(whole).map_err(|_| Fault::Overflow)
}

/// What is before the point, where 64 bits hold it.
#[allow(clippy::cast_possible_truncation)]
fn truncated(value: f64) -> Result<i64, Fault> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let fits = value.is_finite() && value < LIMIT && value > -LIMIT;
    if fits { Ok(value.trunc() as i64) } else { Err(Fault::Overflow) }
}

fn to_double(arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    let parse = |text: &str| {
        let read = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        read.ok_or(Fault::NotANumber)
    };
    match arguments.data_type(0)? {
        DataType::Float64 => Ok(Arc::clone(arguments.array(0)?.0)),
        DataType::Utf8View => {
            let cells = arguments.text(0)?;
            doubles(arguments, mode, |row| cells.get(row).map(parse).transpose())
        }
        _ => {
            let read = digits(arguments)?;
            doubles(arguments, mode, |row| {
                // By way of text, which is exact up to the last bit.
                read(row).map(|(value, scale)| parse(&format!("{value}e-{scale}"))).transpose()
            })
        }
    }
}

fn to_decimal(returns: &Type, arguments: &Arguments, mode: Mode) -> Result<ArrayRef> {
    let read = |text: &str| parsed(text).ok_or(Fault::NotANumber);
    match arguments.data_type(0)? {
        DataType::Utf8View => {
            let cells = arguments.text(0)?;
            decimals(returns, arguments, mode, |row, _| cells.get(row).map(read).transpose())
        }
        DataType::Float64 => {
            let cells = arguments.primitive::<Float64Type>(0)?;
            decimals(returns, arguments, mode, |row, _| {
                cells.get(row).map(|value| read(&value.to_string())).transpose()
            })
        }
        _ => converted(returns, arguments, mode),
    }
}

/// `-12.5` as digits with [`READ_SCALE`] of them behind the point; more are rounded.
fn parsed(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = all.parse::<i128>().ok()?;
    let value = rescaled(value, u8::try_from(fraction.len()).ok()?, READ_SCALE).ok()?;
    Some(if negative { -value } else { value })
}

fn scale_of(data_type: &DataType) -> u8 {
    match data_type {
        DataType::Decimal128(_, scale) => u8::try_from(*scale).unwrap_or(0),
        _ => 0,
    }
}

pub(super) fn ints(
    arguments: &Arguments,
    mode: Mode,
    compute: impl Fn(usize) -> Result<Option<i64>, Fault>,
) -> Result<ArrayRef> {
    let values = (0..arguments.rows).map(|row| settled(compute(row), mode));
    Ok(Arc::new(values.collect::<Result<Int64Array>>()?))
}

fn doubles(
    arguments: &Arguments,
    mode: Mode,
    compute: impl Fn(usize) -> Result<Option<f64>, Fault>,
) -> Result<ArrayRef> {
    let values = (0..arguments.rows).map(|row| settled(compute(row), mode));
    Ok(Arc::new(values.collect::<Result<Float64Array>>()?))
}

/// Exact numbers of `returns`; one of too many digits is an overflow.
pub(super) fn decimals(
    returns: &Type,
    arguments: &Arguments,
    mode: Mode,
    compute: impl Fn(usize, u8) -> Result<Option<i128>, Fault>,
) -> Result<ArrayRef> {
    let Type::Decimal { precision, scale } = returns else {
        return Err(DataFusionError::Internal(format!("a decimal can't become a {returns}")));
    };
    let limit = 10u128.saturating_pow(u32::from(*precision));
    let fits = |value: i128| if value.unsigned_abs() < limit { Ok(value) } else { Err(Fault::Overflow) };
    let values = (0..arguments.rows).map(|row| {
        let computed = compute(row, *scale).and_then(|value| value.map(fits).transpose());
        settled(computed, mode)
    });
    let array = values.collect::<Result<Decimal128Array>>()?;
    let scale = i8::try_from(*scale).unwrap_or(i8::MAX);
    Ok(Arc::new(array.with_precision_and_scale(*precision, scale)?))
}
