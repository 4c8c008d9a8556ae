//! Array functions of PostgreSQL that DataFusion lacks. What gives a set in PostgreSQL gives a list here; the rewriting
//! wraps it in `unnest`.

use std::sync::Arc;

use datafusion::{error::Result, logical_expr::ScalarUDF};

use super::{CatalogFunction, argument};
use crate::catalog::{cell::Cell, column::Shape};

pub fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![
        CatalogFunction::new("array_upper", Shape::Int4, 2..=2, |arguments| {
            Ok(length(arguments).filter(|length| *length > 0).into())
        })
        .udf(),
        CatalogFunction::new("array_lower", Shape::Int4, 2..=2, |arguments| {
            Ok(length(arguments).filter(|length| *length > 0).map(|_| 1).into())
        })
        .udf(),
        CatalogFunction::new("generate_subscripts", Shape::Int4List, 2..=2, |arguments| {
            Ok(subscripts(arguments, 1))
        })
        .udf(),
        // int2vector and oidvector count from 0.
        CatalogFunction::new("generate_vector_subscripts", Shape::Int4List, 2..=2, |arguments| {
            Ok(subscripts(arguments, 0))
        })
        .udf(),
        CatalogFunction::new("_pg_expandarray", Shape::PlacedList, 1..=1, expand).udf(),
        CatalogFunction::new("parse_text_array", Shape::TextList, 1..=1, |arguments| {
            Ok(match argument(arguments, 0) {
                Cell::Text(text) => parse_array(text).into(),
                other => other.clone(),
            })
        })
        .udf(),
    ]
}

/// The items of an array literal without nesting: `{a,"b c",NULL}`.
pub fn parse_array(text: &str) -> Vec<Option<String>> {
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let mut items = Vec::new();
    let mut item = String::new();
    let (mut quoted, mut was_quoted) = (false, false);
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => item.extend(letters.next()),
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            ',' if !quoted => {
                push_item(&mut items, &mut item, was_quoted);
                was_quoted = false;
            }
            letter => item.push(letter),
        }
    }
    if !inner.is_empty() {
        push_item(&mut items, &mut item, was_quoted);
    }
    items
}

fn push_item(items: &mut Vec<Option<String>>, item: &mut String, quoted: bool) {
    let text = std::mem::take(item);
    items.push(match text.trim() {
        _ if quoted => Some(text),
        null if null.eq_ignore_ascii_case("null") => None,
        plain => Some(plain.to_owned()),
    });
}

/// The length of the first argument; none when it is no array or the dimension is not the first.
fn length(arguments: &[Cell]) -> Option<i32> {
    match argument(arguments, 0) {
        Cell::List(items) if argument(arguments, 1).as_int() == Some(1) => i32::try_from(items.len()).ok(),
        _ => None,
    }
}

fn subscripts(arguments: &[Cell], first: i32) -> Cell {
    let length = length(arguments).unwrap_or_default();
    (first..first + length).collect::<Vec<i32>>().into()
}

fn expand(arguments: &[Cell]) -> Result<Cell> {
    let Cell::List(items) = argument(arguments, 0) else {
        return Ok(Cell::Null);
    };
    let placed =
        (1..).zip(items).filter_map(|(place, item)| item.as_int().map(|value| Cell::Placed(value, place)));
    Ok(Cell::List(placed.collect()))
}
