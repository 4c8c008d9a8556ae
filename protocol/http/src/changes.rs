//! `POST /api/v1/changes`: creates, updates, upserts, deletes, undeletes and actions, by default as one transaction.

use std::collections::HashMap;

use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use quarry_engine::{
    Change, Done, Error, Input, Operation, Outcome, QueryContext, Record, Session, Warnings, objectql::Filter,
};
use serde_json::{Map, Value};

use crate::{
    Door, body,
    objects::read_records,
    problem::{Answered, Problem},
    warnings,
};

/// Changes in one request.
pub(crate) const CHANGES_MAX: usize = 10_000;

/// What a client asks for beside the changes.
struct Asked {
    changes: Vec<Change>,
    atomic: bool,
    dry_run: bool,
    /// Answer with the records as they are then, or with their ids alone.
    records: bool,
}

/// Applies the changes in the body.
pub(crate) async fn apply(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let asked = asked(body::object(&door, &headers, body).await?)?;
    let mut out = b"{\"results\":[".to_vec();
    if asked.atomic {
        let (report, context) = session.change_and_see(asked.changes, asked.dry_run).await?;
        write_results(&door, &context, &report.outcomes, asked.records, &mut out).await?;
        return Ok(end(out, &report.warnings, report.csn));
    }
    let (mut last, mut found) = (None, Warnings::default());
    for (place, change) in asked.changes.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        match session.change_and_see(vec![change], asked.dry_run).await {
            Ok((mut report, context)) => {
                write_results(&door, &context, &report.outcomes, asked.records, &mut out).await?;
                last = report.csn.or(last);
                report.warnings.told.iter_mut().for_each(|warning| warning.change = place);
                found.extend(report.warnings);
            }
            Err(mut error) => {
                let beside = error.warnings.iter_mut().flat_map(|warnings| &mut warnings.told);
                error.findings.iter_mut().chain(beside).for_each(|finding| finding.change = place);
                out.extend_from_slice(Problem::from(error).to_json(None).to_string().as_bytes());
            }
        }
    }
    Ok(end(out, &found, last))
}

fn end(mut out: Vec<u8>, found: &Warnings, csn: Option<u64>) -> Response {
    let mut rest = Map::new();
    warnings::in_body(found, &mut rest);
    rest.insert("csn".into(), csn.into());
    out.extend_from_slice(b"],");
    out.extend_from_slice(Value::Object(rest).to_string().trim_start_matches('{').as_bytes());
    let mut response = Body::from(out).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// One entry per change: what was done, the ids, and the record where it is one.
pub(crate) async fn write_results(
    door: &Door,
    context: &QueryContext,
    outcomes: &[Outcome],
    records: bool,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let mut read: HashMap<&str, HashMap<String, Vec<u8>>> = HashMap::new();
    if records {
        let mut wanted: HashMap<&str, Vec<String>> = HashMap::new();
        for outcome in outcomes.iter().filter(|o| o.done != Done::Deleted && o.ids.len() == 1) {
            wanted.entry(&outcome.object).or_default().extend(outcome.ids.iter().cloned());
        }
        for (object, ids) in wanted {
            read.insert(object, read_records(door, context, object, ids).await?);
        }
    }
    for (place, outcome) in outcomes.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let done = match outcome.done {
            Done::Created => "created",
            Done::Updated => "updated",
            Done::Deleted => "deleted",
            Done::Undeleted => "undeleted",
            Done::Acted => "acted",
        };
        out.extend_from_slice(format!("{{\"done\":\"{done}\",\"object\":").as_bytes());
        quarry_json::write_text(&outcome.object, out);
        match outcome.ids.as_slice() {
            [id] => {
                out.extend_from_slice(b",\"id\":");
                quarry_json::write_text(id, out);
                if let Some(record) = read.get(outcome.object.as_str()).and_then(|records| records.get(id)) {
                    out.extend_from_slice(b",\"record\":");
                    out.extend_from_slice(record);
                }
            }
            ids => out.extend_from_slice(format!(",\"ids\":{}", Value::from(ids.to_vec())).as_bytes()),
        }
        if let Some(returned) = &outcome.returned {
            out.extend_from_slice(format!(",\"returned\":{}", Value::Object(returned.clone())).as_bytes());
        }
        out.push(b'}');
    }
    Ok(())
}

