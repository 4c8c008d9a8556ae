//! Digits: integers, decimals, floats.

/// `00` to `99`, two bytes each.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Digits of the largest `u128`.
const DIGITS_MAX: usize = 39;

/// The digits of a number, right-aligned in a buffer on the stack.
struct Digits {
    buffer: [u8; DIGITS_MAX],
    start: usize,
}

impl Digits {
    fn of(number: u128) -> Self {
        let mut digits = Self { buffer: [b'0'; DIGITS_MAX], start: DIGITS_MAX };
        let mut wide = number;
        while let Err(_too_wide) = u64::try_from(wide) {
            digits.push_pair((wide % 100) as usize);
            wide /= 100;
        }
        let mut rest = wide as u64;
        while rest >= 100 {
            digits.push_pair((rest % 100) as usize);
            rest /= 100;
        }
        if rest >= 10 {
            digits.push_pair(rest as usize);
        } else {
            digits.start -= 1;
            digits.buffer[digits.start] = b'0' + rest as u8;
        }
        digits
    }

    fn push_pair(&mut self, pair: usize) {
        self.start -= 2;
        self.buffer[self.start] = PAIRS[pair * 2];
        self.buffer[self.start + 1] = PAIRS[pair * 2 + 1];
    }

    fn text(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

pub(crate) fn write_integer(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    write_unsigned(number.unsigned_abs(), out);
}

pub(crate) fn write_unsigned(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(Digits::of(u128::from(number)).text());
}

/// A decimal with all the digits of its scale; a negative scale appends zeros.
pub(crate) fn write_decimal(unscaled: i128, scale: i8, out: &mut Vec<u8>) {
    if unscaled < 0 {
        out.push(b'-');
    }
    let digits = Digits::of(unscaled.unsigned_abs());
    let text = digits.text();
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        out.extend_from_slice(text);
        if unscaled != 0 {
            out.resize(out.len() + places, b'0');
        }
    } else if let Some(point) = text.len().checked_sub(places).filter(|point| *point > 0) {
        out.extend_from_slice(&text[..point]);
        out.push(b'.');
        out.extend_from_slice(&text[point..]);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + places - text.len(), b'0');
        out.extend_from_slice(text);
    }
}

/// A float by its shortest digits; `null` for NaN and the infinities.
pub(crate) fn write_float<F: serde::Serialize>(number: F, out: &mut Vec<u8>) {
    let length = out.len();
    if serde_json::to_writer(&mut *out, &number).is_err() {
        out.truncate(length);
        out.extend_from_slice(b"null");
    }
}

/// `number` in at least `width` digits, zeros in front.
pub(crate) fn write_padded(number: u64, width: usize, out: &mut Vec<u8>) {
    let digits = Digits::of(u128::from(number));
    let text = digits.text();
    out.resize(out.len() + width.saturating_sub(text.len()), b'0');
    out.extend_from_slice(text);
}
