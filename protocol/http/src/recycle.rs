//! `/api/v1/objects/:object/deleted` and `/:id/undelete`: the recycle bin of an object.

use axum::{
    Extension,
    extract::{Path, Query as UrlQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use quarry_engine::{BIN_VIEW, Change, Operation, Session};
use quarry_json::Options;
use serde_json::json;

use crate::{
    Door,
    administration::off_thread,
    listing,
    objects::written,
    problem::{Answered, Problem},
    rows::{self, Form, Shape},
};

/// Deleted records, as the query string asks.
pub(crate) async fn list(
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
    UrlQuery(given): UrlQuery<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Answered {
    let form = Form::asked(&headers)?;
    must_keep(&session, &object)?;
    let query = listing::query(&format!("{BIN_VIEW}{object}"), &given)?;
    let shape = Shape { form, options: Options::default() };
    if shape.form.is_export() {
        session.must_export(&query)?;
    }
    rows::response(session.query(&query).await?, shape).await
}

/// Brings a record back, and answers with it.
pub(crate) async fn undelete(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
) -> Answered {
    let change = Change { object, operation: Operation::Undelete { id }, if_revision: None };
    Ok(written(&door, &session, change, StatusCode::OK).await?.1)
}

/// Purges one deleted record.
pub(crate) async fn purge(
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
) -> Answered {
    off_thread(move || session.purge(&object, &id)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Purges all deleted records of an object, and tells how many there were.
pub(crate) async fn purge_all(
    Extension(session): Extension<Session>,
    Path(object): Path<String>,
) -> Result<Response, Problem> {
    let purged = off_thread(move || session.purge_all(&object)).await?;
    Ok(axum::Json(json!({ "purged": purged })).into_response())
}

/// Refuses an object that keeps no bin with that reason; one that is not there is told by the question itself.
fn must_keep(session: &Session, object: &str) -> Result<(), Problem> {
    let views = session.context().views;
    if views.get(object).is_some() && views.bin(object).is_none() {
        let message = format!("{object} keeps no recycle bin (enable: {{recycleBin: true}})");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "NO_RECYCLE_BIN", message));
    }
    Ok(())
}
