//! `POST /api/command`: a change in the older clients' form, `{type, object, …}` or `{method, object, …}`, answered with
//! `{success, data, affected}`.

use axum::{Extension, Json, body::Body, extract::State, http::HeaderMap, response::IntoResponse};
use quarry_engine::{Session, Views};
use serde_json::{Map, Value};

use super::{
    many::must_be_few,
    rpc::{data_of, filter_of, id_of, object_of},
    write::{self, Prepared, Wish, Writer, dropped_fields},
};
use crate::{
    Door,
    administration::known,
    body,
    changes::CHANGES_MAX,
    problem::{Answered, Problem},
};

/// The commands.
const COMMANDS: &str =
    "create, insert, update, delete, bulkCreate, bulkUpdate, bulkDelete, updateMany, deleteMany";

/// What a command comes to.
struct Command {
    changes: Vec<Prepared>,
    /// A list of records is answered, not one.
    is_list: bool,
    /// The records are not asked for.
    is_silent: bool,
}

/// Makes the changes of a command, all or none.
pub(super) async fn apply(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    let Command { changes, is_list, is_silent } = command(&session.context().views, given)?;
    must_be_few(changes.len(), CHANGES_MAX)?;
    let object = changes.first().map(|prepared| prepared.change.object.clone()).unwrap_or_default();
    let mut dropped: Vec<String> = changes.iter().flat_map(|prepared| prepared.dropped.clone()).collect();
    dropped.sort();
    dropped.dedup();
    let changes = changes.into_iter().map(|prepared| prepared.change).collect();
    let wish = Wish { records: !is_silent, ..Wish::default() };
    let done = write::apply(&door, &session, changes, wish).await?;
    let affected: usize = (0..done.outcomes.len()).map(|at| done.count(at)).sum();
    let data = match is_list {
        true => (0..done.outcomes.len()).map(|at| done.record(at)).collect::<Result<Value, _>>()?,
        false => done.record(0)?,
    };
    let mut told = Map::new();
    told.insert("success".into(), true.into());
    told.insert("affected".into(), affected.into());
    if !is_silent && data != Value::Null {
        told.insert("data".into(), data);
    }
    if let Some(dropped) = dropped_fields(&object, &dropped) {
        told.insert("droppedFields".into(), dropped);
    }
    let mut response = Json(told).into_response();
    done.tell(response.headers_mut(), &dropped);
    Ok(response)
}

fn command(views: &Views, mut given: Map<String, Value>) -> Result<Command, Problem> {
    let mut text = |name: &str| match given.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::invalid(format!("{name} is a text")).at(name)),
    };
    let kind = match (text("type")?, text("method")?) {
        (Some(kind), None) | (None, Some(kind)) => kind,
        _ => return Err(Problem::invalid(format!("one type is needed: {COMMANDS}")).at("type")),
    };
    let object = text("object")?
        .ok_or_else(|| Problem::invalid("object is missing: the name of an object").at("object"))?;
    let options = Options::of(given.remove("options").unwrap_or(Value::Null))?;
    let (changes, is_list) = changes(Writer::of(views), (&kind, &object), given, &options)?;
    options.all_used(&kind)?;
    Ok(Command { changes, is_list, is_silent: options.returning == Some(false) })
}

