//! The format of an autonumber: literal text with tokens in braces.

use crate::{definition::value::Value, issue::Issues, nearest::did_you_mean};

const DATE_TOKENS: &[&str] = &["YYYY", "YY", "MM", "DD", "YYYYMMDD"];
const DEFAULT: &str = "{0000}";
/// Digits that a number may be padded to.
const PADDING_MAX: usize = 18;

/// Reads `format`; a faulty one is an issue and gives the default.
pub(crate) fn read(value: Option<&Value<'_>>, issues: &mut Issues) -> String {
    let Some((value, format)) = value.and_then(|value| Some((value, value.text(issues)?))) else {
        return DEFAULT.to_owned();
    };
    match fault(format) {
        None => format.to_owned(),
        Some((code, fault)) => {
            issues.error(&value.place(), code, format!("`{format}` can't number records: {fault}"));
            DEFAULT.to_owned()
        }
    }
}

fn fault(format: &str) -> Option<(&'static str, String)> {
    let mut numbers = 0;
    let mut rest = format;
    while let Some((literal, after)) = rest.split_once('{') {
        if literal.contains('}') {
            return Some(("bad-format", "a `}` without its `{`".to_owned()));
        }
        let Some((token, behind)) = after.split_once('}') else {
            return Some(("bad-format", "a `{` without its `}`".to_owned()));
        };
        let is_number = !token.is_empty() && token.bytes().all(|b| b == b'0');
        if is_number && token.len() > PADDING_MAX {
            return Some(("bad-format", format!("more than {PADDING_MAX} digits")));
        }
        if !is_number && !DATE_TOKENS.contains(&token) {
            return Some(unknown(token));
        }
        numbers += usize::from(is_number);
        rest = behind;
    }
    if rest.contains('}') {
        return Some(("bad-format", "a `}` without its `{`".to_owned()));
    }
    (numbers != 1).then(|| ("bad-format", format!("`{{0000}}` must stand in it once, not {numbers} times")))
}

fn unknown(token: &str) -> (&'static str, String) {
    let name = token.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit());
    if name && !token.is_empty() {
        return ("not-supported-yet", format!("values of fields (`{{{token}}}`) can't be part of it yet"));
    }
    let near = did_you_mean(token, DATE_TOKENS.iter().copied());
    ("bad-format", format!("`{{{token}}}` is not a token{near}"))
}
