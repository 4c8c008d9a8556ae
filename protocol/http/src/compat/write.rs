//! Changes of these endpoints: a client's names become ours, what no client writes is taken out and named, and one
//! transaction makes them all.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderValue};
use quarry_engine::{Change, Done, Operation, Outcome, Session, Views, Warnings};
use serde_json::{Map, Value, json};

use super::{
    answer,
    names::{Names, View},
    question,
};
use crate::{Door, changes::record, objects::read_records, problem::Problem, warnings};

/// Fields that were taken out of what a client sent.
const DROPPED: &str = "x-objectstack-dropped-fields";

/// A change that is ready to be made, and the fields that were taken out of it.
#[derive(Clone)]
pub(super) struct Prepared {
    pub change: Change,
    pub dropped: Vec<String>,
}

/// Makes changes of what clients send.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    views: &'a Views,
}

impl<'a> Writer<'a> {
    pub fn of(views: &'a Views) -> Self {
        Self { views }
    }

    /// A new record.
    ///
    /// # Errors
    ///
    /// An object that is not there; a field that is given twice.
    pub fn create(self, object: &str, data: Map<String, Value>) -> Result<Prepared, Problem> {
        self.with_data(object, data, None, |data| Operation::Create(record(data)))
    }

    /// Some fields of a record, if it has the revision that the client knows.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub fn update(
        self,
        object: &str,
        (id, if_revision): (String, Option<i64>),
        data: Map<String, Value>,
    ) -> Result<Prepared, Problem> {
        self.with_data(object, data, if_revision, |data| Operation::Update { id, data: record(data) })
    }

    /// A record by fields that are unique together: changed, or made.
    ///
    /// # Errors
    ///
    /// As [`Self::create`].
    pub fn upsert(
        self,
        object: &str,
        on: Vec<String>,
        data: Map<String, Value>,
    ) -> Result<Prepared, Problem> {
        self.with_data(object, data, None, |data| Operation::Upsert { on, data: record(data) })
    }

    /// Some fields of all that match.
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; a filter that is not understood.
    pub fn update_where(
        self,
        object: &str,
        (filter, at): (&Value, &str),
        data: Map<String, Value>,
    ) -> Result<Prepared, Problem> {
        let filter = question::filter(self.views, object, filter, at)?;
        self.with_data(object, data, None, |data| Operation::UpdateWhere { filter, data: record(data) })
    }

    /// All that match, deleted.
    ///
    /// # Errors
    ///
    /// An object that is not there; a filter that is not understood.
    pub fn delete_where(self, object: &str, (filter, at): (&Value, &str)) -> Result<Prepared, Problem> {
        let filter = question::filter(self.views, object, filter, at)?;
        self.plain(object, None, Operation::DeleteWhere { filter })
    }

    /// A record less.
    ///
    /// # Errors
    ///
    /// An object that is not there.
    pub fn delete(self, object: &str, id: String, if_revision: Option<i64>) -> Result<Prepared, Problem> {
        self.plain(object, if_revision, Operation::Delete { id })
    }

    /// An operation without data.
    ///
    /// # Errors
    ///
    /// An object that is not there.
    pub fn plain(
        self,
        object: &str,
        if_revision: Option<i64>,
        operation: Operation,
    ) -> Result<Prepared, Problem> {
        let object = self.named(object)?.0;
        Ok(Prepared { change: Change { object, operation, if_revision }, dropped: Vec::new() })
    }

    fn with_data(
        self,
        object: &str,
        data: Map<String, Value>,
        if_revision: Option<i64>,
        operation: impl FnOnce(Map<String, Value>) -> Operation,
    ) -> Result<Prepared, Problem> {
        let (object, view) = self.named(object)?;
        let mut data = Names::of(self.views).data(view, data)?;
        let dropped = take_kept(view, &mut data);
        Ok(Prepared { change: Change { object, operation: operation(data), if_revision }, dropped })
    }

    /// The object, by the name that answers: a former one stays as it is.
    fn named(self, object: &str) -> Result<(String, &'a View), Problem> {
        let view = Names::of(self.views).object(object)?;
        let is_known = self.views.get(object).is_some();
        Ok((if is_known { object.to_owned() } else { view.object.name.to_string() }, view))
    }
}

