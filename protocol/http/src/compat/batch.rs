//! Changes that are told one by one what became of them, and `POST /api/v1/batch`: changes of several objects in one transaction.

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use quarry_engine::{Change, Error, Session, Warnings};
use serde_json::{Map, Value, json};

use super::{
    manner::{bare, fields, translated},
    many::must_be_few,
    write::{self, Prepared, Wish, Writer, Written, dropped_fields},
};
use crate::{
    Door,
    administration::known,
    body,
    problem::{Answered, Problem},
    warnings,
};

/// Operations of one request over several objects.
const OPERATIONS_MAX: usize = 1_000;

/// How many changes are made.
#[derive(Clone, Copy, Default)]
pub(super) struct Run {
    /// All or none; else each by itself.
    pub atomic: bool,
    /// With the records as they are then.
    pub records: bool,
    /// Not all or none: goes on behind a failure.
    pub goes_on: bool,
    /// Nothing is kept.
    pub dry_run: bool,
}

/// What became of each change.
pub(super) struct Results {
    each: Vec<Became>,
    warnings: Warnings,
    csn: Option<u64>,
    /// What a transaction failed with.
    failed: Option<Problem>,
}

enum Became {
    Done {
        object: String,
        id: Option<String>,
        record: Value,
        dropped: Vec<String>,
    },
    Failed(Problem),
    /// It was made, and taken back with the others.
    RolledBack,
    NotAttempted,
}

/// Makes changes as `run` says. What fails is told with the change that it is about; an error that is about none is that of the
/// whole request.
///
/// # Errors
///
/// Such an error.
pub(super) async fn run(
    door: &Door,
    session: &Session,
    changes: Vec<Prepared>,
    run: Run,
) -> Result<Results, Problem> {
    if run.atomic {
        return together(door, session, changes, run).await;
    }
    let mut results = Results {
        each: Vec::with_capacity(changes.len()),
        warnings: Warnings::default(),
        csn: None,
        failed: None,
    };
    let mut stopped = false;
    for (at, Prepared { change, dropped }) in changes.into_iter().enumerate() {
        if stopped {
            results.each.push(Became::NotAttempted);
            continue;
        }
        match write::apply(door, session, vec![change], run.wish()).await {
            Ok(mut done) => {
                results.each.push(done.result(0, dropped)?);
                done.warnings.told.iter_mut().for_each(|warning| warning.change = at);
                results.warnings.extend(done.warnings);
                results.csn = done.csn.or(results.csn);
            }
            Err(problem) => {
                // What was made before it is kept, and so must be told.
                stopped = !run.goes_on || problem.status.is_server_error();
                results.each.push(Became::Failed(problem));
            }
        }
    }
    Ok(results)
}

async fn together(
    door: &Door,
    session: &Session,
    prepared: Vec<Prepared>,
    run: Run,
) -> Result<Results, Problem> {
    let (changes, dropped): (Vec<Change>, Vec<Vec<String>>) =
        prepared.into_iter().map(|prepared| (prepared.change, prepared.dropped)).unzip();
    let asked = changes.len();
    match write::apply(door, session, changes, run.wish()).await {
        Ok(done) => {
            let each = dropped.into_iter().enumerate().map(|(at, dropped)| done.result(at, dropped));
            let each = each.collect::<Result<_, _>>()?;
            Ok(Results { each, warnings: done.warnings, csn: done.csn, failed: None })
        }
        Err(problem) if problem.findings.is_empty() => Err(problem),
        Err(problem) => Ok(Results::taken_back(problem, asked)),
    }
}

impl Run {
    fn wish(self) -> Wish {
        Wish { dry_run: self.dry_run, records: self.records }
    }
}

impl Written {
    fn result(&self, at: usize, dropped: Vec<String>) -> Result<Became, Problem> {
        let object = self.outcomes.get(at).map(|outcome| outcome.object.clone()).unwrap_or_default();
        let id = self.id(at).map(str::to_owned);
        Ok(Became::Done { object, id, record: self.record(at)?, dropped })
    }
}

impl Results {
    /// Each change with what was found in it; those before the first of them were undone.
    fn taken_back(problem: Problem, asked: usize) -> Self {
        let first = problem.findings.iter().map(|finding| finding.change).min().unwrap_or(0);
        let each = (0..asked).map(|at| {
            let findings: Vec<_> = problem.findings.iter().filter(|f| f.change == at).cloned().collect();
            match findings.is_empty() {
                false => Became::Failed(Error::of_findings(findings).into()),
                true if at < first => Became::RolledBack,
                true => Became::NotAttempted,
            }
        });
        let each = each.collect();
        let warnings = problem.warnings.as_deref().cloned().unwrap_or_default();
        Results { each, warnings, csn: None, failed: Some(problem) }
    }

    /// As a body.
    pub fn told(&self, run: Run) -> Map<String, Value> {
        let succeeded = self.each.iter().filter(|result| matches!(result, Became::Done { .. })).count();
        let mut told = Map::new();
        told.insert("success".into(), (succeeded == self.each.len()).into());
        told.insert("total".into(), self.each.len().into());
        told.insert("succeeded".into(), succeeded.into());
        told.insert("failed".into(), (self.each.len() - succeeded).into());
        let each = self.each.iter().enumerate().map(|(at, result)| result.told(at, run.records));
        told.insert("results".into(), each.collect());
        if !self.warnings.is_empty() {
            warnings::in_body(&self.warnings, &mut told);
        }
        told.insert("csn".into(), self.csn.into());
        told
    }
}