fn asked(mut body: Map<String, Value>) -> Result<Asked, Problem> {
    let changes = match body.remove("changes") {
        Some(Value::Array(changes)) => changes,
        _ => return Err(Problem::invalid("\"changes\" must be a list of changes").at("changes")),
    };
    if changes.len() > CHANGES_MAX {
        let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
        let message = format!(
            "{} changes asked, {CHANGES_MAX} allowed in one request; send them in parts",
            changes.len()
        );
        return Err(Problem::new(status, "BATCH_TOO_LARGE", message).at("changes"));
    }
    let mut flag = |name: &str, default: bool| match body.remove(name) {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(Problem::invalid(format!("{name} is true or false")).at(name)),
    };
    let (atomic, dry_run) = (flag("atomic", true)?, flag("dryRun", false)?);
    let records = match body.remove("returning") {
        None => true,
        Some(Value::String(text)) if text == "records" => true,
        Some(Value::String(text)) if text == "ids" => false,
        Some(_) => return Err(Problem::invalid("returning is \"records\" or \"ids\"").at("returning")),
    };
    if body.contains_key("idempotencyKey") {
        let message = "idempotency keys are not supported yet; upsert by a unique field instead";
        return Err(
            Problem::new(axum::http::StatusCode::BAD_REQUEST, "NOT_SUPPORTED", message).at("idempotencyKey")
        );
    }
    if let Some(unknown) = body.keys().next() {
        let known = "changes, atomic, dryRun, returning";
        return Err(
            Problem::invalid(format!("unknown key {unknown:?}; known are {known}")).at(unknown.as_str())
        );
    }
    let parsed =
        changes.into_iter().enumerate().map(|(place, json)| change(json, &format!("changes[{place}]")));
    Ok(Asked { changes: parsed.collect::<Result<_, _>>()?, atomic, dry_run, records })
}

/// One change from JSON.
fn change(json: Value, at: &str) -> Result<Change, Problem> {
    let Value::Object(mut given) = json else { return Err(Problem::invalid("a change is an object").at(at)) };
    let missing = |name: &str, what: &str| {
        Problem::invalid(format!("{name} is missing: {what}")).at(format!("{at}.{name}"))
    };
    let mut text = |name: &str| match given.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::invalid(format!("{name} is a text")).at(format!("{at}.{name}"))),
    };
    let known = "create, update, upsert, delete, undelete or action";
    let op = text("op")?.ok_or_else(|| missing("op", known))?;
    let object = text("object")?.ok_or_else(|| missing("object", "the name of an object"))?;
    let id = text("id")?;
    let action = text("action")?;
    let mut parts = Parts::of(&mut given, (id, action), at)?;
    if let Some(unknown) = given.keys().next() {
        let known = "op, object, id, where, on, data, ifRevision, action, parameters";
        return Err(Problem::invalid(format!("unknown key {unknown:?}; known are {known}"))
            .at(format!("{at}.{unknown}")));
    }
    let if_revision = parts.if_revision;
    let operation = match op.as_str() {
        "create" => Operation::Create(parts.data_with_id(at)?),
        "update" => match (parts.id.take(), parts.filter.take()) {
            (Some(id), None) => Operation::Update { id, data: parts.data(at)? },
            (None, Some(filter)) => Operation::UpdateWhere { filter, data: parts.data(at)? },
            _ => return Err(Problem::invalid("an update needs either an id or a where").at(at)),
        },
        "upsert" => {
            let on = match (parts.on.take(), &parts.id) {
                (Some(on), _) => on,
                (None, Some(_)) => vec!["id".to_owned()],
                (None, None) => return Err(missing("on", "the fields to find the record by, or an id")),
            };
            Operation::Upsert { on, data: parts.data_with_id(at)? }
        }
        "delete" => match (parts.id.take(), parts.filter.take()) {
            (Some(id), None) => Operation::Delete { id },
            (None, Some(filter)) => Operation::DeleteWhere { filter },
            _ => return Err(Problem::invalid("a delete needs either an id or a where").at(at)),
        },
        "undelete" => match parts.id.take() {
            Some(id) => Operation::Undelete { id },
            None => return Err(missing("id", "which deleted record comes back")),
        },
        "action" => {
            let id = parts.id.take().ok_or_else(|| missing("id", "the record that it is done with"))?;
            let action = parts.action.take().ok_or_else(|| missing("action", "the name of an action"))?;
            Operation::Act { id, action, parameters: parts.parameters.take().unwrap_or_default() }
        }
        other => {
            let message =
                format!("unknown op {other:?}; known are create, update, upsert, delete, undelete, action");
            return Err(Problem::invalid(message).at(format!("{at}.op")));
        }
    };
    parts.all_used(&op, at)?;
    Ok(Change { object, operation, if_revision })
}

