//! Expressions evaluated on records: what they read is brought together from the transaction's own state, once for all of
//! the records and expressions that are asked at once.

use std::{borrow::Cow, collections::HashMap};

use quarry_metadata::{
    FieldName, ObjectName,
    expression::{Children, Expression, Path, Root, Step, Type, UserList},
};
use quarry_planner::expression::{Compiled, Evaluated, Input, Inputs, Source, Surroundings};
use quarry_storage::{Key, Row, Value};

use super::Subject;
use crate::{
    active::USER,
    error::{Error, Result},
    layout::Layout,
    work::Work,
};

/// Children of one record that one rule may look at.
const CHILDREN_MAX: usize = 10_000;

/// Expressions that are evaluated together; made once for a registry.
pub(crate) struct Together {
    inputs: Inputs,
    compiled: Vec<Compiled>,
    /// They look at a list of the user's, which is made of records.
    reads_lists: bool,
}

impl Together {
    /// Compiles them.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub fn new(expressions: &[&Expression]) -> Result<Together> {
        let inputs = Inputs::of(expressions.iter().copied())?;
        let compiled = expressions.iter().map(|expression| Compiled::new(expression, &inputs));
        let compiled = compiled.collect::<Result<Vec<_>, _>>()?;
        let reads_lists = expressions.iter().any(|expression| !expression.needs().lists.is_empty());
        Ok(Together { inputs, compiled, reads_lists })
    }

    /// They look at nothing but the record itself, as it is and was.
    pub fn is_own(&self) -> bool {
        let is_own = |input: &Input| match input {
            Input::Field { root: Root::Record | Root::Old, path, .. } => path.steps.is_empty(),
            _ => false,
        };
        !self.reads_lists && self.inputs.inputs().iter().all(is_own)
    }

    /// One of them looks at another record of this object than the one that it is asked about.
    pub fn looks_at(&self, object: &ObjectName) -> bool {
        let leads = |path: &Path| path.steps.iter().any(|step| step.target == *object);
        let looks = |input: &Input| match input {
            Input::Field { root: Root::User, path, .. } => object.as_str() == USER || leads(path),
            Input::Field { path, .. } => leads(path),
            Input::Children { children, members } => {
                children.object == *object || members.iter().any(|(path, _)| leads(path))
            }
        };
        let by_list = self.reads_lists && object.as_str() == USER;
        by_list || self.inputs.inputs().iter().any(looks)
    }

    /// The fields of the record, as it will be, that they look at.
    pub fn reads(&self) -> impl Iterator<Item = &FieldName> {
        self.inputs.inputs().iter().filter_map(|input| match input {
            Input::Field { root: Root::Record, path, .. } => Some(first_field(path)),
            _ => None,
        })
    }

    /// What one condition says of one record: false where it is null.
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
    pub fn is_true(&self, subject: &Subject<'_>, work: &mut Work) -> Result<bool> {
        Ok(self.are_true(std::slice::from_ref(subject), work)?.first() == Some(&true))
    }

    /// What one condition says of each of the records.
    ///
    /// # Errors
    ///
    /// As [`Self::evaluate`].
    pub fn are_true(&self, subjects: &[Subject<'_>], work: &mut Work) -> Result<Vec<bool>> {
        let answers = self.evaluate(subjects, work)?;
        let is_true = |row: usize| answers.first().and_then(|answer| answer.condition(row)) == Some(true);
        Ok((0..subjects.len()).map(is_true).collect())
    }

    /// What each gives for each of the records.
    ///
    /// # Errors
    ///
    /// `Limited` for a record with too many children; those of the store.
    pub fn evaluate(&self, subjects: &[Subject<'_>], work: &mut Work) -> Result<Vec<Evaluated>> {
        let around = Surroundings {
            now_micros: work.actor.now_micros,
            time_zone: work.actor.time_zone,
            lists: [(UserList::Roles, work.actor.roles.to_vec())].into(),
        };
        let mut reader = Reader { work, rows: HashMap::new() };
        let brought = self.inputs.inputs().iter().map(|input| reader.bring(input, subjects));
        let brought = Brought { subjects, columns: brought.collect::<Result<_>>()? };
        let batch = self.inputs.batch(subjects.len(), &brought, &around)?;
        let evaluated = self.compiled.iter().map(|compiled| compiled.evaluate(&batch));
        Ok(evaluated.collect::<Result<Vec<_>, _>>()?)
    }
}

/// The field of the record that a path begins with.
pub(super) fn first_field(path: &Path) -> &FieldName {
    path.steps.first().map_or(&path.field, |step| &step.lookup)
}

/// What an input is that is a field of the records themselves: its column is looked up once for all of them.
fn own(input: &Input, subjects: &[Subject<'_>]) -> Option<Column> {
    let Input::Field { root: root @ (Root::Record | Root::Old), path, .. } = input else { return None };
    let layout = subjects.first().map(|first| first.layout)?;
    if !path.steps.is_empty() || !subjects.iter().all(|subject| std::ptr::eq(subject.layout, layout)) {
        return None;
    }
    let column = layout.column(path.field.as_str())?;
    Some(if *root == Root::Old { Column::Old(column) } else { Column::New(column) })
}

/// What the records have, by input.
struct Brought<'a> {
    subjects: &'a [Subject<'a>],
    columns: Vec<Column>,
}