impl Became {
    fn told(&self, at: usize, records: bool) -> Value {
        let failed = |code: &str, message: &str| json!([{ "code": code, "message": message }]);
        let errors = match self {
            Became::Done { object, id, record, dropped } => {
                let mut told = Map::new();
                told.insert("id".into(), id.as_deref().into());
                told.insert("success".into(), true.into());
                told.insert("index".into(), at.into());
                told.insert("object".into(), object.as_str().into());
                if records {
                    told.insert("data".into(), record.clone());
                }
                if let Some(dropped) = dropped_fields(object, dropped) {
                    told.insert("droppedFields".into(), dropped);
                }
                return Value::Object(told);
            }
            Became::Failed(problem) => {
                let code = translated(problem).1;
                json!([{ "code": code, "message": problem.message, "fields": fields(problem) }])
            }
            Became::RolledBack => failed("ROLLED_BACK", "it was undone, because another change failed"),
            Became::NotAttempted => failed("NOT_ATTEMPTED", "it was not made, because one before it failed"),
        };
        json!({ "success": false, "index": at, "errors": errors })
    }
}

/// `{operations: [{object, action?, id?, data?}], atomic?}`: all or none. `{"$ref": 0}` in a lookup or as an id is the record of
/// that operation.
pub(super) async fn apply(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut given = body::object(&door, &headers, body).await?;
    known(&given, &["operations", "atomic"])?;
    match given.remove("atomic") {
        None | Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => {
            let message = "these operations are one transaction; send those that are not to /api/v1/changes";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "BATCH_NOT_ATOMIC", message).at("atomic"));
        }
        Some(_) => return Err(Problem::invalid("atomic is true or false").at("atomic")),
    }
    let Some(Value::Array(operations)) = given.remove("operations") else {
        return Err(Problem::invalid("\"operations\" must be a list").at("operations"));
    };
    must_be_few(operations.len(), OPERATIONS_MAX)?;
    let context = session.context();
    let writer = Writer::of(&context.views);
    let changes = operations.into_iter().enumerate().map(|(at, json)| operation(writer, json, at));
    let changes = changes.collect::<Result<Vec<_>, _>>()?;
    let run = Run { atomic: true, records: true, ..Run::default() };
    let results = self::run(&door, &session, changes, run).await?;
    Ok(whole(&results, run))
}

/// The answer of a transaction: what failed comes as an error does, with what became of each beside it.
fn whole(results: &Results, run: Run) -> Response {
    let told = results.told(run);
    let Some(problem) = &results.failed else { return Json(told).into_response() };
    let (status, code) = translated(problem);
    let object = problem.findings.first().map(|finding| finding.object.as_str());
    let mut body = bare(problem, code, object);
    body.extend(told);
    (status, Json(body)).into_response()
}

fn operation(writer: Writer<'_>, json: Value, at: usize) -> Result<Prepared, Problem> {
    let place = format!("operations[{at}]");
    let wrong =
        |message: &str| Problem::new(StatusCode::BAD_REQUEST, "VALIDATION_FAILED", message).at(&place);
    let Value::Object(mut given) = json else { return Err(wrong("an operation is an object")) };
    known(&given, &["object", "action", "id", "data"]).map_err(|problem| {
        let path = format!("{place}.{}", problem.path);
        problem.at(path)
    })?;
    let Some(Value::String(object)) = given.remove("object") else {
        return Err(wrong("an operation names its object"));
    };
    let action = match given.remove("action") {
        None => "create".to_owned(),
        Some(Value::String(action)) => action,
        Some(_) => return Err(wrong("action is create, update or delete")),
    };
    let id = match given.remove("id").map(|id| referred(id, at)).transpose()? {
        None => None,
        Some(Value::String(id)) => Some(id),
        Some(_) => return Err(wrong("id is a text")),
    };
    let data = match given.remove("data") {
        None => None,
        Some(Value::Object(data)) => {
            let each = data.into_iter().map(|(name, value)| Ok((name, referred(value, at)?)));
            Some(each.collect::<Result<Map<_, _>, Problem>>()?)
        }
        Some(_) => return Err(wrong("data is an object")),
    };
    match (action.as_str(), id, data) {
        ("create", None, Some(data)) => writer.create(&object, data),
        ("create", Some(id), Some(mut data)) => {
            data.insert("id".into(), id.into());
            writer.create(&object, data)
        }
        ("create", ..) => Err(wrong("create takes data")),
        ("update", Some(id), Some(data)) => writer.update(&object, (id, None), data),
        ("update", ..) => Err(wrong("update takes an id and data")),
        ("delete", Some(id), None) => writer.delete(&object, id, None),
        ("delete", ..) => Err(wrong("delete takes an id")),
        _ => Err(wrong("action is create, update or delete")),
    }
}

/// `{"$ref": 0}`, or a list with such, in the form in which changes refer to earlier ones.
fn referred(value: Value, at: usize) -> Result<Value, Problem> {
    match value {
        Value::Array(items) => items.into_iter().map(|item| referred(item, at)).collect(),
        Value::Object(object) if object.len() == 1 && object.contains_key("$ref") => {
            let place = object.get("$ref").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
            match place.filter(|place| *place < at) {
                Some(place) => Ok(format!("$ref:{place}.id").into()),
                None => {
                    let message = format!("{} is no earlier operation", Value::Object(object));
                    let problem = Problem::new(StatusCode::BAD_REQUEST, "BATCH_UNRESOLVED_REF", message);
                    Err(problem.at(format!("operations[{at}]")))
                }
            }
        }
        other => Ok(other),
    }
}
