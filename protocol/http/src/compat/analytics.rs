//! `/api/v1/analytics/…`: questions in measures and dimensions, as grouped questions. Every object that the session sees is a cube of
//! its name; its measures and dimensions are made of its fields, and nothing of it is written down anywhere.

mod meta;
mod period;
mod selection;

use axum::{Extension, body::Body, extract::State, http::HeaderMap};
pub(super) use meta::meta;
use quarry_engine::Session;
use quarry_json::{Numbers, Options};
use serde_json::{Value, json};

use crate::{
    Door, body,
    problem::{Answered, Problem},
    rows::{self, Envelope, Form, Shape},
};

/// `{cube, measures, dimensions?, where?, timeDimensions?, order?, limit?, offset?, timezone?}`, answered with
/// `{success, data: {rows, fields}}`.
pub(super) async fn query(
    State(door): State<Door>,
    Extension(mut session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let mut given = body::object(&door, &headers, body).await?;
    if let Some(zone) = given.remove("timezone") {
        let known = zone.as_str().and_then(|name| name.parse().ok());
        session.options_mut().time_zone =
            known.ok_or_else(|| Problem::invalid(format!("unknown time zone {zone}")).at("timezone"))?;
    }
    let asked = selection::read(&session.context().views, given)?;
    let answer = session.query(&asked.query).await.map_err(|error| asked.told(error.into()))?;
    let fields = answer.schema.fields().iter().map(|field| {
        let kind = if asked.times.contains(field.name()) { "time" } else { meta::kind_of(field.data_type()) };
        json!({ "name": field.name(), "type": kind })
    });
    let fields = Value::Array(fields.collect());
    let envelope = Envelope {
        head: b"{\"success\":true,\"data\":{\"rows\":[".to_vec(),
        rows_max: None,
        tail: Box::new(move |_| format!("],\"fields\":{fields}}}}}").into_bytes()),
    };
    // What is drawn as a chart is a number; it has all its digits.
    let shape = Shape { form: Form::Json, options: Options { numbers: Numbers::Float } };
    rows::enveloped(answer, shape, envelope).await
}
