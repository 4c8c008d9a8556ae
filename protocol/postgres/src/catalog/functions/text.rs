//! Text functions of PostgreSQL that DataFusion lacks.

use std::sync::Arc;

use datafusion::{error::Result, logical_expr::ScalarUDF};

use super::{CatalogFunction, argument, constant, invalid, text_argument};
use crate::catalog::{cell::Cell, column::Shape, facts};

pub fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![
        CatalogFunction::new("quote_ident", Shape::Text, 1..=1, |arguments| {
            Ok(facts::quote_ident(text_argument(arguments, 0)).into())
        })
        .udf(),
        CatalogFunction::new("quote_literal", Shape::Text, 1..=1, |arguments| {
            Ok(facts::quote_literal(&argument(arguments, 0).display().unwrap_or_default()).into())
        })
        .udf(),
        CatalogFunction::new("quote_nullable", Shape::Text, 1..=1, |arguments| {
            let text = argument(arguments, 0).display();
            Ok(text.map_or_else(|| "NULL".to_owned(), |text| facts::quote_literal(&text)).into())
        })
        .seeing_nulls()
        .udf(),
        CatalogFunction::new("like_escape", Shape::Text, 2..=2, |arguments| {
            like_escape(text_argument(arguments, 0), text_argument(arguments, 1)).map(Cell::Text)
        })
        .udf(),
        CatalogFunction::new("pg_size_pretty", Shape::Text, 1..=1, |arguments| {
            Ok(argument(arguments, 0).as_int().map(size_pretty).into())
        })
        .udf(),
        CatalogFunction::new("pg_encoding_to_char", Shape::Text, 1..=1, |arguments| {
            Ok(Cell::from(if argument(arguments, 0).as_int() == Some(6) { "UTF8" } else { "" }))
        })
        .udf(),
        CatalogFunction::new("pg_char_to_encoding", Shape::Int4, 1..=1, |arguments| {
            Ok(Cell::from(if text_argument(arguments, 0).to_uppercase().replace('-', "") == "UTF8" {
                6
            } else {
                -1
            }))
        })
        .udf(),
        CatalogFunction::new("json_build_object", Shape::Text, 0..=100, json_build_object)
            .seeing_nulls()
            .udf(),
        CatalogFunction::new("format", Shape::Text, 1..=100, format).seeing_nulls().udf(),
        constant("pg_client_encoding", Shape::Text, 0..=0, "UTF8".into()),
        constant("getdatabaseencoding", Shape::Text, 0..=0, "UTF8".into()),
    ]
}

/// A pattern with another escape letter as one that escapes with a backslash.
fn like_escape(pattern: &str, escape: &str) -> Result<String> {
    let mut letters = escape.chars();
    let escape = letters.next();
    if letters.next().is_some() {
        return Err(invalid("invalid escape string: it must be empty or one letter".to_owned()));
    }
    let mut out = String::with_capacity(pattern.len());
    let mut pattern = pattern.chars();
    while let Some(letter) = pattern.next() {
        if Some(letter) == escape {
            out.push('\\');
            out.extend(pattern.next());
        } else if letter == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(letter);
        }
    }
    Ok(out)
}

/// As PostgreSQL writes sizes: `8192 bytes`, `24 kB`, `12 MB`.
fn size_pretty(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let mut size = i128::from(bytes);
    let mut unit = 0;
    while size.abs() >= 10 * 1024 && unit + 1 < UNITS.len() {
        size = (size + 512 * size.signum()) / 1024;
        unit += 1;
    }
    format!("{size} {}", UNITS.get(unit).copied().unwrap_or_default())
}

fn json_build_object(arguments: &[Cell]) -> Result<Cell> {
    if !arguments.len().is_multiple_of(2) {
        return Err(invalid("argument list must have even number of elements".to_owned()));
    }
    let mut members = Vec::new();
    for pair in arguments.chunks_exact(2) {
        let Some(key) = argument(pair, 0).display() else {
            return Err(invalid("key of a JSON object must not be null".to_owned()));
        };
        members.push(format!("{} : {}", serde_json::Value::String(key), json(argument(pair, 1))));
    }
    Ok(Cell::Text(format!("{{{}}}", members.join(", "))))
}

fn json(cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => value.to_string(),
        Cell::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        other => serde_json::Value::String(other.display().unwrap_or_default()).to_string(),
    }
}

/// `%s`, `%I`, `%L` and `%%`; positions and widths are refused.
fn format(arguments: &[Cell]) -> Result<Cell> {
    let Some(pattern) = argument(arguments, 0).as_text() else {
        return Ok(Cell::Null);
    };
    let mut out = String::new();
    let mut values = arguments.iter().skip(1);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let kind = letters.next();
        if kind == Some('%') {
            out.push('%');
            continue;
        }
        let value =
            values.next().ok_or_else(|| invalid("too few arguments for format()".to_owned()))?.display();
        match kind {
            Some('s') => out.push_str(&value.unwrap_or_default()),
            Some('I') => {
                out.push_str(&facts::quote_ident(&value.ok_or_else(|| {
                    invalid("null values cannot be formatted as an SQL identifier".to_owned())
                })?));
            }
            Some('L') => {
                out.push_str(&value.map_or_else(|| "NULL".to_owned(), |value| facts::quote_literal(&value)))
            }
            _ => return Err(invalid("format() here knows %s, %I, %L and %%".to_owned())),
        }
    }
    Ok(Cell::Text(out))
}
