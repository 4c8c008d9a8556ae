//! The table of an import: its lines as they came, and what its columns stand for.

use std::io::Read;

use axum::http::StatusCode;
use csv::{ReaderBuilder, StringRecord};
use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value};

use super::{super::super::many::within, ROWS_MAX, absent, texts};
use crate::{
    administration::{known, truth},
    problem::Problem,
};

/// Columns of one request.
const COLUMNS_MAX: usize = 2_000;
/// Bytes of a column's name.
const NAME_BYTES_MAX: usize = 256;

/// Lines, and how they are read.
pub(in super::super) struct Table {
    /// The names of the columns, each once: lines may be many, and know them by their places.
    pub names: IndexSet<String>,
    pub lines: Vec<Line>,
    /// What is said about columns, by their names in the lines. One that is not here is the field of its name.
    pub columns: IndexMap<String, Column>,
    /// Texts lose the blanks around them.
    pub trims: bool,
    /// Texts that are no value, beside the empty one.
    pub nulls: Vec<String>,
}

/// One line.
pub(in super::super) enum Line {
    /// Cells, each with the place of its column.
    Cells(Vec<(usize, Value)>),
    /// Texts of all columns.
    Texts(StringRecord),
    /// It is none: why.
    Broken(String),
}

/// What a column stands for.
#[derive(Default)]
pub(in super::super) struct Column {
    pub field: String,
    pub transform: Option<Transform>,
    /// What a line has that has nothing there.
    pub default: Option<Value>,
    /// A line without a value fails.
    pub required: bool,
}

/// What is done to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Transform {
    Uppercase,
    Lowercase,
    Trim,
    /// It names a record. (Texts of references do, whether a mapping says so or not.)
    Lookup,
}

/// Reads the lines and columns of a body.
///
/// # Errors
///
/// As [`super::read`].
pub(super) fn read(mut given: Map<String, Value>) -> Result<Table, Problem> {
    let (text, rows) = (given.shift_remove("csv"), given.shift_remove("rows"));
    let format = match given.get("format") {
        None => None,
        Some(Value::String(format)) => Some(format.as_str()),
        Some(other) => return Err(Problem::invalid(format!("format is a text, not {other}")).at("format")),
    };
    let (lines, names) = match (format, text, rows) {
        (None | Some("csv"), Some(Value::String(text)), None) => of_csv(&text)?,
        (None | Some("json"), None, Some(Value::Array(rows))) => of_json(rows)?,
        (Some("xlsx"), ..) => return Err(absent("format: xlsx", "send the rows as csv or rows")),
        (Some(other), ..) if !["csv", "json"].contains(&other) => {
            return Err(Problem::invalid(format!("format is csv or json, not {other:?}")).at("format"));
        }
        _ => {
            let message = "give the rows: csv, a text (format csv), or rows, a list (format json)";
            return Err(Problem::invalid(message).at("rows"));
        }
    };
    let trims = match given.get("trimWhitespace") {
        None => true,
        Some(Value::Bool(trims)) => *trims,
        Some(_) => return Err(Problem::invalid("trimWhitespace is true or false").at("trimWhitespace")),
    };
    let columns = columns(given.get("mapping"))?;
    if let Some(unknown) = columns.keys().find(|name| !names.contains(*name)) {
        return Err(Problem::invalid(format!("no row has the column {unknown:?}")).at("mapping"));
    }
    Ok(Table { names, lines, columns, trims, nulls: texts(&given, "nullValues")?.unwrap_or_default() })
}

type Lines = (Vec<Line>, IndexSet<String>);

/// Takes a column's name in; its place.
fn place(names: &mut IndexSet<String>, name: String, at: &str) -> Result<usize, Problem> {
    if let Some(place) = names.get_index_of(&name) {
        return Ok(place);
    }
    if name.len() > NAME_BYTES_MAX {
        let begin: String = name.chars().take(40).collect();
        let message =
            format!("the name of a column has at most {NAME_BYTES_MAX} bytes; {begin:?}… has {}", name.len());
        return Err(Problem::invalid(message).at(at));
    }
    if names.len() == COLUMNS_MAX {
        return Err(Problem::invalid(format!("there are more than {COLUMNS_MAX} columns")).at(at));
    }
    Ok(names.insert_full(name).0)
}

fn of_json(rows: Vec<Value>) -> Result<Lines, Problem> {
    must_be_few(rows.len())?;
    let mut names = IndexSet::new();
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        lines.push(match row {
            Value::Object(cells) => {
                let cell = |(name, cell)| Ok((place(&mut names, name, "rows")?, cell));
                Line::Cells(cells.into_iter().map(cell).collect::<Result<_, Problem>>()?)
            }
            other => Line::Broken(format!("a row is an object, not {other}")),
        });
    }
    Ok((lines, names))
}

