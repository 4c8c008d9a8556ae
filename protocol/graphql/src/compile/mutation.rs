//! Changes and their results.

use std::sync::Arc;

use async_graphql::{Pos, Value};
use quarry_engine::{Change, Input, Operation, Record};
use quarry_planner::{Query, objectql::Filter};

use super::{
    Arguments, Compiler, KeyBytes, Level, ObjectPlan,
    filter::{Place, always, enum_name, invalid, stored},
    key_bytes, text_bytes, unknown_field,
};
use crate::{
    collect::Asked,
    error::{Failure, Fault, Result},
    model::{ActType, Action, ObjectType},
    schema::MUTATION,
    values::{Literal, nearest},
};

/// One field of the mutation root.
pub(crate) struct MutationPlan {
    pub key: String,
    pub position: Pos,
    /// What to change; `__typename` changes nothing.
    pub changes: Vec<Change>,
    pub dry_run: bool,
    pub result: Vec<(KeyBytes, ResultItem)>,
    /// The question for the records as they are then; the ids come as a filter.
    pub records: Option<Query>,
    /// What is changed; none for `__typename`.
    pub object: Option<Arc<ObjectType>>,
    /// `"Mutation"`, when the field is `__typename`.
    pub type_name: Option<&'static str>,
}

/// One field of a result.
pub(crate) enum ResultItem {
    Text(Vec<u8>),
    Id,
    Ids,
    Count,
    Done,
    Csn,
    DryRun,
    Record(ObjectPlan),
    Records(ObjectPlan),
    /// What an action returned: each by its name there, or a text as it stands.
    Returned(Vec<(KeyBytes, ReturnedItem)>),
}

/// One field of what an action returned.
pub(crate) enum ReturnedItem {
    Text(Vec<u8>),
    Value(String),
}

/// The column of the records' ids, by which results are put in order.
pub(crate) const RESULT_ID: &str = "c0";

impl<'a> Compiler<'a> {
    /// Compiles one field of the mutation root.
    ///
    /// # Errors
    ///
    /// Those of its arguments and fields.
    pub fn mutation_field(&self, key: &str, asked: &Asked<'a>) -> Result<MutationPlan> {
        let name = asked.field.name.node.as_str();
        let mut plan = MutationPlan {
            key: key.to_owned(),
            position: asked.position,
            changes: Vec::new(),
            dry_run: false,
            result: Vec::new(),
            records: None,
            object: None,
            type_name: None,
        };
        if name == "__typename" {
            plan.type_name = Some(MUTATION);
            return Ok(plan);
        }
        if let Some(act) = self.model.act(name) {
            self.act(act, asked, &mut plan)?;
            return Ok(plan);
        }
        let root = self.model.root(name).filter(|root| !root.action.reads());
        let root = root.ok_or_else(|| unknown_field(MUTATION, name))?;
        let mut arguments = Arguments::of(self, asked);
        plan.object = Some(Arc::clone(&root.object));
        plan.dry_run = arguments.flag("dryRun")?;
        plan.changes = self.changes(&root.object, root.action, asked, &mut arguments)?;
        arguments.finish()?;
        self.result(&root.object, root.action, asked, &mut plan)?;
        Ok(plan)
    }

    /// An action of a package.
    fn act(&self, act: &ActType, asked: &Asked<'a>, plan: &mut MutationPlan) -> Result<()> {
        let mut arguments = Arguments::of(self, asked);
        plan.object = Some(Arc::clone(&act.object));
        plan.dry_run = arguments.flag("dryRun")?;
        let (id, if_revision) = (arguments.id("id")?, arguments.integer("ifRevision")?);
        let parameters = match arguments.take("input") {
            None | Some(Value::Null) => Record::new(),
            Some(given) => parameters(act, &given)?,
        };
        arguments.finish()?;
        let operation = Operation::Act { id, action: act.name.clone(), parameters };
        plan.changes = vec![Change { object: act.object.name.to_string(), operation, if_revision }];
        self.result_of(&act.type_called("Result"), &act.object, Some(act), asked, plan)
    }

