//! From cells to values, by the fields that they are for. A text from a table is what people write: `yes`, the label of an option, a
//! list with commas. Whether a value is right, the engine says.

use std::collections::HashSet;

use axum::http::StatusCode;
use indexmap::{IndexMap, IndexSet};
use quarry_metadata::{Field, FieldKind, ObjectName, SelectOption};
use serde_json::{Map, Value};

use super::{
    super::names::{Names, View},
    report::{Became, Fault},
    request::{Column, Line, Table, Transform},
};
use crate::problem::Problem;

/// Columns of one request that are no fields; what is in them fails its row.
const UNKNOWN_MAX: usize = 32;
/// Errors that are told of one row.
const FAULTS_MAX: usize = 32;

/// A row on its way.
#[derive(Default)]
pub(super) struct Row {
    /// Its values so far, by our names.
    pub data: Map<String, Value>,
    /// What still names records by their names.
    pub named: Vec<Named>,
    /// What became of it, when it is decided.
    pub became: Option<Became>,
    /// What is said of it beside.
    pub beside: super::report::Beside,
}

/// A reference that is not yet an id.
pub(super) struct Named {
    pub field: String,
    pub target: ObjectName,
    /// One, or several where the field takes several.
    pub names: Vec<String>,
    pub is_list: bool,
}

/// What a cell comes to.
enum Cell {
    /// The row says nothing about the field.
    Nothing,
    Value(Value),
    /// Names of records of an object.
    Names(ObjectName, Vec<String>, bool),
}

/// Makes rows of lines.
///
/// # Errors
///
/// Two columns for one field, a mapping to what is no field, many columns of no field; 413 when defaults would make more than
/// `default_bytes_max` of memory.
pub(super) fn rows(
    names: Names<'_>,
    view: &View,
    table: Table,
    default_bytes_max: usize,
) -> Result<Vec<Row>, Problem> {
    let Table { names: columns, lines, columns: said, trims, nulls } = table;
    must_be_small(&said, lines.len(), default_bytes_max)?;
    let targets = settled(names, view, columns, said)?;
    let reading = Reading { view, targets, trims, nulls };
    Ok(lines.into_iter().map(|line| reading.row(line)).collect())
}

/// A column, and the field that it is for.
struct Target {
    name: String,
    /// Our name of the field; one that is not known stays as it is.
    field: String,
    said: Option<Column>,
}

struct Reading<'a> {
    view: &'a View,
    /// By the places of columns.
    targets: Vec<Target>,
    trims: bool,
    nulls: Vec<String>,
}

/// Every row may have a default that the body has once.
fn must_be_small(said: &IndexMap<String, Column>, rows: usize, most: usize) -> Result<(), Problem> {
    let defaults: usize = said.values().filter_map(|column| column.default.as_ref()).map(bytes).sum();
    if defaults.saturating_mul(rows) <= most {
        return Ok(());
    }
    let message = format!(
        "the defaults of the mapping are too large for {rows} rows; send fewer rows, or smaller defaults"
    );
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message).at("mapping"))
}

/// About what a value takes in memory. A text may become a list of its parts, and counts for them.
fn bytes(value: &Value) -> usize {
    const PART: usize = 4;
    let inner = match value {
        Value::String(text) => text.len().saturating_mul(PART),
        Value::Array(list) => list.iter().map(bytes).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| 2 * size_of::<Value>() + name.len() + bytes(value)).sum()
        }
        _ => 0,
    };
    inner.saturating_add(size_of::<Value>())
}

/// Columns with our names of their fields.
fn settled(
    names: Names<'_>,
    view: &View,
    columns: IndexSet<String>,
    mut said: IndexMap<String, Column>,
) -> Result<Vec<Target>, Problem> {
    let mut taken = HashSet::new();
    for (name, column) in &mut said {
        column.field = names.written(view, &column.field);
        let is_reference = reference(view.writable(&column.field)).is_some();
        let wrong = match column.transform {
            _ if !is_known(view, &column.field) => {
                let message = format!("there is no field {:?} of {}", column.field, view.object.name);
                return Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message).at("mapping"));
            }
            Some(Transform::Lookup) if !is_reference => {
                format!("{} refers to no record: there is nothing to look up", column.field)
            }
            _ if !taken.insert(column.field.as_str()) => {
                format!("{name:?} and another column stand for {}", column.field)
            }
            _ => continue,
        };
        return Err(Problem::invalid(wrong).at("mapping"));
    }
    let target = |name: String| {
        let said = said.swap_remove(&name);
        let field = said.as_ref().map_or_else(|| names.written(view, &name), |column| column.field.clone());
        Target { name, field, said }
    };
    let targets: Vec<Target> = columns.into_iter().map(target).collect();
    let mut unknown = targets.iter().filter(|target| !is_known(view, &target.field)).skip(UNKNOWN_MAX);
    if let Some(target) = unknown.next() {
        let message = format!(
            "{:?} and more than {UNKNOWN_MAX} other columns are no fields of {}",
            target.name, view.object.name
        );
        return Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message).at("rows"));
    }
    Ok(targets)
}

fn is_known(view: &View, field: &str) -> bool {
    view.field(field).is_some() || view.writable(field).is_some()
}

