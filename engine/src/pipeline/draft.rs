//! A record on its way through the pipeline.

use std::{borrow::Cow, sync::Arc};

use quarry_metadata::Field;
use quarry_storage::{Key, Row, Value};

use super::call::Call;
use crate::{
    change::{Finding, Input},
    layout::{Layout, key_of},
    rules::Subject,
    work::Work,
};

/// An id that a client gives may be so long.
const ID_CHARACTERS_MAX: usize = 64;

pub(crate) struct Draft {
    /// Which change of the call.
    pub change: usize,
    pub layout: Arc<Layout>,
    pub id: Key,
    /// The client named the record, so findings may.
    id_is_told: bool,
    /// The record as it is; none for a new one.
    pub old: Option<Row>,
    /// By column.
    pub values: Vec<Value>,
    /// By column: the client or a default gave it.
    pub given: Vec<bool>,
    /// By column: a client that may not do everything gave it; empty for everyone else.
    pub asked: Vec<bool>,
    pub findings: Vec<Finding>,
    /// What was found and does not stand in the way.
    pub warnings: Vec<Finding>,
}

impl Draft {
    /// A new record, with the client's id when there is one.
    pub fn create(change: usize, layout: Arc<Layout>, id: Option<&Input>, work: &Work, call: &Call) -> Self {
        let columns = layout.spec.columns.len();
        let made = || Key::from(format!("{}_{}", layout.object.id_prefix, work.world.ids.ulid()));
        let told = match id {
            None | Some(Input::Json(serde_json::Value::Null) | Input::Typed(Value::Null, _)) => None,
            Some(input) => Some(targets_id(input)),
        };
        let mut draft = Self {
            change,
            id: told.clone().flatten().unwrap_or_else(made),
            id_is_told: told.as_ref().is_some_and(Option::is_some),
            old: None,
            values: vec![Value::Null; columns],
            given: vec![false; columns],
            asked: Vec::new(),
            findings: Vec::new(),
            warnings: Vec::new(),
            layout,
        };
        if told.is_some() {
            draft.check_id(told.flatten(), call);
        }
        draft.set(0, Value::Text(draft.id.clone()));
        draft
    }

    /// An existing record as it is.
    pub fn update(change: usize, layout: Arc<Layout>, old: Row) -> Self {
        let columns = layout.spec.columns.len();
        Self {
            change,
            id: key_of(&old),
            id_is_told: true,
            values: (0..columns).map(|column| old.get(column).clone()).collect(),
            given: vec![false; columns],
            asked: Vec::new(),
            old: Some(old),
            findings: Vec::new(),
            warnings: Vec::new(),
            layout,
        }
    }

    /// A record that comes back as it was.
    pub fn back(change: usize, layout: Arc<Layout>, id: Key, values: Vec<Value>) -> Self {
        Self {
            change,
            id,
            id_is_told: true,
            old: None,
            given: vec![false; values.len()],
            asked: Vec::new(),
            values,
            findings: Vec::new(),
            warnings: Vec::new(),
            layout,
        }
    }

    fn check_id(&mut self, id: Option<Key>, call: &Call) {
        let fault = match id {
            None => Some("an id is a text".to_owned()),
            Some(id) if call.reference(&id).is_some() => {
                Some("a new record can't have the id of another".to_owned())
            }
            Some(id) => id_fault(&id),
        };
        if let Some(message) = fault {
            self.find(Some("id"), "invalid_value", message, None);
        }
    }

    /// As rules look at it.
    pub fn subject(&self) -> Subject<'_> {
        Subject::new(&self.layout, self.old.as_ref(), &self.values)
    }

    /// Sets a column.
    pub fn set(&mut self, column: usize, value: Value) {
        if let Some(place) = self.values.get_mut(column) {
            *place = value;
        }
    }

    /// Sets a column that the client or a default gave.
    pub fn give(&mut self, column: usize, value: Value) {
        self.set(column, value);
        if let Some(given) = self.given.get_mut(column) {
            *given = true;
        }
    }

    /// Notes that a column follows from what was given.
    pub fn mark_given(&mut self, column: usize) {
        if let Some(given) = self.given.get_mut(column) {
            *given = true;
        }
    }

    /// The client or a default gave it.
    pub fn is_given(&self, column: usize) -> bool {
        self.given.get(column).copied().unwrap_or(false)
    }

    /// The value of a column.
    pub fn value(&self, column: usize) -> &Value {
        self.values.get(column).unwrap_or(&Value::Null)
    }

    /// The column has another value than before (for a new record: any value).
    pub fn changes(&self, column: usize) -> bool {
        match &self.old {
            Some(old) => old.get(column) != self.value(column),
            None => *self.value(column) != Value::Null,
        }
    }

    /// Something is different from before, or wrong.
    pub fn has_changed(&self) -> bool {
        !self.findings.is_empty() || (0..self.values.len()).any(|column| self.changes(column))
    }

    /// Notes a finding.
    pub fn find(
        &mut self,
        field: Option<&str>,
        code: impl Into<Cow<'static, str>>,
        message: String,
        constraint: Option<String>,
    ) {
        let finding = Finding { constraint, ..self.about(field, code.into(), message) };
        self.findings.push(finding);
    }

    /// Notes what does not stand in the way.
    pub fn warn(&mut self, field: Option<&str>, code: impl Into<Cow<'static, str>>, message: String) {
        let warning = self.about(field, code.into(), message);
        self.warnings.push(warning);
    }

    fn about(&self, field: Option<&str>, code: Cow<'static, str>, message: String) -> Finding {
        Finding {
            change: self.change,
            object: self.layout.object.name.to_string(),
            id: self.told_id(),
            field: field.map(str::to_owned),
            code,
            message,
            constraint: None,
        }
    }

    /// Notes a finding about a field.
    pub fn fault(&mut self, field: &Field, fault: Fault) {
        self.find(Some(field.name.as_str()), fault.code, fault.message, None);
    }

    /// The id, where the client knows it.
    pub fn told_id(&self) -> Option<String> {
        self.id_is_told.then(|| self.id.to_string())
    }

    /// A field has a finding already.
    pub fn is_faulty(&self, field: &str) -> bool {
        self.findings.iter().any(|finding| finding.field.as_deref() == Some(field))
    }

    /// The record as a row.
    pub fn row(&self) -> Row {
        Row(self.values.clone().into())
    }
}

/// What is wrong with one value.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub code: &'static str,
    pub message: String,
}

impl Fault {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The same, of a part of the value.
    pub fn within(self, part: &str) -> Self {
        let joint = if self.message.starts_with(['[', '.']) { "" } else { ": " };
        Self { code: self.code, message: format!("{part}{joint}{}", self.message) }
    }
}

/// An id as text; none when it is something else.
fn targets_id(input: &Input) -> Option<Key> {
    match input {
        Input::Json(serde_json::Value::String(text)) => Some(Key::from(text.as_str())),
        Input::Typed(Value::Text(text), _) => Some(text.clone()),
        _ => None,
    }
}

/// What is wrong with an id that a client gives.
fn id_fault(id: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if id.is_empty() || id.len() > ID_CHARACTERS_MAX {
        return Some(format!("an id has 1 to {ID_CHARACTERS_MAX} characters"));
    }
    (!id.bytes().all(allowed)).then(|| "an id is made of the letters A-Z and a-z, digits, _ and -".to_owned())
}