    fn returned(&self, act: &ActType, asked: &Asked<'a>) -> Result<ResultItem> {
        let type_name = act.type_called("Returned");
        let mut items = Vec::new();
        for (key, asked) in self.collector.fields(&type_name, &asked.sets)? {
            let item = match asked.field.name.node.as_str() {
                "__typename" => ReturnedItem::Text(text_bytes(&type_name)),
                name => match act.returns.get(name) {
                    Some(returned) => ReturnedItem::Value(returned.name.clone()),
                    None => return Err(unknown_field(&type_name, name).at(asked.position)),
                },
            };
            items.push((key_bytes(key), item));
        }
        Ok(ResultItem::Returned(items))
    }

    fn changes(
        &self,
        object: &ObjectType,
        action: Action,
        asked: &Asked<'a>,
        arguments: &mut Arguments,
    ) -> Result<Vec<Change>> {
        let if_revision = arguments.integer("ifRevision")?;
        let operations = match action {
            Action::Create => vec![Operation::Create(required_record(object, arguments, "input")?)],
            Action::CreateMany => {
                let inputs = arguments.list("input");
                let records = inputs.iter().map(|input| record(object, input, "input"));
                records.map(|record| record.map(Operation::Create)).collect::<Result<_>>()?
            }
            Action::Update => {
                let id = arguments.id("id")?;
                vec![Operation::Update { id, data: required_record(object, arguments, "set")? }]
            }
            Action::UpdateMany => {
                let filter = self.chosen(object, asked, arguments)?;
                vec![Operation::UpdateWhere { filter, data: required_record(object, arguments, "set")? }]
            }
            Action::Upsert => {
                let on = arguments.list("on");
                let on = on.iter().map(|name| field_name(object, name)).collect::<Result<_>>()?;
                vec![Operation::Upsert { on, data: required_record(object, arguments, "input")? }]
            }
            Action::Delete => vec![Operation::Delete { id: arguments.id("id")? }],
            Action::DeleteMany => {
                vec![Operation::DeleteWhere { filter: self.chosen(object, asked, arguments)? }]
            }
            Action::Undelete => vec![Operation::Undelete { id: arguments.id("id")? }],
            Action::One | Action::Many => {
                return Err(Failure::internal("a field of the query root among the mutations"));
            }
        };
        let change = |operation| Change { object: object.name.to_string(), operation, if_revision };
        Ok(operations.into_iter().map(change).collect())
    }

    /// Which records a change of several is about. All of them only where the document itself says `where: {}`: a
    /// variable that was not given, or that a program left empty, must not become "all".
    fn chosen(&self, object: &ObjectType, asked: &Asked<'a>, arguments: &mut Arguments) -> Result<Filter> {
        let value = arguments.take("where").ok_or_else(|| arguments.missing("where"))?;
        let filter = self.condition(Place { object, prefix: "", at: "where" }, &value)?;
        let written = asked.field.get_argument("where").map(|written| &written.node);
        let says_all = matches!(written, Some(Literal::Object(entries)) if entries.is_empty());
        if always(&filter) == Some(true) && !says_all {
            let message = "\"where\" chooses nothing: every record would be changed; \
                           was a variable not given? To change all, write where: {} in the document";
            return Err(invalid(message.to_owned()));
        }
        Ok(filter)
    }

    fn result(
        &self,
        object: &ObjectType,
        action: Action,
        asked: &Asked<'a>,
        plan: &mut MutationPlan,
    ) -> Result<()> {
        let many = matches!(action, Action::CreateMany | Action::UpdateMany | Action::DeleteMany);
        let type_name = format!("{}{}", object.type_name, if many { "ManyResult" } else { "Result" });
        self.result_of(&type_name, object, None, asked, plan)
    }

