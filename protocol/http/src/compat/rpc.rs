//! `POST /api/objectql`: `{op, object, args}`, and the operations behind it, which other older endpoints use too.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use quarry_engine::{Operation, Query, Session, Views, objectql::Filter};
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Ending, typed},
    many::must_be_few,
    question,
    write::{self, Prepared, Wish, Writer, Written, dropped_fields},
};
use crate::{
    Door,
    administration::known,
    body,
    changes::{CHANGES_MAX, record},
    objects::{find_one, no_record},
    problem::{Answered, Problem},
};

/// The operations.
const OPS: &str = "find, findOne, create, createMany, update, updateMany, delete, deleteMany, count, aggregate, action, ping";

/// Where a request came from: what an operation needs beside its arguments.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub door: &'a Door,
    pub session: &'a Session,
}

/// Answers one operation.
pub(super) async fn answer(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut given = body::object(&door, &headers, body).await?;
    if given.contains_key("user") {
        let message = "who asks is told by the login, not by the request";
        return Err(Problem::invalid(message).at("user"));
    }
    known(&given, &["op", "object", "args"])?;
    let mut text = |name: &str, what: &str| match given.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Problem::invalid(format!("{name} is missing: {what}")).at(name)),
    };
    let op = text("op", OPS)?;
    if op == "ping" {
        return Ok(Json(json!({ "ok": true })).into_response());
    }
    let object = text("object", "the name of an object")?;
    let args = given.remove("args").unwrap_or(Value::Null);
    let caller = Caller { door: &door, session: &session };
    match op.as_str() {
        "find" | "aggregate" => {
            let args = object_of(args)?;
            find(caller, question::of_body(&session.context().views, &object, args)?).await
        }
        "findOne" => find_first(caller, &object, args).await,
        "count" => count(caller, &object, args).await,
        "create" => create(caller, &object, object_of(args)?, StatusCode::OK).await,
        "createMany" => create_many(caller, &object, args, StatusCode::OK).await,
        "update" => {
            let mut args = object_of(args)?;
            known(&args, &["id", "data"])?;
            update(caller, (&object, &id_of(&mut args)?), data_of(&mut args)?).await
        }
        "updateMany" => update_many(caller, &object, object_of(args)?).await,
        "delete" => {
            let mut args = object_of(args)?;
            known(&args, &["id"])?;
            delete(caller, &object, &id_of(&mut args)?).await
        }
        "deleteMany" => delete_many(caller, &object, object_of(args)?).await,
        "action" => act(caller, &object, object_of(args)?).await,
        other => Err(Problem::invalid(format!("unknown op {other:?}; known are {OPS}")).at("op")),
    }
}

/// A list: `{items, meta}`.
pub(super) async fn find(caller: Caller<'_>, query: Query) -> Answered {
    answer::list(caller.session, query, (Map::new(), "items"), Ending::Page).await
}

/// One record, by its id, by `{id, query?}` or by a question; null when there is none.
async fn find_first(caller: Caller<'_>, object: &str, args: Value) -> Answered {
    let views = caller.session.context().views;
    let query = match args {
        Value::String(id) => by_id(&views, object, id, Map::new())?,
        Value::Object(mut args) if args.contains_key("id") => {
            known(&args, &["id", "query"])?;
            let id = id_of(&mut args)?;
            let more = args.remove("query").map_or(Ok(Map::new()), object_of)?;
            by_id(&views, object, id, more)?
        }
        args => Query { limit: Some(1), ..question::of_body(&views, object, object_of(args)?)? },
    };
    let told = match one(caller, &query).await? {
        Some(found) => typed(&query.object, found),
        None => Value::Null,
    };
    Ok(Json(told).into_response())
}

fn by_id(views: &Views, object: &str, id: String, more: Map<String, Value>) -> Result<Query, Problem> {
    let mut query = question::of_body(views, object, more)?;
    let mut both = vec![Filter::id(id)];
    both.extend(query.filter.take());
    query.filter = Some(Filter::And(both));
    Ok(query)
}

/// A record with its type; 404 where there is none.
pub(super) async fn read(caller: Caller<'_>, mut query: Query, id: &str) -> Answered {
    query.filter = Some(Filter::id(id));
    let found = one(caller, &query).await?.ok_or_else(|| no_record(&query.object, id))?;
    Ok(answer::tagged(StatusCode::OK, typed(&query.object, found.clone()), &found))
}

