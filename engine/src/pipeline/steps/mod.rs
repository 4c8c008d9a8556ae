//! Runs the steps of triggers and actions.
//!
//! A step evaluates its expressions on the record that it runs for and on the records that earlier steps gave names, finds
//! the records that it is about ([`chosen`]), and hands what is to be written to the pipeline as a call of its own, with
//! the system's right. What that call finds is a finding of the change that started it.
//!
//! Steps read the transaction's own state, one after another: a step sees what the one before it wrote. Those that concern nothing
//! but their own record are done for many records at once ([`own`]).

mod chosen;
mod own;

use std::sync::Arc;

pub(super) use own::set_own;

use quarry_metadata::{
    FieldName,
    rules::{Refusal, Weight},
};
use quarry_planner::{expression::Evaluated, lower};
use quarry_storage::{ColumnType, Key, Row, Value};
use serde_json::{Map, Value as Json};

use super::{
    call::{Action, Call, Chain, Step},
    draft::Draft,
    triggers::Seen,
};
use crate::{
    change::{Finding, Input, Record},
    error::{Error, ErrorKind, Result},
    layout::{Layout, key_of},
    plain,
    rules::{self, Act, Do, Given, Named, Program, Subject, Together},
    work::Work,
};

/// Triggers that start one another, one within the other.
const TRIGGER_DEPTH_MAX: usize = 16;
/// Records that triggers and actions write in one transaction.
const TRIGGERED_RECORDS_MAX: usize = 10_000;

/// The record that steps run for.
pub(super) enum About<'a> {
    /// One on its way through the pipeline: its fields can be set.
    Draft(&'a mut Draft),
    /// One to which something is done, or was.
    Seen(&'a Seen),
}

impl About<'_> {
    fn subject(&self) -> Subject<'_> {
        match self {
            About::Draft(draft) => draft.subject(),
            About::Seen(seen) => seen.subject(),
        }
    }

    fn change(&self) -> usize {
        match self {
            About::Draft(draft) => draft.change,
            About::Seen(seen) => seen.change,
        }
    }
}

/// Steps on their way, for one record.
pub(super) struct Runner<'a> {
    work: &'a mut Work,
    call: &'a mut Call,
    about: About<'a>,
    when: Option<&'a Together>,
    steps: &'a [Do],
    /// The records that steps gave names, the innermost last.
    names: Vec<Named>,
    /// What led here, and these steps.
    chain: Arc<Chain>,
}