/// Takes out the fields that clients read and never write, and gives their names.
fn take_kept(view: &View, data: &mut Map<String, Value>) -> Vec<String> {
    let is_kept = |name: &&String| view.object.field(name).is_some_and(|field| !field.is_client_written());
    let kept: Vec<String> = data.keys().filter(is_kept).cloned().collect();
    kept.iter().for_each(|name| drop(data.shift_remove(name)));
    kept
}

/// What became of changes.
pub(super) struct Written {
    pub outcomes: Vec<Outcome>,
    /// The records that single changes are about, by object and id.
    records: HashMap<String, HashMap<String, Vec<u8>>>,
    pub warnings: Warnings,
    pub csn: Option<u64>,
}

/// What is asked beside the changes.
#[derive(Clone, Copy, Default)]
pub(super) struct Wish {
    /// Nothing is kept.
    pub dry_run: bool,
    /// The records as they are then.
    pub records: bool,
}

/// Makes all changes in one transaction.
///
/// # Errors
///
/// The engine's; nothing was kept.
pub(super) async fn apply(
    door: &Door,
    session: &Session,
    changes: Vec<Change>,
    wish: Wish,
) -> Result<Written, Problem> {
    let (report, context) = session.change_and_see(changes, wish.dry_run).await?;
    let mut wanted: HashMap<String, Vec<String>> = HashMap::new();
    if wish.records {
        for outcome in report.outcomes.iter().filter(|o| o.done != Done::Deleted && o.ids.len() == 1) {
            wanted.entry(outcome.object.clone()).or_default().extend(outcome.ids.iter().cloned());
        }
    }
    let mut records = HashMap::new();
    for (object, ids) in wanted {
        let read = read_records(door, &context, &object, ids).await?;
        records.insert(object, read);
    }
    Ok(Written { outcomes: report.outcomes, records, warnings: report.warnings, csn: report.csn })
}

impl Written {
    /// The id of the record that a change is about; none when it is about several or none.
    pub fn id(&self, change: usize) -> Option<&str> {
        match self.outcomes.get(change)?.ids.as_slice() {
            [id] => Some(id),
            _ => None,
        }
    }

    /// The record that a change is about, as it is then; null when nothing is to be seen of it.
    ///
    /// # Errors
    ///
    /// As [`answer::record`].
    pub fn record(&self, change: usize) -> Result<Value, Problem> {
        let outcome = self.outcomes.get(change);
        let found = outcome.zip(self.id(change));
        let json = found.and_then(|(outcome, id)| self.records.get(&outcome.object)?.get(id));
        json.map_or(Ok(Value::Null), |json| answer::record(json))
    }

    /// How many records a change is about.
    pub fn count(&self, change: usize) -> usize {
        self.outcomes.get(change).map_or(0, |outcome| outcome.ids.len())
    }

    /// Tells in an answer's headers at which commit it was, what rules warn of, and what was taken out.
    pub fn tell(&self, headers: &mut HeaderMap, dropped: &[String]) {
        if let Some(csn) = self.csn {
            headers.insert("x-quarry-csn", HeaderValue::from(csn));
        }
        warnings::in_headers(&self.warnings, headers);
        let list: Vec<String> = dropped.iter().map(|field| format!("{field};reason=readonly")).collect();
        if let (false, Ok(value)) = (list.is_empty(), HeaderValue::from_str(&list.join(","))) {
            headers.insert(DROPPED, value);
        }
    }
}

/// What was taken out, as it stands in a body; nothing when nothing was.
pub(super) fn dropped_fields(object: &str, dropped: &[String]) -> Option<Value> {
    let told = || json!([{ "object": object, "fields": dropped, "reason": "readonly" }]);
    (!dropped.is_empty()).then(told)
}
