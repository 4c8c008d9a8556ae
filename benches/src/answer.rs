//! Answers of different programs to one question: whether they say the same.
//!
//! Each cell is compared as the text that its program gives. Two are the same where the texts are, where both are numbers and nearly equal
//! (a float sums in another order; an average is rounded to four or more digits by one of them), or where both are the same day, instant, period or truth in another spelling: `2024-03`, `2024-03-01`
//! and `2024-03-01T00:00:00Z` are one month; `t`, `true` and `1` are one truth.

#[cfg(test)]
mod tests;

use serde_json::Value;

/// Numbers that differ by less of their size are equal.
const NEARLY: f64 = 1e-9;

/// A number with so many digits behind the point may have been rounded to them.
const ROUNDED_MIN: usize = 4;

/// One row; nothing is null.
pub type Row = Vec<Option<String>>;

/// What is different, in words; nothing if both say the same. Where the order is not said by the question, it does not count.
pub fn difference(reference: &[Row], other: &[Row], is_ordered: bool) -> Option<String> {
    if reference.len() != other.len() {
        return Some(format!("{} rows instead of {}", other.len(), reference.len()));
    }
    let (mut left, mut right): (Vec<&Row>, Vec<&Row>) = (reference.iter().collect(), other.iter().collect());
    if !is_ordered {
        left.sort_by_key(|row| spelled(row));
        right.sort_by_key(|row| spelled(row));
    }
    let differs = left.iter().zip(&right).position(|(left, right)| !is_same_row(left, right))?;
    let (left, right) = (left.get(differs)?, right.get(differs)?);
    let differ =
        |(left, right): (&Option<String>, &Option<String>)| !is_same(left.as_deref(), right.as_deref());
    let Some(cell) = left.iter().zip(right.iter()).position(differ) else {
        return Some(format!("row {} has {} cells instead of {}", differs + 1, right.len(), left.len()));
    };
    let told =
        |row: &Row| row.get(cell).cloned().flatten().map_or("nothing".to_owned(), |text| format!("{text:?}"));
    Some(format!("row {}, cell {} is {} instead of {}", differs + 1, cell + 1, told(right), told(left)))
}

fn is_same_row(left: &Row, right: &Row) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| is_same(left.as_deref(), right.as_deref()))
}

fn is_same(left: Option<&str>, right: Option<&str>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return left == right };
    if left == right {
        return true;
    }
    if let (Some(a), Some(b)) = (number(left), number(right)) {
        return (a - b).abs() <= (NEARLY * a.abs().max(b.abs())).max(rounding(left, right));
    }
    let (left, right) = (instant(left), instant(right));
    left.is_some() && left == right
}

/// What two numbers may differ by because one was rounded, or cut off, to so many digits; nothing below [`ROUNDED_MIN`] of them.
fn rounding(left: &str, right: &str) -> f64 {
    let digits = |text: &str| {
        let behind = text.split_once('.').map_or("", |(_, behind)| behind);
        if behind.bytes().all(|byte| byte.is_ascii_digit()) { behind.len() } else { 0 }
    };
    let fewest = digits(left).min(digits(right));
    if fewest < ROUNDED_MIN { 0.0 } else { 10_f64.powi(-i32::try_from(fewest).unwrap_or(i32::MAX)) }
}

/// A finite number; truths are 1 and 0.
fn number(text: &str) -> Option<f64> {
    match text {
        "t" | "true" | "True" => Some(1.0),
        "f" | "false" | "False" => Some(0.0),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// A day or an instant in one spelling: `2024-03-01`, or `2024-03-01 08:30:00` by the clock that the program tells it by.
fn instant(text: &str) -> Option<String> {
    let digits = |from: usize, to: usize| {
        text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let year = digits(0, 4)?;
    let rest = text.get(4..)?.strip_prefix('-')?;
    if let Some(quarter) = rest.strip_prefix('Q') {
        let quarter: u32 = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
        return Some(format!("{year}-{:02}-01", quarter * 3 - 2));
    }
    let month = digits(5, 7)?;
    let Some(day) = text.get(7..).filter(|rest| !rest.is_empty()) else {
        return Some(format!("{year}-{month}-01"));
    };
    day.strip_prefix('-')?;
    let day = digits(8, 10)?;
    let clock = text.get(10..).unwrap_or_default().trim_start_matches(['T', ' ']);
    let clock = clock.split(['+', '-', 'Z']).next().unwrap_or_default();
    let clock = clock.split('.').next().unwrap_or_default();
    Some(match clock {
        "" | "00:00:00" => format!("{year}-{month}-{day}"),
        clock => format!("{year}-{month}-{day} {clock}"),
    })
}

/// By what rows in no order are sorted: equal rows of different programs stand beside each other.
fn spelled(row: &Row) -> Vec<String> {
    let spell = |cell: &Option<String>| match cell {
        None => String::new(),
        Some(text) => number(text)
            .map(|number| format!("{number:.4}"))
            .or_else(|| instant(text))
            .unwrap_or_else(|| text.clone()),
    };
    row.iter().map(spell).collect()
}

/// A scalar as a cell.
pub fn cell(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The rows of an answer in JSON: one for each element of its first list, or one for all of it. A row has every scalar below it, in the
/// order in which they stand there, whatever they are called and in what they are wrapped.
pub fn rows_of_json(value: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    let elements = match first_list(value) {
        Some(list) => list.iter().collect(),
        None => vec![value],
    };
    for element in elements {
        let mut row = Row::new();
        scalars(element, &mut row);
        rows.push(row);
    }
    rows
}

fn first_list(value: &Value) -> Option<&Vec<Value>> {
    match value {
        Value::Array(list) => Some(list),
        Value::Object(fields) => fields.values().find_map(first_list),
        _ => None,
    }
}

fn scalars(value: &Value, row: &mut Row) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| scalars(value, row)),
        Value::Object(fields) => fields.values().for_each(|value| scalars(value, row)),
        scalar => row.push(cell(scalar)),
    }
}
