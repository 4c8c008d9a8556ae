//! Which records a step is about: what lookups lead to, children, those that match.

use std::{cmp::Ordering, sync::Arc};

use quarry_metadata::{
    FieldName,
    expression::{Children, Root, Step as Lookup},
};
use quarry_storage::{Row, Value};

use super::{Runner, target_of};
use crate::{
    error::{Error, ErrorKind, Result},
    layout::Layout,
    rules::{Chosen, Other, Sought, Subject, Together},
};

/// Records that one step may be about.
const MATCHED_RECORDS_MAX: usize = 10_000;
/// Records that one step may look at to find them.
const LOOKED_AT_RECORDS_MAX: usize = 100_000;
/// Records whose condition is asked at once.
const ASKED_AT_ONCE: usize = 1_024;

impl Runner<'_> {
    /// The records of an `update` or `delete`, as they are now.
    pub(super) fn chosen(&mut self, target: &Chosen) -> Result<(Arc<Layout>, Vec<Row>)> {
        let (layout, rows, filter) = match target {
            Chosen::Record { root, path, object, filter } => {
                let layout = self.work.layout(object.as_str())?;
                (layout, self.at_end(root, path)?.into_iter().collect(), filter.as_ref())
            }
            Chosen::Children { children, filter } => {
                let (layout, rows) = self.children(children)?;
                (layout, rows, filter.as_ref())
            }
            Chosen::Matching(sought) => {
                let (layout, rows) = self.sought(sought)?;
                (layout, rows, Some(&sought.filter))
            }
        };
        let Some(filter) = filter else { return Ok((layout, rows)) };
        let mut kept = Vec::new();
        for rows in rows.chunks(ASKED_AT_ONCE) {
            let about = self.about.subject();
            let subjects: Vec<Subject<'_>> =
                rows.iter().map(|row| target_of(&about, &self.names, &layout, row)).collect();
            kept.extend(
                true_of(filter, &subjects, self.work)?.into_iter().filter_map(|at| rows.get(at)).cloned(),
            );
        }
        self.must_be_few(kept.len())?;
        Ok((layout, kept))
    }

    /// Those of which a condition is true that is asked with each of them by its name.
    pub(super) fn those(
        &mut self,
        rows: Vec<Row>,
        filter: Option<&Together>,
        (name, layout): (&str, &Layout),
    ) -> Result<Vec<Row>> {
        let Some(filter) = filter else { return Ok(rows) };
        let mut kept = Vec::new();
        for rows in rows.chunks(ASKED_AT_ONCE) {
            let about = self.about.subject().beside(&self.names);
            let subjects: Vec<Subject<'_>> =
                rows.iter().map(|row| about.and(Other { name, layout, row: Some(&row.0) })).collect();
            kept.extend(
                true_of(filter, &subjects, self.work)?.into_iter().filter_map(|at| rows.get(at)).cloned(),
            );
        }
        self.must_be_few(kept.len())?;
        Ok(kept)
    }

    /// The children of the record that the steps run for.
    pub(super) fn children(&mut self, children: &Children) -> Result<(Arc<Layout>, Vec<Row>)> {
        let layout = self.work.layout(children.object.as_str())?;
        let id = self.about.subject().new.first().cloned().unwrap_or(Value::Null);
        let rows = self.having(&layout, &children.lookup, &id, MATCHED_RECORDS_MAX)?;
        Ok((layout, rows))
    }

    /// The records that a condition is to be asked of: those that an index finds, or all.
    pub(super) fn sought(&mut self, sought: &Sought) -> Result<(Arc<Layout>, Vec<Row>)> {
        let layout = self.work.layout(sought.object.as_str())?;
        let Some((field, value)) = &sought.by else {
            let all = self.work.all(&layout, LOOKED_AT_RECORDS_MAX);
            let rows = all.map_err(|error| self.placed(error))?;
            return Ok((layout, rows));
        };
        let about = self.about.subject();
        let subject = about.beside(&self.names).and(about.called("this"));
        let answers = value.evaluate(std::slice::from_ref(&subject), self.work)?;
        let value = answers.first().map(|answer| answer.value(0)).transpose()?.unwrap_or(Value::Null);
        let rows = self.having(&layout, field, &value, LOOKED_AT_RECORDS_MAX)?;
        Ok((layout, rows))
    }

    fn having(
        &mut self,
        layout: &Layout,
        field: &FieldName,
        value: &Value,
        rows_max: usize,
    ) -> Result<Vec<Row>> {
        let no_column = || Error::internal(format!("no column for {}.{field}", layout.object.name));
        let column = layout.column(field.as_str()).ok_or_else(no_column)?;
        if column == 0 {
            let Value::Text(key) = value else { return Ok(Vec::new()) };
            return Ok(self.work.row(&layout.table, key)?.into_iter().collect());
        }
        self.work.having(layout, column, value, rows_max).map_err(|error| self.placed(error))
    }

    /// The record at the end of a path, as it is now.
    fn at_end(&mut self, root: &Root, path: &[Lookup]) -> Result<Option<Row>> {
        let subject = self.about.subject().beside(&self.names);
        let (layout, values) = match root {
            Root::Named(name) => match subject.named(name).map(|named| (named.layout, named.row)) {
                Some((layout, Some(values))) => (layout, values),
                _ => return Ok(None),
            },
            _ => (subject.layout, subject.new),
        };
        let value = |layout: &Layout, values: &[Value], field: &FieldName| {
            layout.column(field.as_str()).and_then(|column| values.get(column)).cloned()
        };
        let Some((first, rest)) = path.split_first() else {
            return match values.first() {
                Some(Value::Text(key)) => self.work.row(&layout.table, key),
                _ => Ok(None),
            };
        };
        let mut key = value(layout, values, &first.lookup);
        let mut target = &first.target;
        for next in rest {
            let Some(Value::Text(id)) = &key else { return Ok(None) };
            let layout = self.work.layout(target.as_str())?;
            let row = self.work.row(&layout.table, id)?;
            key = row.and_then(|row| value(&layout, &row.0, &next.lookup));
            target = &next.target;
        }
        let Some(Value::Text(id)) = &key else { return Ok(None) };
        let layout = self.work.layout(target.as_str())?;
        self.work.row(&layout.table, id)
    }

    fn must_be_few(&self, matched: usize) -> Result<()> {
        match matched > MATCHED_RECORDS_MAX {
            true => Err(self.limited("records matched by one step", matched, MATCHED_RECORDS_MAX)),
            false => Ok(()),
        }
    }

    /// The error of a limit below, with the triggers that led to it.
    fn placed(&self, error: Error) -> Error {
        match error.kind {
            ErrorKind::Limited => {
                let message = format!("{}; through {}", error.message, self.chain);
                Error { message, ..error }
            }
            _ => error,
        }
    }
}

/// The places of the records of which a condition is true.
fn true_of(filter: &Together, subjects: &[Subject<'_>], work: &mut crate::work::Work) -> Result<Vec<usize>> {
    let answers = filter.are_true(subjects, work)?;
    Ok((0..subjects.len()).filter(|at| answers.get(*at) == Some(&true)).collect())
}

/// The least by a field, nulls last; the first of all when none is named.
pub(super) fn first<'r>(layout: &Layout, rows: &'r [Row], order_by: Option<&FieldName>) -> Option<&'r Row> {
    let column = order_by.and_then(|field| layout.column(field.as_str()));
    let Some(column) = column else { return rows.first() };
    rows.iter().min_by(|a, b| order(a.get(column), b.get(column)))
}

fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Int(a), Value::Int(b)) | (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
