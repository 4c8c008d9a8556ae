//! From a row as it stands in its file to the values of a record: transforms, aliases, what "no value" means.

use std::collections::BTreeMap;

use quarry_metadata::FieldName;
use serde_json::{Map, Value};

use super::{
    findings::{Fault, Place},
    mapping::{ColumnMapping, FileMapping, Mapping, Reference, Transform, WhenEmpty},
    report::FileReport,
};

/// A row that can be written once its references are found.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Where it stands.
    pub place: Place,
    /// Values by field.
    pub data: Map<String, Value>,
    /// What is still a natural key.
    pub references: Vec<Pending>,
    /// The same, for records of the same file: written in the second pass.
    pub own_references: Vec<Pending>,
    /// Fields whose record a dry run takes to be there.
    pub promised: Vec<FieldName>,
}

/// A reference by natural key.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The field that holds it.
    pub field: FieldName,
    /// Which object, by which field.
    pub reference: Reference,
    /// The value.
    pub value: Value,
}

/// Prepares the rows of one file.
pub struct Preparer<'m> {
    file: &'m FileMapping,
    aliases: &'m BTreeMap<String, BTreeMap<String, String>>,
}

impl<'m> Preparer<'m> {
    /// For the rows of `file`.
    pub fn new(mapping: &'m Mapping, file: &'m FileMapping) -> Self {
        Self { file, aliases: &mapping.aliases }
    }

    /// Prepares one row: `cells` in the order of the mapping's columns. Counts aliases and empty values in `report`.
    ///
    /// # Errors
    ///
    /// The place and every fault of a row that can't be imported.
    pub fn prepare(
        &self,
        row: u64,
        cells: Vec<Value>,
        report: &mut FileReport,
    ) -> Result<Prepared, (Place, Vec<Fault>)> {
        let values: Map<_, _> =
            self.file.columns.iter().map(|column| column.column.clone()).zip(cells.iter().cloned()).collect();
        let place = Place { row, key: Map::new(), values };
        let mut prepared = Prepared {
            place,
            data: Map::new(),
            references: Vec::new(),
            own_references: Vec::new(),
            promised: Vec::new(),
        };
        let mut faults = Vec::new();
        for (column, cell) in self.file.columns.iter().zip(cells) {
            match self.value(column, cell, report) {
                Ok(value) => self.put(column, value, &mut prepared, report, &mut faults),
                Err(fault) => faults.push(fault),
            }
        }
        for (field, value) in &self.file.set {
            prepared.data.insert(field.to_string(), value.clone());
        }
        self.take_key(&mut prepared, &mut faults);
        if faults.is_empty() { Ok(prepared) } else { Err((prepared.place, faults)) }
    }

    /// The value of a cell; null when there is none.
    fn value(&self, column: &ColumnMapping, cell: Value, report: &mut FileReport) -> Result<Value, Fault> {
        let Value::String(mut text) = cell else { return Ok(cell) };
        if self.file.nulls.contains(&text) {
            return Ok(Value::Null);
        }
        let mut parsed = None;
        for step in &column.transforms {
            match step {
                Transform::Trim => text = text.trim().to_owned(),
                Transform::CollapseSpaces => text = text.split_whitespace().collect::<Vec<_>>().join(" "),
                Transform::Lowercase => text = text.to_lowercase(),
                Transform::Uppercase => text = text.to_uppercase(),
                Transform::Boolean if text.is_empty() => {}
                Transform::Boolean => parsed = Some(boolean(column, &text)?),
            }
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        if let Some(format) = &column.date {
            let day = chrono::NaiveDate::parse_from_str(&text, format).map_err(|_| {
                Fault::of(&column.field, "invalid_date", format!("\"{text}\" is no day written as {format}"))
            })?;
            return Ok(Value::String(day.format("%Y-%m-%d").to_string()));
        }
        if let Some(table) = &column.alias
            && let Some(meant) = self.aliases.get(table).and_then(|table| table.get(&text))
        {
            *report.aliases.entry((table.clone(), text)).or_default() += 1;
            return Ok(Value::String(meant.clone()));
        }
        Ok(parsed.unwrap_or(Value::String(text)))
    }

    fn put(
        &self,
        column: &ColumnMapping,
        value: Value,
        into: &mut Prepared,
        report: &mut FileReport,
        faults: &mut Vec<Fault>,
    ) {
        let field = &column.field;
        if value.is_null() {
            match column.empty {
                WhenEmpty::Leave => return,
                WhenEmpty::Refuse => {
                    let message = format!("the column \"{}\" has no value", column.column);
                    faults.push(Fault::of(field, "empty", message));
                    return;
                }
                WhenEmpty::Count => *report.empty.entry(column.column.clone()).or_default() += 1,
                WhenEmpty::Clear => {}
            }
            into.data.insert(field.to_string(), Value::Null);
            return;
        }
        let Some(reference) = &column.reference else {
            into.data.insert(field.to_string(), value);
            return;
        };
        let pending = Pending { field: field.clone(), reference: reference.clone(), value };
        if self.file.refers_to_itself(column) {
            into.own_references.push(pending);
        } else {
            into.references.push(pending);
        }
    }

    /// Notes the key; a reference that is part of it is shown by its natural key.
    fn take_key(&self, prepared: &mut Prepared, faults: &mut Vec<Fault>) {
        for field in &self.file.key {
            let value = prepared.data.get(field.as_str()).cloned().or_else(|| {
                prepared
                    .references
                    .iter()
                    .find(|pending| pending.field == *field)
                    .map(|pending| pending.value.clone())
            });
            match value {
                Some(value) if !value.is_null() => {
                    prepared.place.key.insert(field.to_string(), value);
                }
                _ if faults.iter().any(|fault| fault.field.as_deref() == Some(field.as_str())) => {}
                _ => {
                    faults.push(Fault::of(field, "key_missing", "a part of the key has no value".to_owned()))
                }
            }
        }
    }
}

fn boolean(column: &ColumnMapping, text: &str) -> Result<Value, Fault> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(Value::Bool(true)),
        "false" | "no" | "0" => Ok(Value::Bool(false)),
        _ => {
            let message = format!("\"{text}\" is none of true, false, yes, no, 1, 0");
            Err(Fault::of(&column.field, "invalid_boolean", message))
        }
    }
}
