//! Exact numbers from text: `1234.50`, `-1e6`. Never through a float.

/// An exact number: `unscaled / 10^scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) unscaled: i128,
    pub(crate) scale: u8,
}

/// Digits that a Decimal128 holds.
pub(crate) const DIGITS_MAX: u8 = 38;

impl Decimal {
    /// Reads JSON's number syntax (and a leading `+`); `None` when it is none, or has more digits than fit.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let text = text.trim();
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, digits) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let (unscaled, scale) = match u8::try_from(scale) {
            Ok(scale) => (unscaled, scale),
            // A large exponent moves the point behind the last digit.
            Err(_) => (unscaled.checked_mul(power_of_ten(u32::try_from(scale.checked_neg()?).ok()?)?)?, 0),
        };
        let number = Decimal { unscaled: if negative { -unscaled } else { unscaled }, scale };
        (scale <= DIGITS_MAX && number.digits() <= DIGITS_MAX).then_some(number)
    }

    /// The same number with so many digits behind the point, if it can be said exactly.
    pub(crate) fn rescale(self, scale: u8) -> Option<i128> {
        if scale >= self.scale {
            return self.unscaled.checked_mul(power_of_ten(u32::from(scale - self.scale))?);
        }
        let divisor = power_of_ten(u32::from(self.scale - scale))?;
        (self.unscaled % divisor == 0).then(|| self.unscaled / divisor)
    }

    /// Its digits, the point not counted.
    pub(crate) fn digits(self) -> u8 {
        let count = self.unscaled.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
        u8::try_from(count).unwrap_or(u8::MAX)
    }
}

fn power_of_ten(exponent: u32) -> Option<i128> {
    10i128.checked_pow(exponent)
}
