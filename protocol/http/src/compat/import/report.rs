//! What became of rows, as it is told.

use quarry_engine::Finding;
use serde_json::{Map, Value, json};

use super::{super::write::dropped_fields, cells::Row, request::Manner, run::Ended};

/// What became of a row.
pub(super) enum Became {
    Created(String),
    Updated(String),
    /// There is no record that it is about.
    Skipped,
    Failed(Vec<Fault>),
}

/// What stands in the way of a row.
pub(super) struct Fault {
    field: Option<String>,
    code: String,
    message: String,
}

/// What is told of a row beside what became of it.
#[derive(Default)]
pub(super) struct Beside {
    /// Fields that no client writes, and that were taken out.
    pub dropped: Vec<String>,
    /// What rules only warn of.
    pub warnings: Vec<Fault>,
}

impl Fault {
    pub fn of(field: Option<&str>, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.map(str::to_owned), code: code.to_owned(), message: message.into() }
    }

    /// Whether it has this code.
    #[cfg(test)]
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    fn told(&self) -> Map<String, Value> {
        let mut told = Map::new();
        if let Some(field) = &self.field {
            told.insert("field".into(), field.as_str().into());
        }
        told.insert("code".into(), self.code.as_str().into());
        told.insert("message".into(), self.message.as_str().into());
        told
    }
}

impl From<&Finding> for Fault {
    fn from(finding: &Finding) -> Self {
        Fault::of(finding.field.as_deref(), &finding.code, finding.message.as_str())
    }
}

/// The whole report.
pub(super) fn told(object: &str, manner: &Manner, rows: &[Row], ended: &Ended) -> Value {
    let count =
        |is: fn(&Became) -> bool| rows.iter().filter(|row| row.became.as_ref().is_some_and(is)).count();
    let errors = rows.iter().filter(|row| matches!(row.became, None | Some(Became::Failed(_)))).count();
    let results = rows.iter().enumerate().map(|(place, row)| result((object, place), row, manner.dry_run));
    let mut told = json!({
        "object": object,
        "dryRun": manner.dry_run,
        "writeMode": manner.mode.name(),
        "total": rows.len(),
        "ok": rows.len() - errors,
        "errors": errors,
        "created": count(|became| matches!(became, Became::Created(_))),
        "updated": count(|became| matches!(became, Became::Updated(_))),
        "skipped": count(|became| matches!(became, Became::Skipped)),
        "results": results.collect::<Vec<_>>(),
    });
    if let (true, Some(told)) = (ended.warnings_left_out > 0, told.as_object_mut()) {
        told.insert("warningsLeftOut".into(), ended.warnings_left_out.into());
    }
    told
}

/// `{row, ok, action, id?, field?, code?, error?, fields?}`; the first fault stands in the row itself, all of several in `fields`.
fn result((object, place): (&str, usize), row: &Row, dry_run: bool) -> Value {
    let mut told = Map::new();
    told.insert("row".into(), (place + 1).into());
    let (action, id, faults) = match &row.became {
        // An id that a trial made is nobody's.
        Some(Became::Created(id)) => ("created", Some(id).filter(|_| !dry_run), &[][..]),
        Some(Became::Updated(id)) => ("updated", Some(id), &[][..]),
        Some(Became::Skipped) => ("skipped", None, &[][..]),
        Some(Became::Failed(faults)) => ("failed", None, faults.as_slice()),
        None => ("failed", None, &[][..]),
    };
    told.insert("ok".into(), (action != "failed").into());
    told.insert("action".into(), action.into());
    if let Some(id) = id {
        told.insert("id".into(), id.as_str().into());
    }
    if let Some(fault) = faults.first() {
        let mut fault = fault.told();
        if let Some(message) = fault.shift_remove("message") {
            fault.insert("error".into(), message);
        }
        told.extend(fault);
    }
    if faults.len() > 1 {
        told.insert("fields".into(), faults.iter().map(|fault| Value::Object(fault.told())).collect());
    }
    if let Some(dropped) = dropped_fields(object, &row.beside.dropped) {
        told.insert("droppedFields".into(), dropped);
    }
    if !row.beside.warnings.is_empty() {
        let warnings = row.beside.warnings.iter().map(|warning| Value::Object(warning.told()));
        told.insert("warnings".into(), warnings.collect());
    }
    Value::Object(told)
}
