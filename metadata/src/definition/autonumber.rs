//! The format of an autonumber: literal text with tokens in braces.

use std::sync::Arc;

use crate::{
    definition::value::Value, expression::Expression, issue::Issues, model::FieldKind, name::FieldName,
    nearest::did_you_mean,
};

const DATE_TOKENS: &[&str] = &["YYYY", "YY", "MM", "DD", "YYYYMMDD"];
const DEFAULT: &str = "{0000}";
/// Digits that a number may be padded to.
const PADDING_MAX: usize = 18;
/// Fields that may stand in one format.
const FIELDS_MAX: usize = 8;

/// Reads `format`; a faulty one is an issue and gives the default. What its fields are is seen when all are known.
pub(crate) fn read(value: Option<&Value<'_>>, issues: &mut Issues) -> FieldKind {
    let number = |format: &str, fields: Vec<FieldName>| FieldKind::AutoNumber {
        format: format.to_owned(),
        fields: fields.into_iter().map(|field| (field, Arc::new(Expression::null()))).collect(),
    };
    let Some((value, format)) = value.and_then(|value| Some((value, value.text(issues)?))) else {
        return number(DEFAULT, Vec::new());
    };
    match tokens(format) {
        Ok(fields) => number(format, fields),
        Err(fault) => {
            issues.error(&value.place(), "bad-format", format!("`{format}` can't number records: {fault}"));
            number(DEFAULT, Vec::new())
        }
    }
}

/// What stands in a format.
enum Token {
    Text(String),
    Number,
    Date,
    Field(FieldName),
}

/// The fields that stand in a format, each once.
fn tokens(format: &str) -> Result<Vec<FieldName>, String> {
    let mut found = Vec::new();
    let mut rest = format;
    while let Some((literal, after)) = rest.split_once('{') {
        if literal.contains('}') {
            return Err("a `}` without its `{`".to_owned());
        }
        let (token, behind) = after.split_once('}').ok_or("a `{` without its `}`")?;
        if !literal.is_empty() {
            found.push(Token::Text(literal.to_owned()));
        }
        found.push(self::token(token)?);
        rest = behind;
    }
    if rest.contains('}') {
        return Err("a `}` without its `{`".to_owned());
    }
    if !rest.is_empty() {
        found.push(Token::Text(rest.to_owned()));
    }
    let numbers = found.iter().filter(|token| matches!(token, Token::Number)).count();
    if numbers != 1 {
        return Err(format!("`{{0000}}` must stand in it once, not {numbers} times"));
    }
    apart(&found)?;
    let mut fields: Vec<FieldName> = Vec::new();
    for token in found {
        if let Token::Field(field) = token
            && !fields.contains(&field)
        {
            fields.push(field);
        }
    }
    if fields.len() > FIELDS_MAX {
        return Err(format!("more than {FIELDS_MAX} fields"));
    }
    Ok(fields)
}

fn token(token: &str) -> Result<Token, String> {
    if !token.is_empty() && token.bytes().all(|b| b == b'0') {
        return match token.len() > PADDING_MAX {
            true => Err(format!("more than {PADDING_MAX} digits")),
            false => Ok(Token::Number),
        };
    }
    if DATE_TOKENS.contains(&token) {
        return Ok(Token::Date);
    }
    let is_name = token.starts_with(|first: char| first.is_ascii_lowercase())
        && token.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit());
    match is_name {
        true => Ok(Token::Field(FieldName::from(token))),
        false => {
            let near = did_you_mean(token, DATE_TOKENS.iter().copied());
            Err(format!("`{{{token}}}` is not a token{near}"))
        }
    }
}

/// A value that ends in digits and a number behind it would read as one: `A1` and 1 as `A` and 11.
fn apart(tokens: &[Token]) -> Result<(), String> {
    let Some(number) = tokens.iter().position(|token| matches!(token, Token::Number)) else { return Ok(()) };
    let digit = |character: Option<char>| character.is_none_or(|c| c.is_ascii_digit());
    for (at, token) in tokens.iter().enumerate() {
        let Token::Field(field) = token else { continue };
        let between = if at < number { tokens.get(at + 1..number) } else { tokens.get(number + 1..at) };
        let is_apart = between.into_iter().flatten().any(|token| match token {
            Token::Text(text) if at < number => !digit(text.chars().last()),
            Token::Text(text) => !digit(text.chars().next()),
            _ => false,
        });
        if !is_apart {
            return Err(format!(
                "between `{{{field}}}` and the number must stand something that is no digit, such as `-`"
            ));
        }
    }
    Ok(())
}
