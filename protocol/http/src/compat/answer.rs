//! Answers in the forms of these endpoints: lists as they stream, and records.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use quarry_engine::{Answer, Query, Session};
use quarry_json::Options;
use serde_json::{Map, Value, json};

use crate::{
    objects::etag,
    problem::{Answered, Problem},
    rows::{self, Envelope, Form, Seen, Shape},
};

/// What stands behind the rows of a list.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// `total` where it is known, and `hasMore`.
    HasMore,
    /// `count` where it is known, and `hasMore`.
    Counted,
    /// `meta` with the place of the page.
    Page,
}

/// Asks a question whose answer is a list, and streams it: `{…head, "<rows>": […], …}`.
///
/// # Errors
///
/// The planner's.
pub(super) async fn list(
    session: &Session,
    mut query: Query,
    (head, rows): (Map<String, Value>, &str),
    ending: Ending,
) -> Answered {
    let limit = query.limit;
    let is_grouped = !query.group_by.is_empty() || !query.aggregations.is_empty();
    query.count |= is_grouped || (matches!(ending, Ending::Page) && is_part(&query));
    // One record more tells whether there are more.
    query.limit = limit.map(|limit| limit.saturating_add(1));
    let answer = session.query(&query).await?;
    let place = Place { limit, offset: query.offset.unwrap_or(0), count: answer.count };
    let tail = move |seen: Seen| place.told(ending, seen);
    let mut head = Value::Object(head).to_string();
    head.pop();
    let comma = if head.len() > 1 { "," } else { "" };
    head.push_str(&format!("{comma}{}:[", Value::from(rows)));
    let envelope = Envelope { head: head.into_bytes(), rows_max: limit, tail: Box::new(tail) };
    streamed(answer, envelope).await
}

async fn streamed(answer: Answer, envelope: Envelope) -> Answered {
    let shape = Shape { form: Form::Json, options: Options::default() };
    let answer = Answer { next: None, ..answer };
    rows::enveloped(answer, shape, envelope).await
}

/// It may not be all that matches.
fn is_part(query: &Query) -> bool {
    query.limit.is_some() || query.offset.is_some()
}

/// Where a page lies in all that matches.
#[derive(Clone, Copy)]
struct Place {
    limit: Option<u64>,
    offset: u64,
    count: Option<u64>,
}

impl Place {
    fn told(self, ending: Ending, Seen { rows, more }: Seen) -> Vec<u8> {
        let mut told = Map::new();
        match (ending, self.count) {
            (Ending::HasMore, Some(count)) => drop(told.insert("total".into(), count.into())),
            (Ending::Counted, Some(count)) => drop(told.insert("count".into(), count.into())),
            _ => {}
        }
        match ending {
            Ending::HasMore | Ending::Counted => drop(told.insert("hasMore".into(), more.into())),
            Ending::Page => drop(told.insert("meta".into(), self.page(rows, more))),
        }
        format!("],{}", Value::Object(told).to_string().trim_start_matches('{')).into_bytes()
    }

    /// Pages count from 1; all in one page where there is no limit.
    fn page(self, rows: u64, more: bool) -> Value {
        let total = self.count.unwrap_or_else(|| self.offset.saturating_add(rows));
        let size = self.limit.unwrap_or(rows);
        let page = self.offset.checked_div(size).unwrap_or(0).saturating_add(1);
        let pages = if size == 0 { 1 } else { total.div_ceil(size) };
        json!({ "total": total, "page": page, "size": size, "pages": pages, "has_next": more })
    }
}

/// A record from its JSON as it was read.
///
/// # Errors
///
/// `Internal` for what is no JSON, which it always is.
pub(super) fn record(json: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(json).map_err(|error| {
        let message = "a record can't be written";
        quarry_engine::Error::new(quarry_engine::ErrorKind::Internal, "INTERNAL_ERROR", message)
            .caused_by(error)
            .into()
    })
}

/// A record as the older clients take it: its fields, and what it is.
pub(super) fn typed(object: &str, record: Value) -> Value {
    let mut told = Map::new();
    told.insert("@type".into(), object.into());
    if let Value::Object(fields) = record {
        told.extend(fields);
    }
    Value::Object(told)
}

/// An answer in JSON with the record's revision as its `ETag`.
pub(super) fn tagged(status: StatusCode, body: Value, record: &Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    let revision = record.get("revision").and_then(Value::as_i64);
    if let Some(tag) = revision.and_then(|revision| HeaderValue::from_str(&etag(revision)).ok()) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