/// What they have of one input.
enum Column {
    /// The values of a column of their own, as they will be.
    New(usize),
    /// As they were.
    Old(usize),
    /// Of other records.
    Values(Vec<Value>),
    Children(Vec<Vec<Vec<Value>>>),
}

impl Source for Brought<'_> {
    fn value(&self, input: usize, row: usize) -> Cow<'_, Value> {
        let subject = || self.subjects.get(row);
        let value = match self.columns.get(input) {
            Some(Column::New(column)) => subject().and_then(|subject| subject.new.get(*column)),
            Some(Column::Old(column)) => {
                subject().and_then(|subject| subject.old).map(|old| old.get(*column))
            }
            Some(Column::Values(values)) => values.get(row),
            Some(Column::Children(_)) | None => None,
        };
        value.map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }

    fn children(&self, input: usize, row: usize) -> Vec<Vec<Value>> {
        match self.columns.get(input) {
            Some(Column::Children(children)) => children.get(row).cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

struct Reader<'w> {
    work: &'w mut Work,
    /// Records that lookups have led to.
    rows: HashMap<(ObjectName, Key), Option<Row>>,
}

impl Reader<'_> {
    fn bring(&mut self, input: &Input, subjects: &[Subject<'_>]) -> Result<Column> {
        if let Some(own) = own(input, subjects) {
            return Ok(own);
        }
        Ok(match input {
            Input::Field { root, path, .. } => {
                let values = subjects.iter().map(|subject| self.field(subject, root, path));
                Column::Values(values.collect::<Result<_>>()?)
            }
            Input::Children { children, members } => {
                let children = subjects.iter().map(|subject| self.children(subject, children, members));
                Column::Children(children.collect::<Result<_>>()?)
            }
        })
    }

    fn field(&mut self, subject: &Subject<'_>, root: &Root, path: &Path) -> Result<Value> {
        match root {
            Root::Record => self.follow(subject.layout, &|column| subject.new.get(column), path),
            Root::Old => match subject.old {
                Some(old) => self.follow(subject.layout, &|column| Some(old.get(column)), path),
                None => Ok(Value::Null),
            },
            Root::User => {
                let (user, key) = (ObjectName::from(USER), self.work.actor.user_id.clone());
                let layout = self.work.layout(USER)?;
                match self.row(&user, &key)? {
                    Some(row) => self.follow(&layout, &|column| Some(row.get(column)), path),
                    None => Ok(Value::Null),
                }
            }
            Root::Named(name) => {
                let unknown = || Error::internal(format!("there is no record called {name}"));
                let named = subject.named(name).ok_or_else(unknown)?;
                match named.row {
                    Some(row) => self.follow(named.layout, &|column| row.get(column), path),
                    None => Ok(Value::Null),
                }
            }
        }
    }

    /// The field at the end of a path.
    fn follow<'r>(
        &mut self,
        layout: &Layout,
        value: &dyn Fn(usize) -> Option<&'r Value>,
        path: &Path,
    ) -> Result<Value> {
        let of = |layout: &Layout, field: &str| {
            let no_column = || Error::internal(format!("no column for {}.{field}", layout.object.name));
            layout.column(field).ok_or_else(no_column)
        };
        let Some((first, rest)) = path.steps.split_first() else {
            return Ok(value(of(layout, path.field.as_str())?).cloned().unwrap_or(Value::Null));
        };
        let mut key = value(of(layout, first.lookup.as_str())?).cloned().unwrap_or(Value::Null);
        let mut target = &first.target;
        for Step { lookup, target: next } in rest {
            key = self.value_of(target, &key, lookup.as_str())?;
            target = next;
        }
        self.value_of(target, &key, path.field.as_str())
    }

    /// A field of the record with that key; null when there is none.
    fn value_of(&mut self, object: &ObjectName, key: &Value, field: &str) -> Result<Value> {
        let Value::Text(key) = key else { return Ok(Value::Null) };
        let layout = self.work.layout(object.as_str())?;
        let Some(row) = self.row(object, key)? else { return Ok(Value::Null) };
        Ok(layout.column(field).map_or(Value::Null, |column| row.get(column).clone()))
    }

    fn row(&mut self, object: &ObjectName, key: &Key) -> Result<Option<Row>> {
        let name = (object.clone(), key.clone());
        if let Some(known) = self.rows.get(&name) {
            return Ok(known.clone());
        }
        let layout = self.work.layout(object.as_str())?;
        let row = self.work.row(&layout.table, key)?;
        self.rows.insert(name, row.clone());
        Ok(row)
    }

    /// The children of a record, each with its members in order.
    fn children(
        &mut self,
        subject: &Subject<'_>,
        relation: &Children,
        members: &[(Path, Type)],
    ) -> Result<Vec<Vec<Value>>> {
        let layout = self.work.layout(relation.object.as_str())?;
        let unknown = || Error::internal(format!("no column for {}.{}", relation.object, relation.lookup));
        let column = layout.column(relation.lookup.as_str()).ok_or_else(unknown)?;
        let key = subject.new.first().unwrap_or(&Value::Null);
        let mut children = Vec::new();
        for row in self.work.having(&layout, column, key, CHILDREN_MAX)? {
            let values =
                members.iter().map(|(path, _)| self.follow(&layout, &|column| Some(row.get(column)), path));
            children.push(values.collect::<Result<Vec<_>>>()?);
        }
        Ok(children)
    }
}
