//! Values as index terms: bytes that are equal where the values are equal and ordered as they are.
//!
//! `00` is null, everything else starts with `01`. Numbers are big-endian with the sign turned, so that memcmp
//! orders them. A text or byte string longer than [`TERM_BYTES_MAX`] is cut and followed by its BLAKE3 hash: equality
//! holds, order among such values is by their first bytes only.

use crate::value::Value;

/// Longest text kept as it is in a term.
const TERM_BYTES_MAX: usize = 1_024;

/// An index term.
pub(crate) type Term = Box<[u8]>;

/// The term of a value.
pub(crate) fn term(value: &Value) -> Term {
    let mut out = Vec::with_capacity(32);
    out.push(u8::from(!value.is_null()));
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push(u8::from(*flag)),
        Value::Int(number) | Value::Time(number) | Value::Timestamp(number) => {
            out.extend_from_slice(&(number ^ i64::MIN).to_be_bytes());
        }
        Value::Date(days) => out.extend_from_slice(&(days ^ i32::MIN).to_be_bytes()),
        Value::Decimal(unscaled) => out.extend_from_slice(&(unscaled ^ i128::MIN).to_be_bytes()),
        Value::Float(number) => out.extend_from_slice(&float_bits(*number).to_be_bytes()),
        Value::Text(text) => bounded(&mut out, text.as_bytes()),
        Value::Bytes(bytes) => bounded(&mut out, bytes),
        Value::TextList(items) => {
            let mut joined = Vec::new();
            for item in items.iter() {
                joined.extend_from_slice(item.as_bytes());
                joined.extend_from_slice(&[0xff, 0xfe]); // no UTF-8 text holds these bytes
            }
            bounded(&mut out, &joined);
        }
    }
    out.into_boxed_slice()
}

/// The term of several values together; `None` when one of them is null.
///
/// Each value's term, with `00` written as `00 ff`, and `00 01` behind it: equal where all values are. It is cut as a
/// text would be.
pub(crate) fn joined(values: &[&Value]) -> Option<Term> {
    let mut all = Vec::new();
    for value in values {
        if value.is_null() {
            return None;
        }
        for byte in term(value) {
            all.push(byte);
            if byte == 0 {
                all.push(0xff);
            }
        }
        all.extend_from_slice(&[0, 1]);
    }
    let mut out = Vec::with_capacity(all.len().min(TERM_BYTES_MAX));
    bounded(&mut out, &all);
    Some(out.into_boxed_slice())
}

/// Where a text or byte string is cut: what all terms that are cut alike begin with. `None` where the value is kept
/// as it is.
pub(crate) fn cut(value: &Value) -> Option<Term> {
    let bytes = match value {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => return None,
    };
    let head = bytes.get(..TERM_BYTES_MAX).filter(|_| bytes.len() > TERM_BYTES_MAX)?;
    Some([&[1], head].concat().into_boxed_slice())
}

/// What all terms begin with that are cut where this one is; `None` for a term that has all of its value.
pub(crate) fn cut_head(term: &[u8]) -> Option<&[u8]> {
    term.get(..=TERM_BYTES_MAX).filter(|_| term.len() > TERM_BYTES_MAX + 1)
}

/// The text of a term that has all of it.
pub(crate) fn whole_text(term: &[u8]) -> Option<&str> {
    let text = term.strip_prefix(&[1])?;
    if text.len() > TERM_BYTES_MAX { None } else { std::str::from_utf8(text).ok() }
}

/// Bits of a float in IEEE order; both zeros are one, all NaN are one.
pub(crate) fn float_bits(number: f64) -> u64 {
    let number = if number == 0.0 { 0.0 } else { number };
    let bits = if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() };
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

fn bounded(out: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.get(..TERM_BYTES_MAX) {
        Some(head) if bytes.len() > TERM_BYTES_MAX => {
            out.extend_from_slice(head);
            out.extend_from_slice(blake3::hash(bytes).as_bytes());
        }
        _ => out.extend_from_slice(bytes),
    }
}

#[cfg(test)]
mod tests;