impl<'a> Runner<'a> {
    /// A trigger, about to run for a record.
    pub fn new(work: &'a mut Work, call: &'a mut Call, about: About<'a>, program: &'a Program) -> Runner<'a> {
        let chain = Chain::beneath(call.chain.as_ref(), &program.name);
        let (when, steps) = (program.when.as_ref(), program.steps.as_slice());
        Runner { work, call, about, when, steps, names: Vec::new(), chain }
    }

    /// Runs it where its condition is true; what is known of that already is not asked again.
    ///
    /// # Errors
    ///
    /// `Limited` past a limit of triggers; those of the store.
    pub fn run(mut self, starts: Option<bool>) -> Result<()> {
        let starts = match starts {
            Some(starts) => starts,
            None => self.is_true(self.when)?,
        };
        if starts { self.all(self.steps) } else { Ok(()) }
    }

    /// Does an action with a record, and gives what it returns; none, with findings, where it is refused.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn act(
        (work, call): (&'a mut Work, &'a mut Call),
        seen: &'a Seen,
        act: &'a Act,
        parameters: Named,
    ) -> Result<Option<Map<String, Json>>> {
        let chain = Chain::beneath(call.chain.as_ref(), &act.name);
        let (when, about, names) = (act.when.as_ref(), About::Seen(seen), vec![parameters]);
        let mut runner = Runner { work, call, about, when, steps: &act.steps, names, chain };
        if !runner.is_true(when)? {
            if let Some(refusal) = &act.refusal {
                runner.refuse(refusal);
            }
            return Ok(None);
        }
        for step in &act.steps {
            runner.step(step)?;
        }
        match runner.call.found() {
            0 => runner.returned(seen, act).map(Some),
            _ => Ok(None),
        }
    }

    /// What an action returns, of all records as they are by then.
    fn returned(&mut self, seen: &Seen, act: &Act) -> Result<Map<String, Json>> {
        let Some(values) = &act.returned else { return Ok(Map::new()) };
        for named in self.names.iter_mut().skip(1) {
            if let Some(row) = &named.row {
                named.row = self.work.row(&named.layout.table, &key_of(row))?;
            }
        }
        let now = self.work.row(&seen.layout.table, &key_of(&seen.new))?;
        let row = now.as_ref().unwrap_or(&seen.new);
        let subject = Subject::new(&seen.layout, None, &row.0).beside(&self.names);
        let values = values.evaluate(std::slice::from_ref(&subject), self.work)?;
        let mut returned = Map::new();
        for ((name, type_), value) in act.returns.iter().zip(&values) {
            returned.insert(name.clone(), plain::of_type(&value.value(0)?, type_));
        }
        Ok(returned)
    }

    /// All steps of a list; names that they give end with it.
    fn all(&mut self, steps: &[Do]) -> Result<()> {
        let known = self.names.len();
        for step in steps {
            if self.call.is_full() {
                break;
            }
            self.step(step)?;
        }
        self.names.truncate(known);
        Ok(())
    }

    fn step(&mut self, step: &Do) -> Result<()> {
        match step {
            Do::Set(given) => self.set(given),
            Do::Find { when, refusal } => {
                if self.is_true(when.as_ref())? {
                    self.refuse(refusal);
                }
                Ok(())
            }
            Do::Create { when, object, on, name, values } => {
                let layout = self.work.layout(object.as_str())?;
                let row = match self.may_write(when.as_ref())? {
                    true => self.create(&layout, on.as_deref(), values)?,
                    false => None,
                };
                self.names.extend(name.clone().map(|name| Named { name, layout, row }));
                Ok(())
            }
            Do::Update { when, target, values } => match self.may_write(when.as_ref())? {
                true => self.update(target, values),
                false => Ok(()),
            },
            Do::Delete { when, target } => match self.may_write(when.as_ref())? {
                true => self.delete(target),
                false => Ok(()),
            },
            Do::CallAction { when, action, target, parameters } => match self.may_write(when.as_ref())? {
                true => self.call_action(action, target, parameters.as_ref()),
                false => Ok(()),
            },
            Do::ForEach { children, name, filter, steps } => {
                let (layout, rows) = self.children(children)?;
                let rows = self.those(rows, filter.as_ref(), (name, &layout))?;
                rows.iter().try_for_each(|row| self.with(name, &layout, row, steps))
            }
            Do::First { wanted, name, order_by, steps } => {
                let (layout, rows) = self.sought(wanted)?;
                let rows = self.those(rows, Some(&wanted.filter), (name, &layout))?;
                match chosen::first(&layout, &rows, order_by.as_ref()) {
                    Some(row) => self.with(name, &layout, row, steps),
                    None => Ok(()),
                }
            }
        }
    }

    /// Runs steps while a record, as it is by then, has a name; not when it is gone.
    fn with(&mut self, name: &Arc<str>, layout: &Arc<Layout>, row: &Row, steps: &[Do]) -> Result<()> {
        let Some(row) = self.work.row(&layout.table, &key_of(row))? else { return Ok(()) };
        self.names.push(Named { name: name.clone(), layout: layout.clone(), row: Some(row) });
        let done = self.all(steps);
        self.names.pop();
        done
    }

    fn set(&mut self, given: &Given) -> Result<()> {
        let subject = self.about.subject().beside(&self.names);
        let values = given.values.evaluate(std::slice::from_ref(&subject), self.work)?;
        let About::Draft(draft) = &mut self.about else {
            return Err(Error::internal(format!("{} sets a field of a record that is written", self.chain)));
        };
        own::put(&mut [&mut **draft], (given, &values), &self.chain, self.work.actor.time_zone)
    }

    fn refuse(&mut self, refusal: &Refusal) {
        let subject = self.about.subject().beside(&self.names);
        let message = rules::told(&refusal.message, &subject, &self.work.actor);
        self.find(refusal.error_code.clone().into(), message, refusal.severity);
    }

    /// Notes a finding about the record that the steps run for.
    fn find(&mut self, code: std::borrow::Cow<'static, str>, message: String, weight: Weight) {
        let seen = match &mut self.about {
            About::Draft(draft) => return own::find(draft, code, message, weight),
            About::Seen(seen) => seen,
        };
        let finding = Finding {
            change: seen.change,
            object: seen.layout.object.name.to_string(),
            id: seen.id.clone(),
            field: None,
            code,
            message,
            constraint: None,
        };
        match weight {
            Weight::Error => self.call.find([finding]),
            Weight::Warning => self.call.warn([finding]),
        }
    }

    /// Makes a record, or changes the one that has the same in the fields `on`.
    fn create(&mut self, layout: &Arc<Layout>, on: Option<&[String]>, given: &Given) -> Result<Option<Row>> {
        let subject = self.about.subject().beside(&self.names);
        let values = given.values.evaluate(std::slice::from_ref(&subject), self.work)?;
        let Some(data) = self.record(layout, given, &values, 0)? else { return Ok(None) };
        let action = match on {
            Some(on) => Action::Upsert { on: on.to_vec(), data },
            None => Action::Create(data),
        };
        let made = self.write(layout, vec![action])?;
        match made.first() {
            Some(key) => self.work.row(&layout.table, key),
            None => Ok(None),
        }
    }

    fn update(&mut self, target: &rules::Chosen, given: &Given) -> Result<()> {
        let (layout, rows) = self.chosen(target)?;
        let about = self.about.subject();
        let subjects: Vec<Subject<'_>> =
            rows.iter().map(|row| target_of(&about, &self.names, &layout, row)).collect();
        if subjects.is_empty() {
            return Ok(());
        }
        let values = given.values.evaluate(&subjects, self.work)?;
        let mut actions = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            if let Some(data) = self.record(&layout, given, &values, at)? {
                actions.push(Action::Update { ids: vec![key_of(row)], data });
            }
        }
        self.write(&layout, actions).map(drop)
    }

    fn delete(&mut self, target: &rules::Chosen) -> Result<()> {
        let (layout, rows) = self.chosen(target)?;
        let delete = |row: &Row| Action::Delete { ids: vec![key_of(row)] };
        self.write(&layout, rows.iter().map(delete).collect()).map(drop)
    }

    /// Does an action with each of the records, as a call would: its parameters are checked, and it may be refused.
    fn call_action(
        &mut self,
        action: &str,
        target: &rules::Chosen,
        parameters: Option<&Given>,
    ) -> Result<()> {
        let (layout, rows) = self.chosen(target)?;
        if rows.is_empty() {
            return Ok(());
        }
        let act = self.work.active.rules.act(layout.object.name.as_str(), action)?;
        let about = self.about.subject();
        let subjects: Vec<Subject<'_>> =
            rows.iter().map(|row| target_of(&about, &self.names, &layout, row)).collect();
        let values = match parameters {
            Some(given) => given.values.evaluate(&subjects, self.work)?,
            None => Vec::new(),
        };
        let mut actions = Vec::with_capacity(rows.len());
        for (at, row) in rows.iter().enumerate() {
            let given = match parameters {
                Some(given) => self.record(&act.parameters, given, &values, at)?,
                None => Some(Record::new()),
            };
            if let Some(parameters) = given {
                actions.push(Action::Act { id: key_of(row), name: action.to_owned(), parameters });
            }
        }
        self.write(&layout, actions).map(drop)
    }

    /// The values for one of the records; none, with a finding, where one can't be computed.
    fn record(
        &mut self,
        layout: &Layout,
        given: &Given,
        values: &[Evaluated],
        at: usize,
    ) -> Result<Option<Record>> {
        let mut record = Record::with_capacity(given.fields.len());
        for (field, evaluated) in given.fields.iter().zip(values) {
            if let Some(fault) = evaluated.fault(at) {
                let message = format!("{} can't set {}.{field}: {fault}", self.chain, layout.object.name);
                self.find("not_computable".into(), message, Weight::Error);
                return Ok(None);
            }
            record.insert(field.to_string(), typed(layout, field, evaluated.value(at)?));
        }
        Ok(Some(record))
    }

    /// Writes records of an object, as a call of the pipeline; the ids of those created and updated.
    fn write(&mut self, layout: &Layout, actions: Vec<Action>) -> Result<Vec<Key>> {
        if actions.is_empty() {
            return Ok(Vec::new());
        }
        if self.chain.depth() > TRIGGER_DEPTH_MAX {
            return Err(self.limited("triggers within triggers", self.chain.depth(), TRIGGER_DEPTH_MAX));
        }
        self.work.triggered += actions.len();
        if self.work.triggered > TRIGGERED_RECORDS_MAX {
            let asked = self.work.triggered;
            return Err(self.limited(
                "records written by triggers in one transaction",
                asked,
                TRIGGERED_RECORDS_MAX,
            ));
        }
        let mut inner = Call::through(self.chain.clone());
        let (change, object) = (self.about.change(), layout.object.name.as_str());
        let step = |action| Step { change, object: object.to_owned(), if_revision: None, action };
        super::run(self.work, &mut inner, actions.into_iter().map(step).collect())?;
        let written = std::mem::take(&mut inner.written);
        self.call.absorb(inner);
        Ok(written)
    }

    /// Nothing is written once something was found: the change is refused as a whole, and what would be found then is
    /// but a consequence.
    fn may_write(&mut self, when: Option<&Together>) -> Result<bool> {
        let clean = match &self.about {
            About::Draft(draft) => draft.findings.is_empty(),
            About::Seen(_) => true,
        };
        Ok(clean && self.call.found() == 0 && self.is_true(when)?)
    }

    fn is_true(&mut self, when: Option<&Together>) -> Result<bool> {
        match when {
            Some(when) => when.is_true(&self.about.subject().beside(&self.names), self.work),
            None => Ok(true),
        }
    }

    /// The error of a limit, with the triggers that led to it.
    fn limited(&self, limit: &str, asked: usize, allowed: usize) -> Error {
        let message = format!("{limit}: {asked} asked, {allowed} allowed, through {}", self.chain);
        Error::new(ErrorKind::Limited, "LIMIT_EXCEEDED", message)
    }
}

/// A record that a step is about: bare names are its own, `this` is the one that the steps run for.
fn target_of<'s>(
    about: &'s Subject<'s>,
    names: &'s [Named],
    layout: &'s Layout,
    row: &'s Row,
) -> Subject<'s> {
    Subject::new(layout, None, &row.0).beside(names).and(about.called("this"))
}

/// A computed value as an input for its field.
fn typed(layout: &Layout, field: &FieldName, value: Value) -> Input {
    let scale = match layout.object.field(field.as_str()).map(lower::column_type) {
        Some(ColumnType::Decimal { scale, .. }) => Some(scale),
        _ => None,
    };
    Input::Typed(value, scale)
}
