//! From an operation to query trees: the selection set of each root field becomes one [`quarry_planner::Query`] with
//! expands, and a plan of how its columns are written back in the order asked.
//!
//! Columns and expands get short names of their own (`c0`, `e1`), so that a lookup and its relation, or one field
//! under two aliases, never meet in an answer. Paths that are asked twice are one column.

mod aggregate;
mod connection;
mod cursor;
pub(crate) mod filter;
mod mutation;
mod record;

use std::{cell::Cell, collections::HashMap};

use async_graphql::{
    Pos, Value,
    indexmap::IndexMap,
    parser::types::{OperationDefinition, OperationType, SelectionSet},
};
use quarry_json::write_text;
use quarry_planner::{
    Query,
    objectql::{Expand, Filter, Selection},
};

pub(crate) use aggregate::{AggregatePlan, COUNT, PARENT};
pub(crate) use connection::{ConnectionItem, ConnectionPlan, CountFrom, EdgeItem, PageItem};
pub(crate) use cursor::{CursorPlan, encode, encode_position};
pub(crate) use mutation::{MutationPlan, RESULT_ID, ResultItem, ReturnedItem};
pub(crate) use record::{Item, ObjectPlan, ToMany};

use crate::{
    collect::{Asked, Collector},
    error::{Failure, Fault, Result},
    model::{Action, Model},
    schema::{MUTATION, QUERY},
};

/// A key as it is written: escaped, with its colon.
pub(crate) type KeyBytes = Vec<u8>;

/// Limits on what one operation may ask of the engine.
#[derive(Clone, Debug)]
pub struct PageLimits {
    /// Records of a list when the client names no number.
    pub first_default: u64,
    /// Records of a list at most.
    pub first_max: u64,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { first_default: 100, first_max: 10_000 }
    }
}

/// What one operation asks, ready to run.
pub(crate) enum OperationPlan {
    Query(Vec<RootPlan>),
    Mutation(Vec<MutationPlan>),
}

/// One field of the query root.
pub(crate) struct RootPlan {
    pub key: String,
    pub position: Pos,
    pub what: RootKind,
}

/// What it asks.
pub(crate) enum RootKind {
    /// `__typename`
    TypeName(&'static str),
    /// `__schema`, `__type`
    Introspection,
    Record(Box<(Query, ObjectPlan)>),
    Connection(Box<ConnectionPlan>),
}

/// What compiling needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Compiler<'a> {
    pub model: &'a Model,
    pub collector: Collector<'a>,
    pub limits: &'a PageLimits,
    /// Numbers related lists, so that what is counted per parent finds its way back to them.
    pub sites: &'a Cell<usize>,
}

impl<'a> Compiler<'a> {
    /// Compiles an operation.
    ///
    /// # Errors
    ///
    /// `Value`, `Unsupported`, `Limit` with the place in the document.
    pub fn operation(&self, operation: &'a OperationDefinition) -> Result<OperationPlan> {
        let set = &operation.selection_set.node;
        match operation.ty {
            OperationType::Query => Ok(OperationPlan::Query(self.query(set)?)),
            OperationType::Mutation => Ok(OperationPlan::Mutation(self.mutation(set)?)),
            OperationType::Subscription => {
                Err(Failure::new(Fault::Unsupported, "subscriptions are not offered at this endpoint"))
            }
        }
    }

    fn query(&self, set: &'a SelectionSet) -> Result<Vec<RootPlan>> {
        let mut plans = Vec::new();
        for (key, asked) in self.collector.fields(QUERY, &[set])? {
            let what = match asked.field.name.node.as_str() {
                "__typename" => Ok(RootKind::TypeName(QUERY)),
                "__schema" | "__type" => Ok(RootKind::Introspection),
                _ => self.query_root(&asked),
            };
            let what = what.map_err(|failure| failure.at(asked.position).under(key))?;
            plans.push(RootPlan { key: key.to_owned(), position: asked.position, what });
        }
        Ok(plans)
    }

    fn query_root(&self, asked: &Asked<'a>) -> Result<RootKind> {
        let name = asked.field.name.node.as_str();
        let root = self.model.root(name).filter(|root| root.action.reads());
        let root = root.ok_or_else(|| unknown_field(QUERY, name))?;
        if root.action == Action::Many {
            return Ok(RootKind::Connection(Box::new(self.root_connection(&root.object, asked)?)));
        }
        let mut arguments = Arguments::of(self, asked);
        let id = arguments.id("id")?;
        arguments.finish()?;
        let mut level = Level::default();
        let plan = self.object(&root.object, &asked.sets, &mut level)?;
        let query = Query {
            object: root.object.name.to_string(),
            filter: Some(Filter::id(id)),
            limit: Some(1),
            ..level.finish()
        };
        Ok(RootKind::Record(Box::new((query, plan))))
    }