    fn result_of(
        &self,
        type_name: &str,
        object: &ObjectType,
        act: Option<&ActType>,
        asked: &Asked<'a>,
        plan: &mut MutationPlan,
    ) -> Result<()> {
        let mut level = Level::default();
        level.column("id");
        let mut reads = false;
        for (key, asked) in self.collector.fields(type_name, &asked.sets)? {
            let item = match asked.field.name.node.as_str() {
                "__typename" => ResultItem::Text(text_bytes(type_name)),
                "returned" if let Some(act) = act => self.returned(act, &asked)?,
                "id" => ResultItem::Id,
                "ids" => ResultItem::Ids,
                "count" => ResultItem::Count,
                "done" => ResultItem::Done,
                "csn" => ResultItem::Csn,
                "dryRun" => ResultItem::DryRun,
                "record" => ResultItem::Record(self.object(object, &asked.sets, &mut level)?),
                "records" => ResultItem::Records(self.object(object, &asked.sets, &mut level)?),
                name => return Err(unknown_field(type_name, name).at(asked.position)),
            };
            reads |= matches!(item, ResultItem::Record(_) | ResultItem::Records(_));
            plan.result.push((key_bytes(key), item));
        }
        let query = Query { object: object.name.to_string(), ..level.finish() };
        plan.records = reads.then_some(query);
        Ok(())
    }
}

fn required_record(object: &ObjectType, arguments: &mut Arguments, name: &str) -> Result<Record> {
    let value = arguments.take(name).ok_or_else(|| arguments.missing(name))?;
    record(object, &value, name)
}

/// The values of a record by their metadata names.
fn record(object: &ObjectType, value: &Value, at: &str) -> Result<Record> {
    let Value::Object(fields) = value else {
        return Err(invalid(format!("\"{at}\": expected an object, found {value}")));
    };
    let mut record = Record::new();
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        let field = object.writable().find(|(known, _)| *known == name.as_str()).map(|(_, field)| field);
        let field = field.ok_or_else(|| {
            let known = object.writable().map(|(name, _)| name.as_str());
            let hint = nearest(name, known);
            invalid(format!("\"{at}\": {} has no field \"{name}\" to set{hint}", object.type_name))
        })?;
        let known = record.insert(field.name.to_string(), Input::Json(stored(&field.kind, value, &at)?));
        if known.is_some() {
            return Err(invalid(format!(
                "\"{at}\": \"{}\" is given twice, by a former name too",
                field.name
            )));
        }
    }
    Ok(record)
}

/// What an action is given, by metadata names.
fn parameters(act: &ActType, given: &Value) -> Result<Record> {
    let Value::Object(given) = given else {
        return Err(invalid(format!("\"input\": expected an object, found {given}")));
    };
    let mut record = Record::new();
    for (name, value) in given {
        let at = format!("input.{name}");
        let parameter = act.parameters.get(name.as_str()).ok_or_else(|| {
            let hint = nearest(name, act.parameters.keys().map(String::as_str));
            invalid(format!("\"{at}\": {} has no parameter \"{name}\"{hint}", act.root_name()))
        })?;
        let value = stored(parameter.kind(), value, &at)?;
        record.insert(parameter.field.name.to_string(), Input::Json(value));
    }
    Ok(record)
}

fn field_name(object: &ObjectType, value: &Value) -> Result<String> {
    let field = enum_name(value).and_then(|name| object.field(name));
    let field = field.ok_or_else(|| {
        Failure::new(Fault::Value, format!("\"on\": {} has no field {value}", object.type_name))
    })?;
    Ok(field.name.to_string())
}

impl MutationPlan {
    /// What the changes do when there are none to tell it.
    pub fn done_otherwise(&self) -> &'static str {
        match self.changes.first().map(|change| &change.operation) {
            Some(Operation::Update { .. } | Operation::UpdateWhere { .. }) => "UPDATED",
            Some(Operation::Delete { .. } | Operation::DeleteWhere { .. }) => "DELETED",
            Some(Operation::Undelete { .. }) => "UNDELETED",
            Some(Operation::Act { .. }) => "ACTED",
            Some(Operation::Create(_) | Operation::Upsert { .. }) | None => "CREATED",
        }
    }
}
