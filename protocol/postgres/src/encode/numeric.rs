//! Numbers: decimals without loss in both forms, floats in PostgreSQL's shortest exact form.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
/// What a digit of the binary form counts to, and the decimal places in it.
const BASE: u16 = 10_000;
const DIGIT_PLACES: u32 = 4;
/// Such digits of 128 bits.
const DIGITS_MAX: usize = 10;

/// `1234.50` of 123450 with scale 2.
pub fn write_decimal(unscaled: i128, scale: i8, out: &mut BytesMut) {
    let magnitude = unscaled.unsigned_abs();
    // Most numbers are small, and 128 bits are slow to divide.
    let digits = u64::try_from(magnitude).map_or_else(|_| magnitude.to_string(), |small| small.to_string());
    if unscaled < 0 {
        out.put_u8(b'-');
    }
    let Ok(places) = usize::try_from(scale) else {
        out.put_slice(digits.as_bytes());
        let zeros = usize::from(scale.unsigned_abs());
        out.put_bytes(b'0', if unscaled == 0 { 0 } else { zeros });
        return;
    };
    let whole = digits.len().saturating_sub(places);
    if whole == 0 {
        out.put_u8(b'0');
    }
    let (before, after) = digits.split_at(whole);
    out.put_slice(before.as_bytes());
    if places > 0 {
        out.put_u8(b'.');
        out.put_bytes(b'0', places - after.len());
        out.put_slice(after.as_bytes());
    }
}

/// The binary numeric ([`write_numeric`]) of an unscaled number.
///
/// # Errors
///
/// `22003` when it has too many digits for the form.
pub fn write_numeric_of(unscaled: i128, scale: i8, out: &mut BytesMut) -> Result<()> {
    let places = u32::try_from(scale).ok();
    let aligned = places.and_then(|places| {
        // Places that are not told fill the last digit.
        let filled = places.next_multiple_of(DIGIT_PLACES);
        let aligned = unscaled.unsigned_abs().checked_mul(10u128.checked_pow(filled - places)?)?;
        Some((aligned, filled / DIGIT_PLACES))
    });
    let (Some(places), Some((mut rest, behind))) = (places, aligned) else {
        let mut text = BytesMut::new();
        write_decimal(unscaled, scale, &mut text);
        return write_numeric(&String::from_utf8_lossy(&text), out);
    };
    let mut digits = [0; DIGITS_MAX];
    let mut count = 0;
    while rest > 0 {
        // Most numbers are small, and 128 bits are slow to divide.
        let (others, digit) = match u64::try_from(rest) {
            Ok(rest) => (u128::from(rest / u64::from(BASE)), rest % u64::from(BASE)),
            Err(_) => (rest / u128::from(BASE), u64::try_from(rest % u128::from(BASE)).unwrap_or(0)),
        };
        if let Some(place) = digits.get_mut(count) {
            *place = u16::try_from(digit).unwrap_or(0);
        }
        (rest, count) = (others, count + 1);
    }
    let digits = digits.get(..count).unwrap_or_default();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let kept = digits.get(zeros..).unwrap_or_default();
    let limit = || PgError::new(SqlState::NUMBER_OUT_OF_RANGE, "a number has too many digits");
    let weight = i64::try_from(count).unwrap_or(i64::MAX) - i64::from(behind) - 1;
    let sign = if unscaled < 0 { NEGATIVE } else { POSITIVE };
    out.put_u16(u16::try_from(kept.len()).map_err(|_| limit())?);
    out.put_i16(if kept.is_empty() { 0 } else { i16::try_from(weight).map_err(|_| limit())? });
    out.put_u16(sign);
    out.put_u16(u16::try_from(places).map_err(|_| limit())?);
    kept.iter().rev().for_each(|digit| out.put_u16(*digit));
    Ok(())
}

/// PostgreSQL's binary numeric: digits to the base 10,000, the weight of the first, the sign, the places shown.
///
/// # Errors
///
/// `22003` when it has too many digits for the form.
pub fn write_numeric(text: &str, out: &mut BytesMut) -> Result<()> {
    let (sign, plain) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (POSITIVE, text),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let whole = whole.trim_start_matches('0');
    let mut padded = "0".repeat((4 - whole.len() % 4) % 4);
    padded.push_str(whole);
    let groups_before = padded.len() / 4;
    padded.push_str(fraction);
    padded.push_str(&"0".repeat((4 - fraction.len() % 4) % 4));

    let mut groups: Vec<u16> = Vec::with_capacity(padded.len() / 4);
    for chunk in padded.as_bytes().chunks(4) {
        let group =
            chunk.iter().try_fold(0u16, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u16::from(b - b'0')));
        groups
            .push(group.ok_or_else(|| PgError::new(SqlState::INTERNAL, "a decimal is not made of digits"))?);
    }
    let leading = groups.iter().take_while(|g| **g == 0).count();
    let trailing = groups.iter().skip(leading).rev().take_while(|g| **g == 0).count();
    let kept: Vec<u16> =
        groups.iter().skip(leading).take(groups.len() - leading - trailing).copied().collect();

    let weight = i64::try_from(groups_before).unwrap_or(0) - 1 - i64::try_from(leading).unwrap_or(0);
    let limit = || PgError::new(SqlState::NUMBER_OUT_OF_RANGE, "a number has too many digits");
    out.put_u16(u16::try_from(kept.len()).map_err(|_| limit())?);
    out.put_i16(if kept.is_empty() { 0 } else { i16::try_from(weight).map_err(|_| limit())? });
    out.put_u16(if kept.is_empty() { POSITIVE } else { sign });
    out.put_u16(u16::try_from(fraction.len()).map_err(|_| limit())?);
    for group in kept {
        out.put_u16(group);
    }
    Ok(())
}

