//! `POST /api/v1/query`: an ObjectQL question, answered as a stream.

use axum::{Extension, Json, body::Body, extract::State, http::HeaderMap, response::IntoResponse};
use quarry_engine::{Error, Query, Session};
use quarry_json::{Numbers, Options};
use serde_json::{Map, Value, json};

use crate::{
    Door, body,
    problem::{Answered, Problem},
    rows::{self, Form, Shape},
};

/// Answers the question in the body. Beside ObjectQL's own keys: `numbers: "float"`, `explain: true`.
pub(crate) async fn answer(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let form = Form::asked(&headers)?;
    let mut question = body::object(&door, &headers, body).await?;
    let options = numbers(&mut question)?;
    let explain = flag(&mut question, "explain")?;
    let query = Query::parse(&Value::Object(question)).map_err(Error::from)?;
    if explain {
        let context = session.context_of(&query).await?;
        let plan = session.engine().planner().explain(&context, &query).await.map_err(Error::from)?;
        return Ok(Json(json!({ "plan": plan })).into_response());
    }
    if form.is_export() {
        session.must_export(&query)?;
    }
    rows::response(session.query(&query).await?, Shape { form, options }).await
}

/// `POST /api/v1/sql`: answers the SQL query in `{"sql"}`. Only queries; changes go over `/api/v1/changes` or the
/// Postgres door.
pub(crate) async fn sql(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let form = Form::asked(&headers)?;
    let mut given = body::object(&door, &headers, body).await?;
    let options = numbers(&mut given)?;
    let Some(Value::String(text)) = given.remove("sql") else {
        return Err(Problem::invalid("\"sql\" is needed, a text").at("sql"));
    };
    if let Some(unknown) = given.keys().next() {
        return Err(Problem::invalid(format!("unknown key {unknown:?}; there are sql, numbers")).at(unknown));
    }
    if form.is_export() {
        session.must_export_all()?;
    }
    rows::response(session.sql(&text).await?, Shape { form, options }).await
}

/// How decimals look: takes `numbers` out of the question.
fn numbers(question: &mut Map<String, Value>) -> Result<Options, Problem> {
    let numbers = match question.remove("numbers") {
        None => Numbers::String,
        Some(Value::String(text)) if text == "string" => Numbers::String,
        Some(Value::String(text)) if text == "float" => Numbers::Float,
        Some(_) => return Err(Problem::invalid("numbers is \"string\" or \"float\"").at("numbers")),
    };
    Ok(Options { numbers })
}

fn flag(question: &mut Map<String, Value>, name: &str) -> Result<bool, Problem> {
    match question.remove(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(flag),
        Some(_) => Err(Problem::invalid(format!("{name} is true or false")).at(name)),
    }
}
