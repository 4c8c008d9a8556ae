//! Exact decimal numbers, from the text they came in to the unscaled integer that is stored; never through a float.

use std::cmp::Ordering;

/// Digits that Decimal128 holds.
const DIGITS_MAX: usize = 38;
/// How far an exponent may move the point.
const EXPONENT_MAX: i32 = 100;

/// `unscaled / 10^scale`, without trailing zeros behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    unscaled: i128,
    scale: u32,
}

/// Why a number does not fit a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Too many digits behind the point.
    Scale,
    /// Too many digits in front of it.
    Digits,
}

impl Exact {
    /// Reads `-12.50`, `1e6`, `.5`; no spaces, no thousands separators. None when it is no number, or has more than 38
    /// significant digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        if exponent.abs() > EXPONENT_MAX {
            return None;
        }
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self { unscaled: 0, scale: 0 });
        }
        if significant.len() > DIGITS_MAX {
            return None;
        }
        let dropped = all.len() - all.trim_end_matches('0').len();
        let scale = i32::try_from(fraction.len()).ok()? - i32::try_from(dropped).ok()? - exponent;
        let unscaled = significant.parse::<i128>().ok()?;
        Self::of(if negative { -unscaled } else { unscaled }, scale)
    }

    /// `unscaled / 10^scale`. None when a negative scale makes it too large.
    pub fn of(mut unscaled: i128, mut scale: i32) -> Option<Self> {
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        if scale < 0 {
            unscaled = unscaled.checked_mul(power(scale.unsigned_abs())?)?;
            scale = 0;
        }
        Some(Self { unscaled, scale: u32::try_from(scale).ok()? })
    }

    /// Whether it is a whole number of `step`s away from `from`; not when that takes more than 38 digits to tell.
    pub fn is_on_step(self, from: Self, step: Self) -> bool {
        let scale = self.scale.max(from.scale).max(step.scale);
        let at = |number: Self| number.unscaled.checked_mul(power(scale.checked_sub(number.scale)?)?);
        let away = at(self).zip(at(from)).and_then(|(to, from)| to.checked_sub(from));
        away.zip(at(step)).and_then(|(away, step)| away.checked_rem(step)) == Some(0)
    }

    /// The unscaled integer at `scale`, of at most `precision` digits in all.
    ///
    /// # Errors
    ///
    /// [`Misfit`]; nothing is rounded.
    pub fn fit(self, precision: u8, scale: u32) -> Result<i128, Misfit> {
        let missing = scale.checked_sub(self.scale).ok_or(Misfit::Scale)?;
        let factor = power(missing).ok_or(Misfit::Digits)?;
        let unscaled = self.unscaled.checked_mul(factor).ok_or(Misfit::Digits)?;
        match power(u32::from(precision)) {
            Some(limit) if unscaled.abs() >= limit => Err(Misfit::Digits),
            _ => Ok(unscaled),
        }
    }
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let at = |number: &Self| number.unscaled.checked_mul(power(scale - number.scale)?);
        match (at(self), at(other)) {
            (Some(left), Some(right)) => left.cmp(&right),
            // What overflows is the larger of the two in magnitude; its sign decides.
            (None, _) => self.unscaled.cmp(&0),
            (_, None) => 0.cmp(&other.unscaled),
        }
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `unscaled / 10^scale` as text, with all its digits behind the point.
pub(crate) fn plain(unscaled: i128, scale: i32) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = unscaled.unsigned_abs().to_string();
    match usize::try_from(scale) {
        Ok(0) => format!("{sign}{digits}"),
        Ok(places) => {
            let padded = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = padded.split_at(padded.len() - places);
            format!("{sign}{whole}.{fraction}")
        }
        Err(_) => format!("{sign}{digits}e{}", scale.unsigned_abs()),
    }
}

/// Ten to the power of `exponent`, while an i128 holds it.
fn power(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}

/// All digits of a decimal.
pub(crate) fn digits(unscaled: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or(0);
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{digits}"),
    }
}

#[cfg(test)]
mod tests;