    fn mutation(&self, set: &'a SelectionSet) -> Result<Vec<MutationPlan>> {
        let mut plans = Vec::new();
        for (key, asked) in self.collector.fields(MUTATION, &[set])? {
            let plan = self.mutation_field(key, &asked);
            plans.push(plan.map_err(|failure| failure.at(asked.position).under(key))?);
        }
        Ok(plans)
    }
}

/// The question at one level of nesting, as it grows.
#[derive(Default)]
pub(crate) struct Level {
    query: Query,
    columns: HashMap<String, String>,
}

impl Level {
    /// The answer's column for a path.
    pub fn column(&mut self, path: &str) -> String {
        if let Some(column) = self.columns.get(path) {
            return column.clone();
        }
        let column = format!("c{}", self.columns.len());
        self.columns.insert(path.to_owned(), column.clone());
        self.query.fields.push(Selection { path: path.to_owned(), alias: Some(column.clone()) });
        column
    }

    /// The answer's column for related records.
    pub fn expand(&mut self, relation: &str, query: Query) -> String {
        let column = format!("e{}", self.query.expand.len());
        self.query.expand.insert(column.clone(), Expand { relation: relation.to_owned(), query });
        column
    }

    /// The question; it always names a field, because none would mean all.
    pub fn finish(mut self) -> Query {
        if self.query.fields.is_empty() {
            self.column("id");
        }
        self.query
    }
}

/// The arguments of one field, taken one by one.
pub(crate) struct Arguments {
    values: IndexMap<String, Value>,
    field: String,
}

impl Arguments {
    pub fn of(compiler: &Compiler<'_>, asked: &Asked<'_>) -> Self {
        let values = compiler.collector.arguments(asked.field);
        Self { values, field: asked.field.name.node.to_string() }
    }

    /// The argument, unless it was not given or is null.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.values.shift_remove(name).filter(|value| *value != Value::Null)
    }

    /// # Errors
    ///
    /// `Value` when it is no text.
    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(name, "a text", &other)),
        }
    }

    /// # Errors
    ///
    /// `Value` when it is missing or neither text nor a whole number.
    pub fn id(&mut self, name: &str) -> Result<String> {
        match self.take(name) {
            Some(Value::String(text)) => Ok(text),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(other) => Err(self.wrong(name, "an id", &other)),
            None => Err(self.missing(name)),
        }
    }

    /// # Errors
    ///
    /// `Value` when it is not a whole number from 0.
    pub fn count(&mut self, name: &str) -> Result<Option<u64>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) if number.is_u64() => Ok(number.as_u64()),
            Some(other) => Err(self.wrong(name, "a whole number from 0", &other)),
        }
    }

    /// # Errors
    ///
    /// `Value` when it is not a whole number.
    pub fn integer(&mut self, name: &str) -> Result<Option<i64>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(other) => Err(self.wrong(name, "a whole number", &other)),
        }
    }

    /// # Errors
    ///
    /// `Value` when it is not a boolean. Missing is false.
    pub fn flag(&mut self, name: &str) -> Result<bool> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(other) => Err(self.wrong(name, "a boolean", &other)),
        }
    }

    /// The items of a list; one value is a list of one.
    pub fn list(&mut self, name: &str) -> Vec<Value> {
        self.take(name).map_or_else(Vec::new, list)
    }

    /// # Errors
    ///
    /// `Value` when an argument was not taken: nothing is dropped in silence.
    pub fn finish(mut self) -> Result<()> {
        self.values.retain(|_, value| *value != Value::Null);
        match self.values.keys().next() {
            None => Ok(()),
            Some(name) => {
                let message = format!("field \"{}\" has no argument \"{name}\"", self.field);
                Err(Failure::new(Fault::Validation, message))
            }
        }
    }

    pub fn missing(&self, name: &str) -> Failure {
        Failure::new(Fault::Value, format!("argument \"{name}\" of field \"{}\" is required", self.field))
    }

    fn wrong(&self, name: &str, wanted: &str, found: &Value) -> Failure {
        let field = &self.field;
        Failure::new(
            Fault::Value,
            format!("argument \"{name}\" of field \"{field}\": expected {wanted}, found {found}"),
        )
    }
}

/// GraphQL takes one value for a list of one.
pub(crate) fn list(value: Value) -> Vec<Value> {
    match value {
        Value::List(items) => items,
        single => vec![single],
    }
}

/// A name as a key of a response.
pub(crate) fn key_bytes(name: &str) -> KeyBytes {
    let mut key = text_bytes(name);
    key.push(b':');
    key
}

/// A text as JSON.
pub(crate) fn text_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 3);
    write_text(text, &mut bytes);
    bytes
}

/// Validation names unknown fields first; this is for what it could not see.
pub(crate) fn unknown_field(type_name: &str, field: &str) -> Failure {
    Failure::new(Fault::Validation, format!("type \"{type_name}\" has no field \"{field}\""))
}
