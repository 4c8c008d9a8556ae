//! `/api/data/:object[/:id]` and `/api/metadata/…`: what clients before `/api/v1` call, answered as `/api/objectql` answers.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use quarry_engine::Session;
use serde_json::{Value, json};

use super::{
    metadata, question,
    rpc::{self, Caller},
};
use crate::{Door, body, problem::Answered};

type Parameters = UrlQuery<Vec<(String, String)>>;

/// A list, as its query string asks: `{items, meta}`.
pub(super) async fn list(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    UrlQuery(given): Parameters,
) -> Answered {
    let query = question::of_list(&session, &object, &given)?;
    rpc::find(Caller { door: &door, session: &session }, query).await
}

/// One record.
pub(super) async fn read(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
) -> Answered {
    let query = question::of_list(&session, &object, &[])?;
    rpc::read(Caller { door: &door, session: &session }, query, &id).await
}

/// A new record, or a list of them: `201`.
pub(super) async fn create(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let caller = Caller { door: &door, session: &session };
    match body::json(&door, &headers, body).await? {
        records @ Value::Array(_) => rpc::create_many(caller, &object, records, StatusCode::CREATED).await,
        record => rpc::create(caller, &object, rpc::object_of(record)?, StatusCode::CREATED).await,
    }
}

/// Some fields of a record.
pub(super) async fn update(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let data = body::object(&door, &headers, body).await?;
    rpc::update(Caller { door: &door, session: &session }, (&object, &id), data).await
}

/// A record less.
pub(super) async fn delete(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
) -> Answered {
    rpc::delete(Caller { door: &door, session: &session }, &object, &id).await
}

/// `{filters, data}`.
pub(super) async fn update_many(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let args = body::object(&door, &headers, body).await?;
    rpc::update_many(Caller { door: &door, session: &session }, &object, args).await
}

/// `{filters}`.
pub(super) async fn delete_many(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let args = body::object(&door, &headers, body).await?;
    rpc::delete_many(Caller { door: &door, session: &session }, &object, args).await
}

/// Every object with its fields: `{items}`.
pub(super) async fn objects(Extension(session): Extension<Session>) -> Answered {
    Ok(Json(json!({ "items": metadata::definitions(&session) })).into_response())
}

/// One object with its fields.
pub(super) async fn object(Extension(session): Extension<Session>, Path(name): Path<String>) -> Answered {
    Ok(Json(metadata::definition(&session, &name)?).into_response())
}
