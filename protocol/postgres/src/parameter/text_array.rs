//! Array literals: `{a,"b \"c\"",NULL}`. One dimension.

use crate::{
    error::{PgError, Result},
    sqlstate::SqlState,
};

/// Reads an array literal into its items; none is NULL.
///
/// # Errors
///
/// `22P02` when it is malformed, `0A000` for a second dimension.
pub fn read(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = || PgError::new(SqlState::INVALID_TEXT, format!("malformed array literal: \"{text}\""));
    let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(malformed)?;
    if inner.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut items = Vec::new();
    let mut rest = inner.chars().peekable();
    loop {
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        match rest.peek() {
            Some('"') => items.push(Some(read_quoted(&mut rest).ok_or_else(malformed)?)),
            Some('{') => {
                let hint = "give the items as one list";
                return Err(PgError::unsupported(
                    "arrays of more than one dimension are not supported",
                    hint,
                ));
            }
            _ => items.push(read_plain(&mut rest).ok_or_else(malformed)?),
        }
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        match rest.next() {
            None => return Ok(items),
            Some(',') => {}
            Some(_) => return Err(malformed()),
        }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn read_quoted(rest: &mut Chars<'_>) -> Option<String> {
    let mut item = String::new();
    rest.next();
    loop {
        match rest.next()? {
            '"' => return Some(item),
            '\\' => item.push(rest.next()?),
            other => item.push(other),
        }
    }
}

/// An unquoted item; `Some(None)` is NULL, `None` malformed.
fn read_plain(rest: &mut Chars<'_>) -> Option<Option<String>> {
    let mut item = String::new();
    while let Some(next) = rest.next_if(|c| *c != ',') {
        match next {
            '\\' => item.push(rest.next()?),
            '"' | '{' | '}' => return None,
            other => item.push(other),
        }
    }
    let item = item.trim_end();
    if item.is_empty() {
        return None;
    }
    Some((!item.eq_ignore_ascii_case("null")).then(|| item.to_owned()))
}
