//! `/api/v1/data/:object/createMany|updateMany|deleteMany|batch`: many records of one object.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use quarry_engine::{Session, Views};
use serde_json::{Map, Value, json};

use super::{
    batch::{self, Run},
    names::Names,
    write::{self, Prepared, Wish, Writer, dropped_fields},
};
use crate::{
    Door,
    administration::known,
    body,
    problem::{Answered, Problem},
};

/// Records in one request about one object.
const RECORDS_MAX: usize = 200;

/// All of a list, or none: `201`, `{object, records, count, droppedFields?}`.
pub(super) async fn create(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let Value::Array(records) = body::json(&door, &headers, body).await? else {
        return Err(Problem::invalid("the body must be a list of records"));
    };
    must_be_few(records.len(), RECORDS_MAX)?;
    let context = session.context();
    let object = Names::of(&context.views).object(&object)?.object.name.to_string();
    let writer = Writer::of(&context.views);
    let mut changes = Vec::with_capacity(records.len());
    let mut dropped: Vec<String> = Vec::new();
    for (at, record) in records.into_iter().enumerate() {
        let Value::Object(data) = record else {
            return Err(Problem::invalid("a record is an object").at(format!("[{at}]")));
        };
        let prepared = writer.create(&object, data)?;
        dropped.extend(prepared.dropped);
        changes.push(prepared.change);
    }
    dropped.sort();
    dropped.dedup();
    let wish = Wish { records: true, ..Wish::default() };
    let done = write::apply(&door, &session, changes, wish).await?;
    let records = (0..done.outcomes.len()).map(|at| done.record(at)).collect::<Result<Vec<_>, _>>()?;
    let mut told = Map::new();
    told.insert("object".into(), object.as_str().into());
    told.insert("count".into(), records.len().into());
    told.insert("records".into(), records.into());
    if let Some(dropped) = dropped_fields(&object, &dropped) {
        told.insert("droppedFields".into(), dropped);
    }
    let mut response = (StatusCode::CREATED, Json(Value::Object(told))).into_response();
    done.tell(response.headers_mut(), &[]);
    Ok(response)
}

/// `{records: [{id, data}], options?}`.
pub(super) async fn update(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut given = body::object(&door, &headers, body).await?;
    known(&given, &["records", "options"])?;
    let options = options(&mut given)?;
    run(&door, &session, &object, ("update", listed(&mut given, "records")?, options)).await
}

/// `{ids: […], options?}`.
pub(super) async fn delete(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut given = body::object(&door, &headers, body).await?;
    known(&given, &["ids", "options"])?;
    let options = options(&mut given)?;
    let ids = listed(&mut given, "ids")?;
    let records = ids.into_iter().map(|id| json!({ "id": id })).collect();
    run(&door, &session, &object, ("delete", records, options)).await
}

/// `{operation: create|update|upsert|delete, records: [{id?, externalId?, data?}], options?}`.
pub(super) async fn batch(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut given = body::object(&door, &headers, body).await?;
    known(&given, &["operation", "records", "options"])?;
    let operation = match given.remove("operation") {
        Some(Value::String(operation)) => operation,
        _ => return Err(Problem::invalid("operation is create, update, upsert or delete").at("operation")),
    };
    let options = options(&mut given)?;
    run(&door, &session, &object, (&operation, listed(&mut given, "records")?, options)).await
}

async fn run(
    door: &Door,
    session: &Session,
    object: &str,
    (operation, records, run): (&str, Vec<Value>, Run),
) -> Answered {
    must_be_few(records.len(), RECORDS_MAX)?;
    let context = session.context();
    let object = Names::of(&context.views).object(object)?.object.name.to_string();
    let changes = records
        .into_iter()
        .enumerate()
        .map(|(at, record)| change(&context.views, (&object, operation), record, &format!("records[{at}]")));
    let changes = changes.collect::<Result<Vec<Prepared>, Problem>>()?;
    let results = batch::run(door, session, changes, run).await?;
    let mut told = results.told(run);
    told.insert("operation".into(), operation.into());
    Ok(Json(told).into_response())
}

