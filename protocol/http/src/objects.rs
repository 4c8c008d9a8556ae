//! `/api/v1/objects/:object[/:id[/actions/:action]]`: records as resources. A record's `ETag` is its revision; `If-Match` makes an update or
//! delete depend on it.

use std::collections::HashMap;

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::Int64Type,
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use quarry_engine::{Change, Error, Operation, Query, QueryContext, Session, objectql::Filter};
use quarry_json::{Encoder, Options, Separator};

use crate::{
    Door, body,
    changes::{record, write_results},
    listing,
    problem::{Answered, Problem},
    rows::{self, Form, Shape},
    warnings,
};

type Parameters = UrlQuery<Vec<(String, String)>>;

/// A list, as its query string asks.
pub(crate) async fn list(
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    UrlQuery(given): Parameters,
    headers: HeaderMap,
) -> Answered {
    let form = Form::asked(&headers)?;
    let query = listing::query(&object, &given)?;
    let shape = Shape { form, options: Options::default() };
    if shape.form.is_export() {
        session.must_export(&query)?;
    }
    rows::response(session.query(&query).await?, shape).await
}

/// One record; `select` and `expand` as in a list.
pub(crate) async fn read(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    UrlQuery(given): Parameters,
    headers: HeaderMap,
) -> Answered {
    let allowed = ["select", "fields", "$select", "expand", "$expand"];
    if let Some((name, _)) = given.iter().find(|(name, _)| !allowed.contains(&name.as_str())) {
        let message = format!("unknown parameter {name:?}; known are select, expand");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message).at(name));
    }
    let mut query = listing::query(&object, &given)?;
    query.filter = Some(Filter::id(id.clone()));
    let found = find_one(&door, &session.context(), &query).await?.ok_or_else(|| no_record(&object, &id))?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    match found.revision {
        Some(revision)
            if known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag(revision))) =>
        {
            Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag(revision))]).into_response())
        }
        _ => Ok(found.response(StatusCode::OK)),
    }
}