fn of_csv(text: &str) -> Result<Lines, Problem> {
    let wrong = |message: String| Problem::invalid(message).at("csv");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A line behind the last one. It comes as a line of its own, unless a quote is open that holds it (which the reader passes over).
    let end = in_none(text);
    let ended = format!("\n{end}\n");
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text.as_bytes().chain(ended.as_bytes()));
    let names = match reader.headers() {
        Ok(told) if told.iter().eq([&end]) => return Ok((Vec::new(), IndexSet::new())),
        Ok(told) if told.iter().any(|name| name.contains(&end)) => {
            return Err(wrong("a quote in the first line is not closed".into()));
        }
        Ok(told) => names(told)?,
        Err(error) => return Err(wrong(format!("the first line can't be read: {error}"))),
    };
    let mut lines = Vec::new();
    for record in reader.into_records() {
        let record = match record {
            Ok(cells) if cells.iter().eq([&end]) => return Ok((lines, names)),
            record => record,
        };
        must_be_few(lines.len() + 1)?;
        lines.push(match record {
            Ok(cells) if cells.iter().any(|cell| cell.contains(&end)) => {
                Line::Broken("a quote in it is not closed: all that follows is in it".into())
            }
            Ok(cells) if cells.len() == names.len() => Line::Texts(cells),
            Ok(cells) => {
                Line::Broken(format!("it has {} cells, the first line {}", cells.len(), names.len()))
            }
            Err(error) => Line::Broken(format!("it can't be read: {error}")),
        });
    }
    Ok((lines, names))
}

/// What does not stand in a text: one sign, once more than it ever stands there in a row.
fn in_none(text: &str) -> String {
    const SIGN: char = '\u{1}';
    let runs = text.split(|sign| sign != SIGN).map(str::len);
    SIGN.to_string().repeat(runs.max().unwrap_or_default() + 1)
}

/// The names in the first line.
fn names(told: &StringRecord) -> Result<IndexSet<String>, Problem> {
    let wrong = |message: String| Problem::invalid(message).at("csv");
    let mut names = IndexSet::new();
    for (at, name) in told.iter().map(str::trim).enumerate() {
        if name.is_empty() {
            return Err(wrong(format!("column {} has no name in the first line", at + 1)));
        }
        if names.contains(name) {
            return Err(wrong(format!("the column {name:?} stands twice in the first line")));
        }
        place(&mut names, name.to_owned(), "csv")?;
    }
    Ok(names)
}

fn must_be_few(rows: usize) -> Result<(), Problem> {
    if rows <= ROWS_MAX {
        return Ok(());
    }
    let message = format!(
        "more than {ROWS_MAX} rows, which is what one request may bring; send them in parts, or use the command `quarry import`"
    );
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message).at("rows"))
}

/// `{column: field}`, or `[{sourceField, targetField, transform?, defaultValue?, required?}]`.
fn columns(mapping: Option<&Value>) -> Result<IndexMap<String, Column>, Problem> {
    let wrong = |message: String, at: &str| Err(Problem::invalid(message).at(at));
    let mut columns = IndexMap::new();
    match mapping {
        None | Some(Value::Null) => {}
        Some(Value::Object(names)) => {
            for (name, field) in names {
                let at = format!("mapping.{name}");
                let Some(field) = field.as_str() else {
                    return wrong(format!("{name:?} stands for a field, not {field}"), &at);
                };
                columns.insert(name.clone(), Column { field: field.to_owned(), ..Column::default() });
            }
        }
        Some(Value::Array(entries)) => {
            for (place, entry) in entries.iter().enumerate() {
                let at = format!("mapping[{place}]");
                let (name, column) = column(entry, &at)?;
                if columns.insert(name.clone(), column).is_some() {
                    return wrong(format!("the column {name:?} is mapped twice"), &at);
                }
            }
        }
        Some(_) => return wrong("mapping is an object of names, or a list of entries".into(), "mapping"),
    }
    Ok(columns)
}

fn column(entry: &Value, at: &str) -> Result<(String, Column), Problem> {
    let place = |problem: Problem| within(problem, at);
    let Some(entry) = entry.as_object() else {
        return Err(Problem::invalid("an entry is an object {sourceField, targetField}").at(at));
    };
    known(entry, &["sourceField", "targetField", "transform", "defaultValue", "required"]).map_err(place)?;
    let text = |key: &str| {
        let text = entry.get(key).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| Problem::invalid(format!("{key} is needed, a text")).at(format!("{at}.{key}")))
    };
    let required = truth(entry, "required").map_err(place)?;
    let transform = match entry.get("transform") {
        None => None,
        Some(told) => transform(told).map_err(|problem| problem.at(format!("{at}.transform")))?,
    };
    let default = entry.get("defaultValue").filter(|value| !value.is_null()).cloned();
    Ok((text("sourceField")?, Column { field: text("targetField")?, transform, default, required }))
}

fn transform(told: &Value) -> Result<Option<Transform>, Problem> {
    Ok(match told.as_str() {
        Some("none") => None,
        Some("uppercase") => Some(Transform::Uppercase),
        Some("lowercase") => Some(Transform::Lowercase),
        Some("trim") => Some(Transform::Trim),
        Some("lookup") => Some(Transform::Lookup),
        Some("date_format") => {
            return Err(absent("transform: date_format", "write days as 2026-07-28"));
        }
        _ => {
            let message = format!("transform is none, uppercase, lowercase, trim or lookup, not {told}");
            return Err(Problem::invalid(message));
        }
    })
}