fn change(
    views: &Views,
    (object, operation): (&str, &str),
    record: Value,
    at: &str,
) -> Result<Prepared, Problem> {
    let Value::Object(mut given) = record else {
        return Err(Problem::invalid("a record is an object {id?, externalId?, data?}").at(at));
    };
    known(&given, &["id", "externalId", "data"]).map_err(|problem| within(problem, at))?;
    let mut text = |name: &str| match given.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::invalid(format!("{name} is a text")).at(format!("{at}.{name}"))),
    };
    let (id, external) = (text("id")?, text("externalId")?);
    let data = match given.remove("data") {
        None => None,
        Some(Value::Object(data)) => Some(data),
        Some(_) => return Err(Problem::invalid("data is an object").at(format!("{at}.data"))),
    };
    let writer = Writer::of(views);
    let wants = |what: &str| Problem::invalid(format!("{operation} takes {what}")).at(at);
    match (operation, id, external, data) {
        ("create", id, None, Some(data)) => writer.create(object, with_id(data, id)),
        ("create", ..) => Err(wants("data, and an id where it is to have one")),
        ("update", Some(id), None, Some(data)) => writer.update(object, (id, None), data),
        ("update", ..) => Err(wants("an id and data")),
        ("upsert", Some(id), None, Some(data)) => {
            writer.upsert(object, vec!["id".into()], with_id(data, Some(id)))
        }
        ("upsert", None, external, Some(data)) => by_external_id(views, object, (external, data), at),
        ("upsert", ..) => Err(wants("data, and an id or an externalId")),
        ("delete", Some(id), None, None) => writer.delete(object, id, None),
        ("delete", ..) => Err(wants("an id")),
        _ => Err(Problem::invalid("operation is create, update, upsert or delete").at("operation")),
    }
}

/// An upsert by the one field that identifies records of other systems.
fn by_external_id(
    views: &Views,
    object: &str,
    (value, data): (Option<String>, Map<String, Value>),
    at: &str,
) -> Result<Prepared, Problem> {
    let names = Names::of(views);
    let view = names.object(object)?;
    let mut fields = view.object.fields.values().filter(|field| field.external_id);
    let (Some(field), None) = (fields.next(), fields.next()) else {
        let message = format!("{object} has not one external id; upsert by id");
        return Err(Problem::invalid(message).at(format!("{at}.externalId")));
    };
    let name = field.name.to_string();
    let mut data = names.data(view, data)?;
    match (value, data.get(&name)) {
        (Some(value), Some(other)) if other.as_str() != Some(value.as_str()) => {
            return Err(Problem::invalid(format!("externalId and {name} differ")).at(at));
        }
        (Some(value), _) => drop(data.insert(name.clone(), value.into())),
        (None, Some(_)) => {}
        (None, None) => {
            return Err(Problem::invalid(format!("give the externalId, or {name} in data")).at(at));
        }
    }
    Writer::of(views).upsert(object, vec![name], data)
}

fn with_id(mut data: Map<String, Value>, id: Option<String>) -> Map<String, Value> {
    if let Some(id) = id {
        data.insert("id".into(), id.into());
    }
    data
}

fn options(given: &mut Map<String, Value>) -> Result<Run, Problem> {
    let mut options = match given.remove("options") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(options)) => options,
        Some(_) => return Err(Problem::invalid("options is an object").at("options")),
    };
    let names = ["atomic", "returnRecords", "continueOnError", "validateOnly"];
    known(&options, &names).map_err(|problem| within(problem, "options"))?;
    let mut flag = |name: &str| match options.remove(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(Problem::invalid(format!("{name} is true or false")).at(format!("options.{name}"))),
    };
    Ok(Run {
        atomic: flag("atomic")?,
        records: flag("returnRecords")?,
        goes_on: flag("continueOnError")?,
        dry_run: flag("validateOnly")?,
    })
}

fn listed(given: &mut Map<String, Value>, name: &str) -> Result<Vec<Value>, Problem> {
    match given.remove(name) {
        Some(Value::Array(list)) => Ok(list),
        _ => Err(Problem::invalid(format!("{name:?} must be a list")).at(name)),
    }
}

/// Refuses more than may come at once.
pub(super) fn must_be_few(asked: usize, allowed: usize) -> Result<(), Problem> {
    if asked <= allowed {
        return Ok(());
    }
    let message = format!("{asked} asked, {allowed} allowed in one request; send them in parts");
    Err(Problem::new(StatusCode::BAD_REQUEST, "BATCH_TOO_LARGE", message))
}

/// A problem of something that stands there.
pub(super) fn within(problem: Problem, at: &str) -> Problem {
    let path = format!("{at}.{}", problem.path);
    problem.at(path)
}