/// A new record.
pub(crate) async fn create(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let data = record(body::object(&door, &headers, body).await?);
    let change = Change { object: object.clone(), operation: Operation::Create(data), if_revision: None };
    let (id, mut response) = written(&door, &session, change, StatusCode::CREATED).await?;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/objects/{object}/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Some fields of a record.
pub(crate) async fn update(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let if_revision = if_match(&headers)?;
    let data = record(body::object(&door, &headers, body).await?);
    let change = Change { object, operation: Operation::Update { id, data }, if_revision };
    let written = written(&door, &session, change, StatusCode::OK).await;
    Ok(written.map_err(Problem::of_precondition)?.1)
}

/// A record less.
pub(crate) async fn delete(
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answered {
    let change = Change { object, operation: Operation::Delete { id }, if_revision: if_match(&headers)? };
    let deleted = session.change(vec![change], false).await;
    let report = deleted.map_err(|error| Problem::from(error).of_precondition())?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    warnings::in_headers(&report.warnings, response.headers_mut());
    Ok(response)
}

/// An action of a record: the body has its parameters; what it returns, and the record as it is then.
pub(crate) async fn act(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id, action)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let if_revision = if_match(&headers)?;
    let parameters = record(body::object_or_nothing(&door, &headers, body).await?);
    let change = Change { object, operation: Operation::Act { id, action, parameters }, if_revision };
    let acted = session.change_and_see(vec![change], false).await;
    let (report, context) = acted.map_err(|error| Problem::from(error).of_precondition())?;
    let mut out = Vec::new();
    write_results(&door, &context, &report.outcomes, true, &mut out).await?;
    let mut response = out.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(csn) = report.csn {
        headers.insert("x-quarry-csn", HeaderValue::from(csn));
    }
    Ok(response)
}

/// Makes one change and answers with the record as it is then.
pub(crate) async fn written(
    door: &Door,
    session: &Session,
    change: Change,
    status: StatusCode,
) -> Result<(String, Response), Problem> {
    let (report, context) = session.change_and_see(vec![change], false).await?;
    let outcome = report.outcomes.into_iter().next();
    let (object, id) = outcome
        .and_then(|outcome| Some((outcome.object, outcome.ids.into_iter().next()?)))
        .unwrap_or_default();
    let query = Query { object: object.clone(), filter: Some(Filter::id(id.clone())), ..Query::default() };
    let found = find_one(door, &context, &query).await?;
    let mut response = found.ok_or_else(|| no_record(&object, &id))?.response(status);
    if let Some(csn) = report.csn {
        response.headers_mut().insert("x-quarry-csn", HeaderValue::from(csn));
    }
    warnings::in_headers(&report.warnings, response.headers_mut());
    Ok((id, response))
}

/// The records of these ids as JSON, by id.
///
/// # Errors
///
/// The planner's.
pub(crate) async fn read_records(
    door: &Door,
    context: &QueryContext,
    object: &str,
    ids: Vec<String>,
) -> Result<HashMap<String, Vec<u8>>, Problem> {
    let query = Query { object: object.to_owned(), filter: Some(Filter::ids(ids)), ..Query::default() };
    let mut records = HashMap::new();
    for batch in fetch(door, context, &query).await? {
        let encoder = Encoder::new(&batch.schema(), Options::default()).map_err(unwritten)?;
        let ids = batch.column_by_name("id").and_then(|column| column.as_string_view_opt());
        for row in 0..batch.num_rows() {
            let Some(id) = ids.map(|ids| ids.value(row)) else { continue };
            let mut json = Vec::new();
            encoder.encode_rows(&batch, row..row + 1, Separator::Comma, &mut json).map_err(unwritten)?;
            records.insert(id.to_owned(), json);
        }
    }
    Ok(records)
}

/// The first record of an answer.
///
/// # Errors
///
/// The planner's.
pub(crate) async fn find_one(
    door: &Door,
    context: &QueryContext,
    query: &Query,
) -> Result<Option<Fetched>, Problem> {
    let batches = fetch(door, context, query).await?;
    batches.iter().find_map(|batch| Fetched::first(batch).transpose()).transpose()
}

async fn fetch(door: &Door, context: &QueryContext, query: &Query) -> Result<Vec<RecordBatch>, Problem> {
    // One planner for all tenants: whose records are read, the context says.
    let mut stream = door.engines.main().planner().query(context, query).await.map_err(Error::from)?.batches;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch.map_err(Error::of_rows)?);
    }
    Ok(batches)
}

/// One record, read.
pub(crate) struct Fetched {
    pub json: Vec<u8>,
    pub revision: Option<i64>,
}

impl Fetched {
    fn first(batch: &RecordBatch) -> Result<Option<Self>, Problem> {
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        let mut json = Vec::new();
        let encoder = Encoder::new(&batch.schema(), Options::default()).map_err(unwritten)?;
        encoder.encode_rows(batch, 0..1, Separator::Comma, &mut json).map_err(unwritten)?;
        let revisions =
            batch.column_by_name("revision").and_then(|column| column.as_primitive_opt::<Int64Type>());
        Ok(Some(Self { json, revision: revisions.map(|revisions| revisions.value(0)) }))
    }

    fn response(self, status: StatusCode) -> Response {
        let mut response = (status, self.json).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(tag) = self.revision.and_then(|revision| HeaderValue::from_str(&etag(revision)).ok()) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

pub(crate) fn etag(revision: i64) -> String {
    format!("\"{revision}\"")
}

/// The revision that `If-Match` asks for; none without it, or with `*`.
fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let revision =
        text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|text| text.parse().ok());
    revision.map(Some).ok_or_else(|| {
        Problem::invalid("If-Match is the ETag of the record: its revision in quotes").at("If-Match")
    })
}

pub(crate) fn no_record(object: &str, id: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "RECORD_NOT_FOUND", format!("there is no {object} {id:?}"))
}

pub(crate) fn unwritten(error: quarry_json::Error) -> Problem {
    let message = "a record can't be written";
    Error::new(quarry_engine::ErrorKind::Internal, "INTERNAL_ERROR", message).caused_by(error).into()
}
