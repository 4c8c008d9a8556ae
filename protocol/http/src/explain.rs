//! `GET /api/v1/security/explain?object=…&id=…&user=…`: why someone may do what.

use axum::{
    Extension, Json, Router, extract::Query as UrlQuery, http::StatusCode, response::IntoResponse,
    routing::get,
};
use quarry_engine::{Explained, Session};
use serde_json::{Value, json};

use crate::{
    Door,
    administration::off_thread,
    problem::{Answered, Problem},
};

/// The route.
pub(crate) fn routes() -> Router<Door> {
    Router::new().route("/api/v1/security/explain", get(explain))
}

async fn explain(
    Extension(session): Extension<Session>,
    UrlQuery(given): UrlQuery<Vec<(String, String)>>,
) -> Answered {
    let (mut object, mut id, mut user) = (None, None, None);
    for (name, value) in given {
        let place = match name.as_str() {
            "object" => &mut object,
            "id" => &mut id,
            "user" => &mut user,
            _ => {
                let message = format!("unknown parameter {name:?}; known are object, id, user");
                return Err(
                    Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message).at(name)
                );
            }
        };
        if place.replace(value).is_some() {
            return Err(Problem::invalid(format!("{name} is given twice")).at(name));
        }
    }
    let Some(object) = object else { return Err(Problem::invalid("name an object").at("object")) };
    let told = off_thread(move || session.explain_access(&object, id.as_deref(), user.as_deref())).await?;
    Ok(Json(shown(&told)).into_response())
}

fn shown(told: &Explained) -> Value {
    let acts = told.acts.iter().map(|act| {
        let because = act
            .because
            .iter()
            .map(|said| json!({ "set": said.set, "layer": said.layer, "holds": said.holds }));
        (act.act.to_owned(), json!({ "allowed": act.allowed, "because": because.collect::<Vec<_>>() }))
    });
    json!({
        "user": told.user,
        "admin": told.admin,
        "permissionSets": told.permission_sets,
        "object": told.object,
        "id": told.record,
        "acts": acts.collect::<serde_json::Map<String, Value>>(),
        "fields": { "hidden": told.hidden, "masked": told.masked, "readonly": told.readonly },
    })
}
