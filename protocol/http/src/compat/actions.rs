//! `POST /api/v1/actions/:object/:action/:id`: an action of a record, its parameters as the body.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
    response::IntoResponse,
};
use quarry_engine::{Operation, Session};
use serde_json::json;

use super::write::{self, Wish, Writer};
use crate::{Door, body, changes::record, problem::Answered};

/// What the action returns, and the record as it is then.
pub(super) async fn act(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, action, id)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let parameters = record(body::object_or_nothing(&door, &headers, body).await?);
    let operation = Operation::Act { id: id.clone(), action, parameters };
    let prepared = Writer::of(&session.context().views).plain(&object, None, operation)?;
    let object = prepared.change.object.clone();
    let wish = Wish { records: true, ..Wish::default() };
    let done = write::apply(&door, &session, vec![prepared.change], wish).await?;
    let returned = done.outcomes.first().and_then(|outcome| outcome.returned.clone()).unwrap_or_default();
    let data = json!({ "object": object, "id": id, "record": done.record(0)?, "returned": returned });
    let mut response = Json(json!({ "success": true, "data": data })).into_response();
    done.tell(response.headers_mut(), &[]);
    Ok(response)
}
