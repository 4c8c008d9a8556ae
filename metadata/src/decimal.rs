//! Exact decimal numbers as they stand in a package: read from text, compared and measured without a float in between.

use std::cmp::Ordering;

use crate::limits::DIGITS_MAX;

/// `mantissa / 10^scale`, without trailing zeros behind the point; at most 38 digits on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: i128,
    scale: u32,
}

impl Decimal {
    /// Reads `-12.50`, `1e6`, `.5`; nothing for other text or for more than 38 digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, number) = match number.strip_prefix(['-', '+']) {
            Some(rest) => (number.starts_with('-'), rest),
            None => (false, number),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: String = [whole, fraction].concat();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        Self::of(digits.trim_start_matches('0'), scale, negative)
    }

    /// The value of `digits` with `scale` of them behind the point, brought to its shortest form.
    fn of(digits: &str, mut scale: i32, negative: bool) -> Option<Self> {
        let shortest = digits.trim_end_matches('0');
        if shortest.is_empty() {
            return Some(Self { mantissa: 0, scale: 0 });
        }
        scale = scale.checked_sub(i32::try_from(digits.len() - shortest.len()).ok()?)?;
        let zeros = usize::try_from(scale.min(0).checked_neg()?).ok()?;
        let scale = u32::try_from(scale.max(0)).ok()?;
        let digits_max = usize::from(DIGITS_MAX);
        if shortest.len().checked_add(zeros)? > digits_max || scale > u32::from(DIGITS_MAX) {
            return None;
        }
        let mantissa: i128 = format!("{shortest}{}", "0".repeat(zeros)).parse().ok()?;
        Some(Self { mantissa: if negative { -mantissa } else { mantissa }, scale })
    }

    /// The digits without the point, and how many of them are behind it.
    pub(crate) fn parts(self) -> (i128, u32) {
        (self.mantissa, self.scale)
    }

    /// Whether a column of `precision` digits, `scale` of them behind the point, holds it exactly.
    pub(crate) fn fits(self, precision: u8, scale: u8) -> bool {
        let whole = self.mantissa.unsigned_abs() / 10u128.pow(self.scale);
        let whole_digits = if whole == 0 { 0 } else { whole.ilog10() + 1 };
        self.scale <= u32::from(scale) && whole_digits <= u32::from(precision.saturating_sub(scale))
    }

    /// Digits behind the point.
    pub(crate) fn scale(self) -> u32 {
        self.scale
    }

    /// Whether it is a whole number of `step`s away from `from`; not when that takes more than 38 digits to tell.
    pub(crate) fn is_on_step(self, from: Self, step: Self) -> bool {
        let scale = self.scale.max(from.scale).max(step.scale);
        let at = |d: Self| d.mantissa.checked_mul(10i128.checked_pow(scale.checked_sub(d.scale)?)?);
        let away = at(self).zip(at(from)).and_then(|(to, from)| to.checked_sub(from));
        away.zip(at(step)).and_then(|(away, step)| away.checked_rem(step)) == Some(0)
    }

    /// Its shortest plain text: `-12.5`, `1000000`.
    pub(crate) fn text(self) -> String {
        let unit = 10u128.pow(self.scale);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let (whole, fraction) = (self.mantissa.unsigned_abs() / unit, self.mantissa.unsigned_abs() % unit);
        match usize::try_from(self.scale) {
            Ok(width) if width > 0 => format!("{sign}{whole}.{fraction:0width$}"),
            _ => format!("{sign}{whole}"),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |d: &Self| {
            let unit = 10i128.pow(d.scale);
            let fraction = (d.mantissa % unit) * 10i128.pow(u32::from(DIGITS_MAX) - d.scale);
            (d.mantissa / unit, fraction)
        };
        parts(self).cmp(&parts(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
