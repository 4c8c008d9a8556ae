//! The words of the older dialects.

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// A name, a path, a keyword or a function.
    Name(String),
    /// As it is written.
    Number(String),
    /// Without its quotes.
    Text(String),
    /// An operator, bracket or comma.
    Sign(&'static str),
}

/// Signs, the longer ones first.
const SIGNS: &[&str] =
    &["<>", "<=", ">=", "!=", "==", "&&", "||", "=", "<", ">", "+", "-", "*", "/", "&", "!", "(", ")", ","];

/// The words of a text; none when something in it is no word of these dialects.
pub(super) fn words(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = match first {
            '"' | '\'' => quoted(rest, first)?,
            '0'..='9' => {
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                (Word::Number(rest.get(..end)?.to_owned()), rest.get(end..)?)
            }
            _ if first.is_ascii_alphabetic() || first == '_' => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
                let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
                (Word::Name(rest.get(..end)?.to_owned()), rest.get(end..)?)
            }
            _ => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
                (Word::Sign(sign), rest.get(sign.len()..)?)
            }
        };
        words.push(word);
        rest = behind.trim_start();
    }
    Some(words)
}

/// A text in quotes; a quote in it is doubled.
fn quoted(text: &str, quote: char) -> Option<(Word, &str)> {
    let mut inner = String::new();
    let mut rest = text.get(1..)?;
    loop {
        let (before, behind) = rest.split_once(quote)?;
        inner.push_str(before);
        match behind.strip_prefix(quote) {
            Some(more) => {
                inner.push(quote);
                rest = more;
            }
            None => return Some((Word::Text(inner), behind)),
        }
    }
}
