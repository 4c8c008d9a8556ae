//! Expressions as others write them, in CEL: envelopes, `$today` and `{field}`, JavaScript's `===`, the dialects of spreadsheets.

use crate::{expression::in_cel, foreign::names::meant, yaml::Node};

/// Names that stand for something and are written otherwise in CEL, the longer ones first.
const WORDS: &[(&str, &str)] = &[
    ("$current_user", "user"),
    ("$currentUser", "user"),
    ("$current_date", "today()"),
    ("$today", "today()"),
    ("$now", "now()"),
    ("$record.", ""),
    ("$old.", "old."),
    (".toUpperCase()", ".upper()"),
    (".toLowerCase()", ".lower()"),
    ("===", "=="),
    ("!==", "!="),
];

/// The text of an expression and whether it had to be written otherwise.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) changed: bool,
}

/// An expression in CEL: the text of `a > 1` or `{dialect: cel, source: a > 1}`, with names as `fields` has them.
///
/// # Errors
///
/// Why it can't be read.
pub(super) fn cel<'f>(node: &Node, fields: impl Iterator<Item = &'f str> + Clone) -> Result<Written, String> {
    let (source, enveloped) = match node.is_map() {
        true => {
            let dialect = node.text_of("dialect").unwrap_or("cel");
            if dialect != "cel" {
                return Err(format!("expressions in `{dialect}` can't be read"));
            }
            (node.get("source").and_then(Node::said), true)
        }
        false => (node.said(), false),
    };
    let source = source.ok_or("no expression")?;
    let plain = words(source.trim(), fields);
    let text = in_cel(&plain).ok_or("neither CEL nor one of the older dialects")?;
    Ok(Written { changed: enveloped || text != source, text })
}

/// Replaces what CEL writes otherwise, but not in quotes.
fn words<'f>(text: &str, fields: impl Iterator<Item = &'f str> + Clone) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let step = match first {
            '"' | '\'' => Some(verbatim(rest, first)),
            '{' => braces(rest)
                .map(|(name, bytes)| (meant(name, fields.clone()).unwrap_or(name).to_owned(), bytes)),
            c if c.is_ascii_alphabetic() || c == '_' => {
                Some(name(rest, written.ends_with('.'), fields.clone()))
            }
            _ => WORDS
                .iter()
                .find(|(word, _)| rest.starts_with(word))
                .map(|(word, cel)| ((*cel).to_owned(), word.len())),
        };
        let (cel, bytes) = step.unwrap_or_else(|| (first.to_string(), first.len_utf8()));
        written.push_str(&cel);
        rest = rest.get(bytes..).unwrap_or_default();
    }
    written
}

/// What stands in quotes, as it is.
fn verbatim(rest: &str, quote: char) -> (String, usize) {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        if character == quote && !escaped {
            let end = at + quote.len_utf8();
            return (rest.get(..end).unwrap_or(rest).to_owned(), end);
        }
        escaped = character == '\\' && !escaped;
    }
    (rest.to_owned(), rest.len())
}

/// `{amount}`: the name and the bytes that it takes.
fn braces(rest: &str) -> Option<(&str, usize)> {
    let (inner, _) = rest.strip_prefix('{')?.split_once('}')?;
    let is_name =
        !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
    is_name.then_some((inner, inner.len() + 2))
}

/// A name: a field in its own spelling where only its case or underscores differ.
fn name<'f>(rest: &str, is_member: bool, fields: impl Iterator<Item = &'f str> + Clone) -> (String, usize) {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let name = rest.get(..end).unwrap_or(rest);
    let is_call = rest.get(end..).is_some_and(|behind| behind.starts_with('('));
    // `Stage` may be the field `stage`, but `AND` and `old` are no fields' names.
    let known = match is_member || is_call {
        true => None,
        false => meant(name, fields),
    };
    (known.unwrap_or(name).to_owned(), end)
}
