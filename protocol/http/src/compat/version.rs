//! Which state of a record a client means to change: `If-Match` or `expectedVersion`, as a revision or as the time of its last change.

use axum::http::{HeaderMap, StatusCode, header};
use chrono::DateTime;
use quarry_engine::{
    Query, Session,
    objectql::{Filter, Selection},
};
use serde_json::Value;

use super::answer;
use crate::{
    Door,
    objects::{find_one, no_record},
    problem::Problem,
};

/// What a client knows of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Revision(i64),
    /// Microseconds since 1970.
    ChangedAt(i64),
}

/// The revision that a record must have; none when the client does not say.
///
/// # Errors
///
/// 409 when the record was changed since; 400 for what is neither revision nor time.
pub(super) async fn expected(
    door: &Door,
    session: &Session,
    (object, id): (&str, &str),
    told: (&HeaderMap, Option<&Value>),
) -> Result<Option<i64>, Problem> {
    let changed_at = match known(told)? {
        None => return Ok(None),
        Some(Known::Revision(revision)) => return Ok(Some(revision)),
        Some(Known::ChangedAt(micros)) => micros,
    };
    // The revision that is found with that time is held on to: who changes the record meanwhile changes both.
    let select = |path: &str| Selection { path: path.to_owned(), alias: None };
    let query = Query {
        object: object.to_owned(),
        fields: vec![select("revision"), select("updated_at")],
        filter: Some(Filter::id(id)),
        ..Query::default()
    };
    let found = find_one(door, &session.context(), &query).await?;
    let found = answer::record(&found.ok_or_else(|| no_record(object, id))?.json)?;
    let updated_at = found.get("updated_at").and_then(Value::as_str).and_then(micros_of);
    if updated_at != Some(changed_at) {
        let message = format!("{object} {id:?} was changed since; read it again");
        return Err(Problem::new(StatusCode::CONFLICT, "CONCURRENT_UPDATE", message));
    }
    Ok(found.get("revision").and_then(Value::as_i64))
}

fn known((headers, told): (&HeaderMap, Option<&Value>)) -> Result<Option<Known>, Problem> {
    let text = match (headers.get(header::IF_MATCH), told) {
        (Some(value), None) => value.to_str().unwrap_or_default().trim().to_owned(),
        (None, Some(Value::String(text))) => text.trim().to_owned(),
        (None, Some(Value::Number(number))) => number.to_string(),
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(unreadable("expectedVersion")),
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("give If-Match or expectedVersion, not both").at("expectedVersion"));
        }
    };
    if text == "*" {
        return Ok(None);
    }
    let bare = text.trim_start_matches("W/").trim_matches('"');
    let revision = bare.parse().ok().map(Known::Revision);
    let known = revision.or_else(|| micros_of(bare).map(Known::ChangedAt));
    known.map(Some).ok_or_else(|| unreadable(if told.is_some() { "expectedVersion" } else { "If-Match" }))
}

fn unreadable(name: &str) -> Problem {
    Problem::invalid(format!("{name} is the record's revision or its updated_at")).at(name)
}

fn micros_of(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros())
}
