//! `POST /api/v1/data/:object/:id/clone`: a new record with what another one has, and what the body says otherwise.
//!
//! The record is read by who asks, and made as any other is. So nothing is copied that he may not see, and what he sees masked is
//! not written as if it were the value: it is left out, and named.

use axum::{
    Extension,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use quarry_engine::{
    Query, Session, Views,
    objectql::{Filter, Selection},
};
use quarry_metadata::{Field, FieldKind};
use serde_json::{Map, Value};

use super::{
    answer, data,
    names::{Names, View},
    write::Writer,
};
use crate::{
    Door, body,
    objects::{find_one, no_record},
    problem::{Answered, Problem},
};

/// `201`, `{object, id, sourceId, record, droppedFields?}`.
pub(super) async fn clone(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let overrides = body::object_or_nothing(&door, &headers, body).await?;
    let context = session.context();
    let names = Names::of(&context.views);
    let view = names.object(&object)?;
    if view.object.uncloned {
        let message = format!("no copies are made of {} (enable: {{clone: false}})", view.object.name);
        return Err(Problem::new(StatusCode::FORBIDDEN, "CLONE_DISABLED", message));
    }
    let overrides = names.data(view, overrides)?;
    let Copied { fields, left_out } = copied(&context.views, view, &overrides);
    let query = Query {
        object: view.object.name.to_string(),
        fields,
        filter: Some(Filter::id(id.clone())),
        ..Query::default()
    };
    let found = find_one(&door, &context, &query).await?.ok_or_else(|| no_record(&query.object, &id))?;
    let mut record = values(view, answer::record(&found.json)?);
    record.extend(overrides);
    let prepared = Writer::of(&context.views).create(&query.object, record)?;
    let beside = data::Beside { source: Some(id), left_out };
    data::written(&door, &session, prepared, (StatusCode::CREATED, beside)).await
}

/// What is read of a record to make another.
struct Copied {
    fields: Vec<Selection>,
    /// The names of fields that a record may have, and that are not copied.
    left_out: Vec<String>,
}

fn copied(views: &Views, view: &View, overrides: &Map<String, Value>) -> Copied {
    let shape = views.policies.shape();
    let mut copied = Copied { fields: vec![selection("id")], left_out: Vec::new() };
    let is_made = |field: &Field| {
        let is_computed = matches!(field.kind, FieldKind::AutoNumber { .. } | FieldKind::Formula { .. });
        field.system || is_computed || field.summary.is_some() || field.name.as_str() == "id"
    };
    for field in view.object.fields.values().filter(|field| !is_made(field)) {
        let name = field.name.as_str();
        if overrides.contains_key(name) || view.writable(name).is_none() {
            continue;
        }
        // A content goes into one record only; what is masked, or written alone, is not known; what he may not give, he does not.
        let is_given = field.is_client_written() && shape.field(&view.object, field).creates;
        let is_given = is_given && field.kind.content().is_none();
        match is_given && view.shows_in_full(field) {
            true => copied.fields.push(selection(name)),
            false => copied.left_out.push(name.to_owned()),
        }
    }
    copied
}

/// Its values. One that it has not is said only where a new record would get a default.
fn values(view: &View, record: Value) -> Map<String, Value> {
    let Value::Object(mut record) = record else { return Map::new() };
    record.shift_remove("id");
    let has_default = |name: &str| view.object.field(name).is_some_and(|field| field.default.is_some());
    record.retain(|name, value| !value.is_null() || has_default(name));
    record
}

fn selection(path: &str) -> Selection {
    Selection { path: path.to_owned(), alias: None }
}