async fn one(caller: Caller<'_>, query: &Query) -> Result<Option<Value>, Problem> {
    let context = caller.session.context_of(query).await?;
    let found = find_one(caller.door, &context, query).await?;
    found.map(|found| answer::record(&found.json)).transpose()
}

/// How many match: `args` is a question, or the filter itself.
async fn count(caller: Caller<'_>, object: &str, args: Value) -> Answered {
    let told = total(caller, object, args).await?;
    Ok(Json(json!({ "count": told.1, "@type": told.0 })).into_response())
}

/// The object's name, and how many match.
pub(super) async fn total(caller: Caller<'_>, object: &str, args: Value) -> Result<(String, u64), Problem> {
    /// What makes an object a question rather than a filter.
    const QUESTION: [&str; 6] = ["where", "filters", "filter", "$filter", "search", "object"];
    let question = match args {
        Value::Null => Map::new(),
        Value::Object(args) if args.keys().any(|key| QUESTION.contains(&key.as_str())) => args,
        filter => Map::from_iter([("where".to_owned(), filter)]),
    };
    let mut query = question::of_body(&caller.session.context().views, object, question)?;
    (query.count, query.limit) = (true, Some(0));
    let answer = caller.session.query(&query).await?;
    Ok((query.object, answer.count.unwrap_or(0)))
}

/// A new record.
pub(super) async fn create(
    caller: Caller<'_>,
    object: &str,
    data: Map<String, Value>,
    status: StatusCode,
) -> Answered {
    let prepared = Writer::of(&caller.session.context().views).create(object, data)?;
    written(caller, prepared, status).await
}

/// A list of new records, all or none: `{items, count, "@type"}`.
pub(super) async fn create_many(
    caller: Caller<'_>,
    object: &str,
    args: Value,
    status: StatusCode,
) -> Answered {
    let Value::Array(records) = args else {
        return Err(Problem::invalid("createMany takes a list of records").at("args"));
    };
    must_be_few(records.len(), CHANGES_MAX)?;
    let views = caller.session.context().views;
    let writer = Writer::of(&views);
    let each = records.into_iter().map(|record| writer.create(object, object_of(record)?));
    let prepared = each.collect::<Result<Vec<_>, _>>()?;
    let name = super::names::Names::of(&views).object(object)?.object.name.to_string();
    let mut dropped: Vec<String> = prepared.iter().flat_map(|prepared| prepared.dropped.clone()).collect();
    dropped.sort();
    dropped.dedup();
    let changes = prepared.into_iter().map(|prepared| prepared.change).collect();
    let done = apply(caller, changes).await?;
    let items = (0..done.outcomes.len()).map(|at| done.record(at)).collect::<Result<Vec<_>, _>>()?;
    let mut told = Map::new();
    told.insert("count".into(), items.len().into());
    told.insert("items".into(), items.into());
    told.insert("@type".into(), name.as_str().into());
    if let Some(dropped) = dropped_fields(&name, &dropped) {
        told.insert("droppedFields".into(), dropped);
    }
    Ok(with_headers((status, Json(told)).into_response(), &done, &[]))
}

/// Some fields of a record.
pub(super) async fn update(
    caller: Caller<'_>,
    (object, id): (&str, &str),
    data: Map<String, Value>,
) -> Answered {
    let writer = Writer::of(&caller.session.context().views).update(object, (id.to_owned(), None), data)?;
    written(caller, writer, StatusCode::OK).await
}

/// Some fields of all that match: `{count, "@type"}`.
pub(super) async fn update_many(caller: Caller<'_>, object: &str, mut args: Map<String, Value>) -> Answered {
    known(&args, &["filters", "filter", "where", "data"])?;
    let data = data_of(&mut args)?;
    let (filter, at) = filter_of(&mut args)?;
    let prepared = Writer::of(&caller.session.context().views).update_where(object, (&filter, at), data)?;
    counted(caller, prepared).await
}

/// A record less: `{id, deleted, "@type"}`.
pub(super) async fn delete(caller: Caller<'_>, object: &str, id: &str) -> Answered {
    let prepared = Writer::of(&caller.session.context().views).delete(object, id.to_owned(), None)?;
    let object = prepared.change.object.clone();
    let done = apply(caller, vec![prepared.change]).await?;
    let told = json!({ "id": id, "deleted": true, "@type": object });
    Ok(with_headers(Json(told).into_response(), &done, &[]))
}

