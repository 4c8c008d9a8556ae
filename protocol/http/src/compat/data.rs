//! `/api/v1/data/:object[/:id]`: lists, questions and records.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use quarry_engine::{Session, objectql::Filter};
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Ending},
    metadata::only,
    names::Names,
    question, version,
    write::{self, Prepared, Wish, Writer, dropped_fields},
};
use crate::{
    Door, body,
    objects::{etag, find_one, no_record},
    problem::{Answered, Problem},
};

type Parameters = UrlQuery<Vec<(String, String)>>;

/// A record's version, beside its fields.
pub(super) const EXPECTED: &str = "expectedVersion";

/// A list, as its query string asks.
pub(super) async fn list(
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    UrlQuery(given): Parameters,
) -> Answered {
    let query = question::of_list(&session, &object, &given)?;
    records(&session, query).await
}

/// A question in the body: `{object, records, total?, hasMore}`.
pub(super) async fn ask(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object(&door, &headers, body).await?;
    let query = question::of_body(&session.context().views, &object, given)?;
    records(&session, query).await
}

async fn records(session: &Session, query: quarry_engine::Query) -> Answered {
    let head = Map::from_iter([("object".to_owned(), Value::from(query.object.as_str()))]);
    answer::list(session, query, (head, "records"), Ending::HasMore).await
}

/// One record: `{object, id, record}`.
pub(super) async fn read(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    UrlQuery(given): Parameters,
    headers: HeaderMap,
) -> Answered {
    let allowed = ["select", "fields", "$select", "expand", "populate", "$expand"];
    if let Some((name, _)) = given.iter().find(|(name, _)| !allowed.contains(&name.as_str())) {
        let message = format!("unknown parameter {name:?}; known are select, expand");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message).at(name));
    }
    let mut query = question::of_list(&session, &object, &given)?;
    query.filter = Some(Filter::id(id.clone()));
    let found = find_one(&door, &session.context(), &query).await?;
    let found = found.ok_or_else(|| no_record(&query.object, &id))?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if let (Some(revision), Some(known)) = (found.revision, known)
        && known.split(',').any(|tag| tag.trim() == etag(revision))
    {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag(revision))]).into_response());
    }
    let record = answer::record(&found.json)?;
    let told = json!({ "object": query.object, "id": id, "record": record });
    Ok(answer::tagged(StatusCode::OK, told, &record))
}

/// A new record: `201`, `{object, id, record, droppedFields?}`.
pub(super) async fn create(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let data = body::object(&door, &headers, body).await?;
    let prepared = Writer::of(&session.context().views).create(&object, data)?;
    written(&door, &session, prepared, (StatusCode::CREATED, Beside::default())).await
}

/// Some fields of a record: `{object, id, record, droppedFields?}`.
pub(super) async fn update(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    UrlQuery(given): Parameters,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut data = body::object(&door, &headers, body).await?;
    let context = session.context();
    let view = Names::of(&context.views).object(&object)?;
    let told = match view.object.field(EXPECTED) {
        Some(_) => None,
        None => data.shift_remove(EXPECTED),
    };
    let told = match (told, only(&given, EXPECTED)?) {
        (Some(_), Some(_)) => return Err(Problem::invalid("give it once").at(EXPECTED)),
        (told, asked) => told.or(asked.map(Value::from)),
    };
    let of = (view.object.name.as_str(), id.as_str());
    let if_revision = version::expected(&door, &session, of, (&headers, told.as_ref())).await?;
    let prepared = Writer::of(&context.views).update(&object, (id, if_revision), data)?;
    written(&door, &session, prepared, (StatusCode::OK, Beside::default())).await
}

/// A record less: `{object, id, success}`.
pub(super) async fn delete(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    UrlQuery(given): Parameters,
    headers: HeaderMap,
) -> Answered {
    let told = only(&given, EXPECTED)?.map(Value::from);
    let context = session.context();
    let name = Names::of(&context.views).object(&object)?.object.name.to_string();
    let if_revision = version::expected(&door, &session, (&name, &id), (&headers, told.as_ref())).await?;
    let prepared = Writer::of(&context.views).delete(&object, id.clone(), if_revision)?;
    let object = prepared.change.object.clone();
    let done = write::apply(&door, &session, vec![prepared.change], Wish::default()).await?;
    let mut response = Json(json!({ "object": object, "id": id, "success": true })).into_response();
    done.tell(response.headers_mut(), &[]);
    Ok(response)
}

/// What is told of a record beside what is told of every one.
#[derive(Default)]
pub(super) struct Beside {
    /// The id of the one that it is a copy of.
    pub source: Option<String>,
    /// The fields that were not copied.
    pub left_out: Vec<String>,
}

/// Makes one change: `{object, id, record, droppedFields?}`.
///
/// # Errors
///
/// The engine's; nothing was kept.
pub(super) async fn written(
    door: &Door,
    session: &Session,
    prepared: Prepared,
    (status, beside): (StatusCode, Beside),
) -> Answered {
    let Prepared { change, dropped } = prepared;
    let object = change.object.clone();
    let wish = Wish { records: true, ..Wish::default() };
    let done = write::apply(door, session, vec![change], wish).await?;
    let record = done.record(0)?;
    let mut told = Map::new();
    told.insert("object".into(), object.as_str().into());
    told.insert("id".into(), done.id(0).into());
    if let Some(source) = beside.source {
        told.insert("sourceId".into(), source.into());
    }
    told.insert("record".into(), record.clone());
    let mut taken = match dropped_fields(&object, &dropped) {
        Some(Value::Array(taken)) => taken,
        _ => Vec::new(),
    };
    if !beside.left_out.is_empty() {
        taken.push(json!({ "object": object, "fields": beside.left_out, "reason": "not_copied" }));
    }
    if !taken.is_empty() {
        told.insert("droppedFields".into(), taken.into());
    }
    let mut response: Response = answer::tagged(status, Value::Object(told), &record);
    done.tell(response.headers_mut(), &dropped);
    Ok(response)
}
