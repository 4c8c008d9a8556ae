//! INSERT … ON CONFLICT.
//!
//! `DO UPDATE SET x = excluded.x` over all fields is the engine's own upsert. Anything finer is asked per proposed record: is there one
//! with these values, and what would it become? `excluded.x` stands in that question as a further parameter.

use std::{collections::BTreeSet, ops::ControlFlow};

use arrow::array::{AsArray, RecordBatch};
use datafusion::{
    scalar::ScalarValue,
    sql::sqlparser::ast::{ConflictTarget, DoUpdate, Expr, OnConflict, OnConflictAction, VisitorMut},
};
use quarry_engine::{Change, Operation, Record, Transaction};
use quarry_metadata::FieldName;

use super::{
    ast,
    cell::Cell,
    insert::{create, input_of_cell},
    shape::{ID, InsertShape, read_assignments},
    target::Target,
    update::ids_of,
    value::scalar_of,
};
use crate::{
    error::{PgError, Result},
    names::folded,
    session::Session,
    sqlstate::{self, SqlState},
    walk,
};

/// An INSERT's ON CONFLICT, resolved.
pub struct Upsert<'a> {
    shape: &'a InsertShape,
    values: &'a [ScalarValue],
    on: Vec<FieldName>,
    action: Action,
}

enum Action {
    Nothing,
    /// Every given field is taken over.
    TakeOver,
    Update {
        assignments: Vec<(FieldName, Cell)>,
        condition: Option<Box<Expr>>,
    },
}