/// The changes of a command, and whether it answers with a list.
fn changes(
    writer: Writer<'_>,
    (kind, object): (&str, &str),
    mut given: Map<String, Value>,
    options: &Options,
) -> Result<(Vec<Prepared>, bool), Problem> {
    Ok(match kind {
        "create" | "insert" => {
            known(&given, &["data"])?;
            created(writer, object, given.remove("data").unwrap_or(Value::Null))?
        }
        "bulkCreate" => {
            known(&given, &["records"])?;
            created(writer, object, Value::Array(list_of(&mut given, "records")?))?
        }
        "update" => {
            known(&given, &["id", "data"])?;
            let data = data_of(&mut given)?;
            let prepared = match options.predicate(given.contains_key("id"))? {
                Some(filter) => writer.update_where(object, (filter, "options.where"), data)?,
                None => writer.update(object, (id_of(&mut given)?, None), data)?,
            };
            (vec![prepared], false)
        }
        "delete" => {
            known(&given, &["id"])?;
            let prepared = match options.predicate(given.contains_key("id"))? {
                Some(filter) => writer.delete_where(object, (filter, "options.where"))?,
                None => writer.delete(object, id_of(&mut given)?, None)?,
            };
            (vec![prepared], false)
        }
        "bulkUpdate" => {
            known(&given, &["updates"])?;
            let each = list_of(&mut given, "updates")?.into_iter().map(|update| {
                let mut update = object_of(update)?;
                known(&update, &["id", "data"])?;
                writer.update(object, (id_of(&mut update)?, None), data_of(&mut update)?)
            });
            (each.collect::<Result<_, _>>()?, true)
        }
        "bulkDelete" => {
            known(&given, &["ids"])?;
            let each = list_of(&mut given, "ids")?.into_iter().map(|id| match id {
                Value::String(id) => writer.delete(object, id, None),
                other => Err(Problem::invalid(format!("an id is a text, not {other}")).at("ids")),
            });
            (each.collect::<Result<_, _>>()?, false)
        }
        "updateMany" => {
            known(&given, &["where", "filters", "filter", "data"])?;
            let data = data_of(&mut given)?;
            let (filter, at) = filter_of(&mut given)?;
            (vec![writer.update_where(object, (&filter, at), data)?], false)
        }
        "deleteMany" => {
            known(&given, &["where", "filters", "filter"])?;
            let (filter, at) = filter_of(&mut given)?;
            (vec![writer.delete_where(object, (&filter, at))?], false)
        }
        other => {
            return Err(Problem::invalid(format!("unknown type {other:?}; known are {COMMANDS}")).at("type"));
        }
    })
}

/// One new record, or several.
fn created(writer: Writer<'_>, object: &str, data: Value) -> Result<(Vec<Prepared>, bool), Problem> {
    match data {
        Value::Object(data) => Ok((vec![writer.create(object, data)?], false)),
        Value::Array(records) => {
            let each = records.into_iter().map(|record| writer.create(object, object_of(record)?));
            Ok((each.collect::<Result<_, _>>()?, true))
        }
        _ => Err(Problem::invalid("data is missing: a record, or a list of records").at("data")),
    }
}

/// What stands in `options`.
struct Options {
    filter: Option<Value>,
    multi: bool,
    returning: Option<bool>,
}

impl Options {
    fn of(options: Value) -> Result<Self, Problem> {
        let mut options = object_of(options)?;
        known(&options, &["where", "multi", "returning"]).map_err(|problem| {
            let path = format!("options.{}", problem.path);
            problem.at(path)
        })?;
        let mut flag = |name: &str| match options.remove(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => {
                Err(Problem::invalid(format!("{name} is true or false")).at(format!("options.{name}")))
            }
        };
        let (multi, returning) = (flag("multi")?.unwrap_or(false), flag("returning")?);
        Ok(Self { filter: options.remove("where"), multi, returning })
    }

    /// The filter of a change to all that match, which says that it means several.
    fn predicate(&self, has_id: bool) -> Result<Option<&Value>, Problem> {
        match (&self.filter, self.multi, has_id) {
            (Some(filter), true, false) => Ok(Some(filter)),
            (None, false, true) => Ok(None),
            (None, false, false) => {
                Err(Problem::invalid("give an id, or options.where with multi: true").at("id"))
            }
            (Some(_), false, _) => {
                Err(Problem::invalid("options.where needs multi: true").at("options.multi"))
            }
            (None, true, _) => Err(Problem::invalid("multi needs options.where").at("options.where")),
            (Some(_), true, true) => Err(Problem::invalid("give an id or options.where, not both").at("id")),
        }
    }

    /// Commands without a predicate take none.
    fn all_used(&self, kind: &str) -> Result<(), Problem> {
        let takes = ["update", "delete"].contains(&kind);
        match (self.filter.is_some() || self.multi) && !takes {
            true => Err(Problem::invalid(format!("{kind} takes no options.where")).at("options")),
            false => Ok(()),
        }
    }
}

fn list_of(given: &mut Map<String, Value>, name: &str) -> Result<Vec<Value>, Problem> {
    match given.remove(name) {
        Some(Value::Array(list)) => Ok(list),
        _ => Err(Problem::invalid(format!("{name} must be a list")).at(name)),
    }
}