/// The parts of a change that some operations take and others don't.
struct Parts {
    id: Option<String>,
    filter: Option<Filter>,
    on: Option<Vec<String>>,
    data: Option<Record>,
    if_revision: Option<i64>,
    action: Option<String>,
    parameters: Option<Record>,
}

impl Parts {
    fn of(
        given: &mut Map<String, Value>,
        (id, action): (Option<String>, Option<String>),
        at: &str,
    ) -> Result<Self, Problem> {
        let filter = given.remove("where").map(|json| {
            Filter::parse(&json).map_err(|error| {
                let problem = Problem::from(Error::from(error));
                let path = format!("{at}.{}", if problem.path.is_empty() { "where" } else { &problem.path });
                problem.at(path)
            })
        });
        let on = given.remove("on").map(|json| {
            serde_json::from_value::<Vec<String>>(json)
                .map_err(|_| Problem::invalid("on is a list of field names").at(format!("{at}.on")))
        });
        let mut object = |name: &str| match given.remove(name) {
            None => Ok(None),
            Some(Value::Object(data)) => Ok(Some(record(data))),
            Some(_) => Err(Problem::invalid(format!("{name} is an object")).at(format!("{at}.{name}"))),
        };
        let (data, parameters) = (object("data")?, object("parameters")?);
        let if_revision = given.remove("ifRevision").map(|json| {
            json.as_i64().ok_or_else(|| {
                Problem::invalid("ifRevision is a whole number").at(format!("{at}.ifRevision"))
            })
        });
        Ok(Self {
            id,
            filter: filter.transpose()?,
            on: on.transpose()?,
            data,
            if_revision: if_revision.transpose()?,
            action,
            parameters,
        })
    }

    fn data(&mut self, at: &str) -> Result<Record, Problem> {
        self.data
            .take()
            .ok_or_else(|| Problem::invalid("data is missing: the fields to write").at(format!("{at}.data")))
    }

    fn data_with_id(&mut self, at: &str) -> Result<Record, Problem> {
        let mut data = self.data(at)?;
        if let Some(id) = self.id.take() {
            let id = Input::Json(Value::String(id));
            if data.insert("id".to_owned(), id.clone()).is_some_and(|other| other != id) {
                return Err(Problem::invalid("the id and the data's id differ").at(format!("{at}.id")));
            }
        }
        Ok(data)
    }

    /// Nothing that was given is left over.
    fn all_used(&self, op: &str, at: &str) -> Result<(), Problem> {
        let left = [
            ("id", self.id.is_some()),
            ("where", self.filter.is_some()),
            ("on", self.on.is_some()),
            ("data", self.data.is_some()),
            ("action", self.action.is_some()),
            ("parameters", self.parameters.is_some()),
        ];
        match left.into_iter().find(|(_, left)| *left) {
            Some((name, _)) => {
                Err(Problem::invalid(format!("{op} takes no {name}")).at(format!("{at}.{name}")))
            }
            None => Ok(()),
        }
    }
}

/// Fields as the engine takes them.
pub(crate) fn record(data: Map<String, Value>) -> Record {
    data.into_iter().map(|(name, value)| (name, Input::Json(value))).collect()
}