impl<'a> Upsert<'a> {
    /// Reads an ON CONFLICT.
    ///
    /// # Errors
    ///
    /// `42P10` when no unique constraint is over those fields, `42601` when DO UPDATE names none.
    pub fn read(shape: &'a InsertShape, on: &OnConflict, values: &'a [ScalarValue]) -> Result<Upsert<'a>> {
        let fields = match &on.conflict_target {
            Some(ConflictTarget::Columns(columns)) => {
                let names = columns.iter().map(|c| Ok(shape.target.field(c)?.name.clone()));
                let names = names.collect::<Result<Vec<_>>>()?;
                check_unique(&shape.target, &names)?;
                names
            }
            Some(ConflictTarget::OnConstraint(name)) => {
                of_constraint(&shape.target, &crate::names::last_part(name))?
            }
            None => Vec::new(),
        };
        let action = match &on.action {
            OnConflictAction::DoNothing => Action::Nothing,
            OnConflictAction::DoUpdate(_) if fields.is_empty() => {
                let message = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
                return Err(PgError::new(SqlState::SYNTAX, message));
            }
            OnConflictAction::DoUpdate(update) => read_update(shape, &fields, update, values.len())?,
        };
        Ok(Upsert { shape, values, on: fields, action })
    }

    /// Inserts or updates; tells the records that were.
    ///
    /// # Errors
    ///
    /// The planner's and the engine's.
    pub async fn run(
        &self,
        session: &mut Session,
        transaction: &mut Transaction,
        records: Vec<Record>,
    ) -> Result<Vec<String>> {
        if matches!(self.action, Action::TakeOver) {
            let on: Vec<String> = self.on.iter().map(|f| f.as_str().to_owned()).collect();
            let changes = records.into_iter().map(|data| Change {
                object: self.shape.target.object().to_owned(),
                operation: Operation::Upsert { on: on.clone(), data },
                if_revision: None,
            });
            return super::apply(session, transaction, changes.collect()).await;
        }
        let mut ids = Vec::new();
        for record in records {
            ids.extend(self.run_one(session, transaction, record).await?);
        }
        Ok(ids)
    }

    async fn run_one(
        &self,
        session: &mut Session,
        transaction: &mut Transaction,
        record: Record,
    ) -> Result<Vec<String>> {
        if self.on.is_empty() {
            return self.create_unless_there(session, transaction, record).await;
        }
        let Some(found) = self.find(session, transaction, &record).await? else {
            return super::apply(session, transaction, vec![create(self.shape.target.object(), record)])
                .await;
        };
        let Action::Update { assignments, .. } = &self.action else { return Ok(Vec::new()) };
        let is_wanted = found.columns().get(1).and_then(|c| c.as_boolean_opt()).is_some_and(|c| {
            use arrow::array::Array;
            c.is_valid(0) && c.value(0)
        });
        let id = ids_of(&found)?.into_iter().flatten().next();
        let (true, Some(id)) = (is_wanted, id) else { return Ok(Vec::new()) };
        let data = self.new_values(session, assignments, &found, &record)?;
        let operation = Operation::Update { id, data };
        let change = Change { object: self.shape.target.object().to_owned(), operation, if_revision: None };
        super::apply(session, transaction, vec![change]).await
    }

    /// Without a target any unique value may be in the way. Who is not made is not warned of.
    async fn create_unless_there(
        &self,
        session: &mut Session,
        transaction: &mut Transaction,
        record: Record,
    ) -> Result<Vec<String>> {
        let change = create(self.shape.target.object(), record);
        match super::applied(session, transaction, vec![change]).await? {
            Err(error) if sqlstate::of_engine(&error) == SqlState::UNIQUE_VIOLATION => Ok(Vec::new()),
            applied => super::told(session, applied),
        }
    }

    /// The record in the way: its id, whether the condition holds, and the computed values; none when there is none.
    async fn find(
        &self,
        session: &mut Session,
        transaction: &Transaction,
        record: &Record,
    ) -> Result<Option<RecordBatch>> {
        let target = &self.shape.target;
        let mut values = self.parameters(record);
        let mut selection = None;
        for field in &self.on {
            let Some(input) = record.get(field.as_str()) else { return Ok(None) };
            let scalar = scalar_of(input);
            if scalar.is_null() {
                return Ok(None);
            }
            values.push(scalar);
            let term =
                ast::equals(ast::column(&target.qualifier, field.as_str()), ast::parameter(values.len()));
            selection = Some(match selection {
                Some(before) => ast::and(before, term),
                None => term,
            });
        }
        let mut items = vec![ast::named(ast::column(&target.qualifier, ID), ID, 0)];
        if let Action::Update { assignments, condition } = &self.action {
            let always = Expr::Value(datafusion::sql::sqlparser::ast::Value::Boolean(true).into());
            items.push(ast::named(condition.as_deref().cloned().unwrap_or(always), "where", 0));
            for (number, (_, cell)) in assignments.iter().enumerate() {
                if let Cell::Computed(expr) = cell {
                    items.push(ast::named((**expr).clone(), "set", number));
                }
            }
        }
        let question = ast::select(items, vec![ast::table(target.factor.clone())], selection)?;
        let context = session.tuned(transaction.context());
        let ask = session.ask(context, question, values);
        let rows = session.open(ask).await?;
        let found = session.wait(rows.all(1)).await?;
        Ok((found.num_rows() > 0).then_some(found))
    }

    /// The statement's parameters, then the proposed value of every field of the object in its order.
    fn parameters(&self, record: &Record) -> Vec<ScalarValue> {
        let proposed = self.shape.target.view.fields.iter();
        let proposed = proposed.map(|f| record.get(f.as_str()).map_or(ScalarValue::Null, scalar_of));
        self.values.iter().cloned().chain(proposed).collect()
    }

    fn new_values(
        &self,
        session: &Session,
        assignments: &[(FieldName, Cell)],
        found: &RecordBatch,
        record: &Record,
    ) -> Result<Record> {
        let zone = session.settings.time_zone();
        let parameters = self.parameters(record);
        let mut computed = found.columns().iter().skip(2);
        let mut data = Record::new();
        for (field, cell) in assignments {
            let kind = self.shape.target.kind(field);
            let input = input_of_cell(cell, &parameters, (kind, zone), &mut || {
                ScalarValue::try_from_array(computed.next()?, 0).ok()
            })?;
            if let Some(input) = input {
                data.insert(field.as_str().to_owned(), input);
            }
        }
        Ok(data)
    }
}

