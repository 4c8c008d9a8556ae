//! `POST /api/query`: a question in the older clients' form, `{object, ...question}` or `{method, object, query}`, answered with
//! `{object, value, count?, hasMore}`.

use axum::{Extension, Json, body::Body, extract::State, http::HeaderMap, response::IntoResponse};
use quarry_engine::Session;
use serde_json::{Map, Value, json};

use super::{
    answer::{self, Ending},
    question,
    rpc::{Caller, object_of, total},
};
use crate::{
    Door,
    administration::known,
    body,
    problem::{Answered, Problem},
};

/// Answers a question.
pub(super) async fn answer(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut given = body::object(&door, &headers, body).await?;
    let Some(Value::String(object)) = given.remove("object") else {
        return Err(Problem::invalid("object is missing: the name of an object").at("object"));
    };
    let method = match given.remove("method") {
        None => return list(&session, &object, given, None).await,
        Some(Value::String(method)) => method,
        Some(_) => return Err(Problem::invalid("method is a text").at("method")),
    };
    known(&given, &["query"])?;
    let query = given.remove("query").unwrap_or(Value::Null);
    match method.as_str() {
        "find" | "aggregate" => list(&session, &object, object_of(query)?, None).await,
        "findOne" => list(&session, &object, object_of(query)?, Some(1)).await,
        "count" => {
            let (object, count) = total(Caller { door: &door, session: &session }, &object, query).await?;
            Ok(Json(json!({ "object": object, "value": count, "count": count })).into_response())
        }
        other => {
            let message = format!("unknown method {other:?}; questions are find, findOne, count, aggregate");
            Err(Problem::invalid(message).at("method"))
        }
    }
}

async fn list(session: &Session, object: &str, given: Map<String, Value>, limit: Option<u64>) -> Answered {
    let mut query = question::of_body(&session.context().views, object, given)?;
    query.limit = limit.or(query.limit);
    let head = Map::from_iter([("object".to_owned(), Value::from(query.object.as_str()))]);
    answer::list(session, query, (head, "value"), Ending::Counted).await
}