/// All that match, deleted: `{count, "@type"}`.
pub(super) async fn delete_many(caller: Caller<'_>, object: &str, mut args: Map<String, Value>) -> Answered {
    known(&args, &["filters", "filter", "where"])?;
    let (filter, at) = filter_of(&mut args)?;
    let prepared = Writer::of(&caller.session.context().views).delete_where(object, (&filter, at))?;
    counted(caller, prepared).await
}

/// `{action, id, input|params}`: what the action returns, with the object's name.
async fn act(caller: Caller<'_>, object: &str, mut args: Map<String, Value>) -> Answered {
    known(&args, &["action", "id", "input", "params"])?;
    let Some(Value::String(action)) = args.remove("action") else {
        return Err(Problem::invalid("action is missing: the name of an action").at("args.action"));
    };
    let parameters = match (args.remove("input"), args.remove("params")) {
        (None, None) => Map::new(),
        (Some(parameters), None) | (None, Some(parameters)) => object_of(parameters)?,
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("give input or params, not both").at("args.params"));
        }
    };
    let operation = Operation::Act { id: id_of(&mut args)?, action, parameters: record(parameters) };
    let prepared = Writer::of(&caller.session.context().views).plain(object, None, operation)?;
    let object = prepared.change.object.clone();
    let done = apply(caller, vec![prepared.change]).await?;
    let returned = done.outcomes.first().and_then(|outcome| outcome.returned.clone()).unwrap_or_default();
    Ok(with_headers(Json(typed(&object, Value::Object(returned))).into_response(), &done, &[]))
}

async fn written(caller: Caller<'_>, prepared: Prepared, status: StatusCode) -> Answered {
    let Prepared { change, dropped } = prepared;
    let object = change.object.clone();
    let done = apply(caller, vec![change]).await?;
    let record = done.record(0)?;
    let response = answer::tagged(status, typed(&object, record.clone()), &record);
    Ok(with_headers(response, &done, &dropped))
}

async fn counted(caller: Caller<'_>, prepared: Prepared) -> Answered {
    let object = prepared.change.object.clone();
    let dropped = prepared.dropped;
    let done = apply(caller, vec![prepared.change]).await?;
    let told = json!({ "count": done.count(0), "@type": object });
    Ok(with_headers(Json(told).into_response(), &done, &dropped))
}

async fn apply(caller: Caller<'_>, changes: Vec<quarry_engine::Change>) -> Result<Written, Problem> {
    let wish = Wish { records: true, ..Wish::default() };
    write::apply(caller.door, caller.session, changes, wish).await
}

fn with_headers(mut response: Response, done: &Written, dropped: &[String]) -> Response {
    done.tell(response.headers_mut(), dropped);
    response
}

/// Arguments that are an object; nothing is an empty one.
pub(super) fn object_of(args: Value) -> Result<Map<String, Value>, Problem> {
    match args {
        Value::Null => Ok(Map::new()),
        Value::Object(args) => Ok(args),
        other => Err(Problem::invalid(format!("an object is needed here, not {other}")).at("args")),
    }
}

pub(super) fn id_of(args: &mut Map<String, Value>) -> Result<String, Problem> {
    match args.remove("id") {
        Some(Value::String(id)) => Ok(id),
        Some(Value::Number(id)) => Ok(id.to_string()),
        _ => Err(Problem::invalid("id is missing: which record").at("id")),
    }
}

pub(super) fn data_of(args: &mut Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    match args.remove("data") {
        Some(Value::Object(data)) => Ok(data),
        _ => Err(Problem::invalid("data is missing: the fields to write").at("data")),
    }
}

/// The filter of a change. One that is missing is refused, so that a slip never changes every record: `{}` says all.
pub(super) fn filter_of(args: &mut Map<String, Value>) -> Result<(Value, &'static str), Problem> {
    let mut found = ["where", "filters", "filter"].into_iter().filter_map(|at| Some((args.remove(at)?, at)));
    match (found.next(), found.next()) {
        (Some((Value::Null, at)), None) => Err(Problem::invalid("a filter is needed; {} is all").at(at)),
        (Some(found), None) => Ok(found),
        (None, _) => Err(Problem::invalid("filters are missing: {} is all records").at("filters")),
        (Some(_), Some((_, at))) => Err(Problem::invalid("the filter is given twice").at(at)),
    }
}