fn read_update(shape: &InsertShape, on: &[FieldName], update: &DoUpdate, values: usize) -> Result<Action> {
    let mut assignments = update.assignments.clone();
    if update.selection.is_none() && takes_all_over(shape, on, update) {
        return Ok(Action::TakeOver);
    }
    let mut proposed = Proposed { target: &shape.target, first: values + 1, failed: None };
    let mut condition = update.selection.clone();
    for assignment in &mut assignments {
        let ControlFlow::Continue(()) = walk::change(&mut assignment.value, &mut proposed);
    }
    if let Some(condition) = &mut condition {
        let ControlFlow::Continue(()) = walk::change(condition, &mut proposed);
    }
    match proposed.failed {
        Some(error) => Err(error),
        None => Ok(Action::Update {
            assignments: read_assignments(&shape.target, &assignments)?,
            condition: condition.map(Box::new),
        }),
    }
}

/// Whether the update is `x = excluded.x` for every given field but those of the constraint.
fn takes_all_over(shape: &InsertShape, on: &[FieldName], update: &DoUpdate) -> bool {
    let mut taken: BTreeSet<String> = on.iter().map(|f| f.as_str().to_owned()).collect();
    for assignment in &update.assignments {
        let datafusion::sql::sqlparser::ast::AssignmentTarget::ColumnName(name) = &assignment.target else {
            return false;
        };
        let name = crate::names::last_part(name);
        if excluded_field(&assignment.value).as_deref() != Some(&name) {
            return false;
        }
        taken.insert(name);
    }
    let given: BTreeSet<String> = shape.fields.iter().map(|f| f.as_str().to_owned()).collect();
    taken == given
}

/// `x` of `excluded.x`.
fn excluded_field(expr: &Expr) -> Option<String> {
    match expr {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] if folded(table) == "excluded" => Some(folded(column)),
            _ => None,
        },
        _ => None,
    }
}

/// Puts a parameter in the place of every `excluded.x`.
struct Proposed<'a> {
    target: &'a Target,
    first: usize,
    failed: Option<PgError>,
}

impl VisitorMut for Proposed<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::CompoundIdentifier(parts) = expr else { return ControlFlow::Continue(()) };
        if let ([_, column], Some(_)) =
            (parts.as_slice(), excluded_field(&Expr::CompoundIdentifier(parts.clone())))
        {
            match self.target.field(column) {
                Ok(field) => {
                    let at = self.target.view.fields.iter().position(|f| *f == field.name).unwrap_or(0);
                    *expr = ast::parameter(self.first + at);
                }
                Err(error) => self.failed = Some(error),
            }
        }
        ControlFlow::Continue(())
    }
}

fn check_unique(target: &Target, fields: &[FieldName]) -> Result<()> {
    let wanted: BTreeSet<&str> = fields.iter().map(FieldName::as_str).collect();
    let is_key = wanted.len() == 1 && wanted.contains(ID);
    let is_unique = target.view.object.indexes.iter().any(|index| {
        index.unique && index.fields.iter().map(FieldName::as_str).collect::<BTreeSet<_>>() == wanted
    });
    if is_key || is_unique {
        return Ok(());
    }
    let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
    Err(PgError::new(SqlState::INVALID_COLUMN_REFERENCE, message))
}

fn of_constraint(target: &Target, name: &str) -> Result<Vec<FieldName>> {
    let object = &target.view.object;
    if name == format!("{}_pkey", object.name) {
        return Ok(vec![FieldName::from(ID)]);
    }
    let found = object.indexes.iter().find(|index| index.unique && index.name == name);
    found.map(|index| index.fields.clone()).ok_or_else(|| {
        let message = format!("constraint \"{name}\" for table \"{}\" does not exist", object.name);
        PgError::new(SqlState::UNDEFINED_OBJECT, message)
    })
}
