//! From cells to values, by the fields that they are for. A text from a table is what people write: `yes`, the label of an option, a
//! list with commas. Whether a value is right, the engine says.

use quarry_metadata::{Field, FieldKind, ObjectName, SelectOption};
use serde_json::{Map, Value};

use super::{
    super::names::{Names, View},
    report::{Became, Fault},
    request::{Column, Line, Table, Transform},
};
use crate::problem::Problem;

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
/// Two columns for one field.
pub(super) fn rows(names: Names<'_>, view: &View, table: Table) -> Result<Vec<Row>, Problem> {
    let Table { lines, columns, trims, nulls } = table;
    let mut reading = Reading { names, view, columns, trims, nulls };
    reading.settle()?;
    Ok(lines.into_iter().map(|line| reading.row(line)).collect())
}

struct Reading<'a> {
    names: Names<'a>,
    view: &'a View,
    columns: indexmap::IndexMap<String, Column>,
    trims: bool,
    nulls: Vec<String>,
}

impl Reading<'_> {
    /// Puts our names in place of those of the mapping.
    fn settle(&mut self) -> Result<(), Problem> {
        let mut taken = std::collections::HashSet::new();
        for (name, column) in &mut self.columns {
            column.field = self.names.written(self.view, &column.field);
            let is_reference = reference(self.view.writable(&column.field)).is_some();
            let wrong = match column.transform {
                Some(Transform::Lookup) if !is_reference => {
                    format!("{} refers to no record: there is nothing to look up", column.field)
                }
                _ if !taken.insert(column.field.clone()) => {
                    format!("{name:?} and another column stand for {}", column.field)
                }
                _ => continue,
            };
            return Err(Problem::invalid(wrong).at("mapping"));
        }
        Ok(())
    }

    fn row(&self, line: Line) -> Row {
        let mut row = Row::default();
        let cells = match line {
            Line::Cells(cells) => cells,
            Line::Broken(why) => {
                row.became = Some(Became::Failed(vec![Fault::of(None, "unreadable", why)]));
                return row;
            }
        };
        let mut faults = Vec::new();
        for (name, cell) in self.all(cells) {
            let column = self.columns.get(&name);
            let field =
                column.map_or_else(|| self.names.written(self.view, &name), |column| column.field.clone());
            if row.data.contains_key(&field) || row.named.iter().any(|named| named.field == field) {
                faults.push(Fault::of(
                    Some(&field),
                    "invalid_value",
                    format!("{name:?} gives it a second time"),
                ));
                continue;
            }
            match self.cell(&field, column, cell) {
                Cell::Nothing if column.is_some_and(|column| column.required) => {
                    faults.push(Fault::of(
                        Some(&field),
                        "required",
                        format!("the column {name:?} has no value"),
                    ));
                }
                Cell::Nothing => {}
                Cell::Value(value) => drop(row.data.insert(field, value)),
                Cell::Names(target, names, is_list) => {
                    row.named.push(Named { field, target, names, is_list });
                }
            }
        }
        if !faults.is_empty() {
            row.became = Some(Became::Failed(faults));
        }
        row
    }

    /// The cells of a line, with those that it has not and of which something is said.
    fn all(&self, mut cells: Map<String, Value>) -> Map<String, Value> {
        for name in self.columns.keys() {
            if !cells.contains_key(name) {
                cells.insert(name.clone(), Value::Null);
            }
        }
        cells
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