/// Reads PostgreSQL's binary numeric as decimal text.
///
/// # Errors
///
/// `22P03` when it is malformed; `22003` for NaN, the infinities, and more digits than a decimal holds.
pub fn read_numeric(mut bytes: Bytes) -> Result<String> {
    let malformed = || PgError::new(SqlState::INVALID_BINARY, "malformed binary numeric");
    if bytes.len() < 8 {
        return Err(malformed());
    }
    let count = usize::from(bytes.get_u16());
    let weight = i32::from(bytes.get_i16());
    let sign = bytes.get_u16();
    let places = usize::from(bytes.get_u16());
    if sign != POSITIVE && sign != NEGATIVE {
        return Err(PgError::new(SqlState::NUMBER_OUT_OF_RANGE, "NaN and infinity are not decimals here"));
    }
    if bytes.len() != count * 2 {
        return Err(malformed());
    }
    if weight > 16 || places > 60 {
        return Err(PgError::new(SqlState::NUMBER_OUT_OF_RANGE, "a number has too many digits"));
    }
    let groups: Vec<u16> = (0..count).map(|_| bytes.get_u16()).collect();
    if groups.iter().any(|g| *g > 9999) {
        return Err(malformed());
    }
    let group_at = |at: i32| {
        let index = usize::try_from(weight - at).ok();
        index.and_then(|i| groups.get(i)).copied().unwrap_or(0)
    };
    let mut text = String::new();
    for at in (0..=weight).rev() {
        text.push_str(&format!("{:04}", group_at(at)));
    }
    let whole = text.trim_start_matches('0');
    let mut number = String::from(if sign == NEGATIVE { "-" } else { "" });
    number.push_str(if whole.is_empty() { "0" } else { whole });
    if places > 0 {
        let mut fraction = String::new();
        let mut at = -1;
        while fraction.len() < places {
            fraction.push_str(&format!("{:04}", group_at(at)));
            at -= 1;
        }
        fraction.truncate(places);
        number.push('.');
        number.push_str(&fraction);
    }
    Ok(number)
}

/// A float as PostgreSQL writes it: shortest exact digits, an exponent below 1e-4 and from 10 to the power `digits` on.
/// `shortest` is Rust's own shortest form, plain or with an exponent.
pub fn write_float(value: f64, shortest: &str, digits: i32, out: &mut BytesMut) {
    if value.is_nan() {
        return out.put_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.put_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    }
    let (negative, mantissa, exponent) = taken_apart(shortest);
    if negative {
        out.put_u8(b'-');
    }
    if (-4..digits).contains(&exponent) {
        out.put_slice(plain(&mantissa, exponent).as_bytes());
        return;
    }
    let (first, rest) = mantissa.split_at(mantissa.len().min(1));
    out.put_slice(first.as_bytes());
    if !rest.is_empty() {
        out.put_u8(b'.');
        out.put_slice(rest.as_bytes());
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.put_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}

/// Sign, significant digits, and the power of ten of the first.
fn taken_apart(shortest: &str) -> (bool, String, i32) {
    let (negative, plain) = match shortest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, shortest),
    };
    let (number, power) = plain.split_once('e').unwrap_or((plain, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{whole}{fraction}");
    let zeros = all.len() - all.trim_start_matches('0').len();
    let significant = all.trim_matches('0').to_owned();
    if significant.is_empty() {
        return (negative, "0".into(), 0);
    }
    let shift = i32::try_from(whole.len()).unwrap_or(0) - 1 - i32::try_from(zeros).unwrap_or(0);
    (negative, significant, power + shift)
}

fn plain(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return format!("0.{}{digits}", "0".repeat(zeros));
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    if digits.len() <= whole {
        return format!("{digits}{}", "0".repeat(whole - digits.len()));
    }
    let (before, after) = digits.split_at(whole);
    format!("{before}.{after}")
}