impl Reading<'_> {
    fn row(&self, line: Line) -> Row {
        let mut row = Row::default();
        let mut faults = Vec::new();
        match line {
            Line::Broken(why) => faults.push(Fault::of(None, "unreadable", why)),
            Line::Texts(texts) => {
                let cells = self.targets.iter().zip(texts.iter().map(Value::from));
                self.fill(&mut row, &mut faults, cells);
            }
            Line::Cells(cells) => {
                let mut is_there = vec![false; self.targets.len()];
                for (place, _) in &cells {
                    if let Some(there) = is_there.get_mut(*place) {
                        *there = true;
                    }
                }
                let given =
                    cells.into_iter().filter_map(|(place, cell)| Some((self.targets.get(place)?, cell)));
                // And those that it has not and of which something is said.
                let absent = self.targets.iter().zip(&is_there);
                let absent = absent
                    .filter(|(target, there)| !**there && target.said.is_some())
                    .map(|(target, _)| (target, Value::Null));
                self.fill(&mut row, &mut faults, given.chain(absent));
            }
        }
        if !faults.is_empty() {
            row.became = Some(Became::Failed(faults));
            // It goes nowhere.
            row.data.clear();
            row.named.clear();
        }
        row
    }

    fn fill<'t>(
        &self,
        row: &mut Row,
        faults: &mut Vec<Fault>,
        cells: impl Iterator<Item = (&'t Target, Value)>,
    ) {
        for (Target { name, field, said }, cell) in cells {
            if faults.len() == FAULTS_MAX {
                let message = format!("the row has more than {FAULTS_MAX} errors; the others are not told");
                faults.push(Fault::of(None, "too_many_errors", message));
                return;
            }
            if row.data.contains_key(field) || row.named.iter().any(|named| named.field == *field) {
                let message = format!("{name:?} gives it a second time");
                faults.push(Fault::of(Some(field), "invalid_value", message));
                continue;
            }
            match self.cell(field, said.as_ref(), cell) {
                Cell::Nothing if said.as_ref().is_some_and(|column| column.required) => {
                    let message = format!("the column {name:?} has no value");
                    faults.push(Fault::of(Some(field), "required", message));
                }
                Cell::Nothing => {}
                Cell::Value(value) => drop(row.data.insert(field.clone(), value)),
                Cell::Names(target, names, is_list) => {
                    row.named.push(Named { field: field.clone(), target, names, is_list });
                }
            }
        }
    }

    fn cell(&self, field: &str, column: Option<&Column>, cell: Value) -> Cell {
        let cell = match self.present(cell) {
            None => match column.and_then(|column| column.default.clone()) {
                None => return Cell::Nothing,
                Some(default) => default,
            },
            Some(cell) => cell,
        };
        let field = self.view.writable(field);
        let cell = match (cell, column.and_then(|column| column.transform)) {
            (Value::String(text), Some(Transform::Uppercase)) => text.to_uppercase().into(),
            (Value::String(text), Some(Transform::Lowercase)) => text.to_lowercase().into(),
            (Value::String(text), Some(Transform::Trim)) => text.trim().into(),
            (cell, _) => cell,
        };
        match (reference(field), cell) {
            (Some((target, false)), Value::String(name)) => Cell::Names(target.clone(), vec![name], false),
            (Some((target, true)), Value::String(names)) => Cell::Names(target.clone(), parts(&names), true),
            (Some((target, true)), Value::Array(list)) if list.iter().all(Value::is_string) => {
                let names = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
                Cell::Names(target.clone(), names, true)
            }
            (_, Value::String(text)) => {
                Cell::Value(field.map_or_else(|| text.as_str().into(), |field| value(field, &text)))
            }
            (_, other) => Cell::Value(other),
        }
    }

    /// A cell that has a value, without the blanks around a text.
    fn present(&self, cell: Value) -> Option<Value> {
        match cell {
            Value::Null => None,
            Value::String(text) => {
                let kept = if self.trims { text.trim() } else { text.as_str() };
                let is_none = kept.trim().is_empty() || self.nulls.iter().any(|null| null == kept);
                (!is_none).then(|| kept.into())
            }
            other => Some(other),
        }
    }
}

/// Where a field leads, and whether to several records.
fn reference(field: Option<&Field>) -> Option<(&ObjectName, bool)> {
    match &field?.kind {
        FieldKind::Lookup { target, .. } => Some((target, false)),
        FieldKind::References { target, .. } => Some((target, true)),
        _ => None,
    }
}

/// A text as a value of a field; what is none stays a text, for the engine to refuse.
fn value(field: &Field, text: &str) -> Value {
    match &field.kind {
        FieldKind::Boolean => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "y" | "1" | "on" => true.into(),
            "false" | "no" | "n" | "0" | "off" => false.into(),
            _ => text.into(),
        },
        FieldKind::Select { options } => option(options, text).into(),
        FieldKind::MultiSelect { options } => {
            parts(text).iter().map(|part| Value::from(option(options, part))).collect()
        }
        FieldKind::Json | FieldKind::Composite { .. } | FieldKind::Vector { .. }
            if text.starts_with(['{', '[']) =>
        {
            serde_json::from_str(text).unwrap_or_else(|_| text.into())
        }
        _ => text.into(),
    }
}

/// The value of an option by its value, or by its label in any language and case.
fn option<'t>(options: &'t [SelectOption], text: &'t str) -> &'t str {
    if options.iter().any(|option| option.value == text) {
        return text;
    }
    let wanted = text.trim().to_lowercase();
    let is_called =
        |option: &&SelectOption| option.label.0.values().any(|label| label.to_lowercase() == wanted);
    options.iter().find(is_called).map_or(text, |option| &option.value)
}

/// The parts of a text that stands for several values: a list in JSON, or words with commas, semicolons or lines between them.
fn parts(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(parts) = serde_json::from_str::<Vec<String>>(text)
    {
        return parts;
    }
    text.split([',', ';', '\n', '、'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}
