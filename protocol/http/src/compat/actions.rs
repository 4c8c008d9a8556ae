//! `POST /api/v1/actions/:object/:action[/:id]`: an action of a record. The body is `{recordId?, params?}`, as the published client
//! sends it, or the parameters themselves.

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Method, Uri},
    response::IntoResponse,
};
use quarry_engine::{Operation, Session, Views};
use serde_json::{Map, Value, json};

use super::{
    absent,
    names::Names,
    rpc::object_of,
    write::{self, Wish, Writer},
};
use crate::{
    Door, body,
    changes::record,
    problem::{Answered, Problem},
};

/// What a body may say beside an action's own parameters.
const ENVELOPE: [&str; 2] = ["recordId", "params"];

/// An action whose record is in the body.
pub(super) async fn invoke(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, action)): Path<(String, String)>,
    (method, uri): (Method, Uri),
    headers: HeaderMap,
    body: Body,
) -> Answered {
    if object == "global" && session.context().views.get(&object).is_none() {
        return Err(absent::not_built(&method, &uri, "an action is of one record"));
    }
    let given = body::object(&door, &headers, body).await?;
    let (id, parameters) = parts(&session.context().views, (&object, &action), given)?;
    let id =
        id.ok_or_else(|| Problem::invalid("an action is of one record: give recordId").at("recordId"))?;
    act(&door, &session, (object, action, id), parameters).await
}

/// An action whose record is in the path.
pub(super) async fn invoke_on(
    State(door): State<Door>,
    Extension(session): Extension<Session>,
    Path((object, action, id)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Answered {
    let given = body::object_or_nothing(&door, &headers, body).await?;
    let (told, parameters) = parts(&session.context().views, (&object, &action), given)?;
    if told.is_some_and(|told| told != id) {
        return Err(Problem::invalid("recordId is another record than the path's").at("recordId"));
    }
    act(&door, &session, (object, action, id), parameters).await
}

/// The record and the parameters of a body. One that has nothing but `recordId` and `params` is taken apart, unless the action has a
/// parameter of such a name itself.
fn parts(
    views: &Views,
    (object, action): (&str, &str),
    mut given: Map<String, Value>,
) -> Result<(Option<String>, Map<String, Value>), Problem> {
    let view = Names::of(views).object(object)?;
    let declared = views.registry.rules.get(&view.object.name).and_then(|rules| rules.actions.get(action));
    let is_own = |name: &str| declared.is_some_and(|action| action.parameters.contains_key(name));
    let is_envelope = given.keys().all(|key| ENVELOPE.contains(&key.as_str()) && !is_own(key));
    if !is_envelope {
        return Ok((None, given));
    }
    let id = match given.remove("recordId") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id),
        Some(_) => return Err(Problem::invalid("recordId is a text").at("recordId")),
    };
    Ok((id, object_of(given.remove("params").unwrap_or(Value::Null))?))
}

/// What the action returns, and the record as it is then.
async fn act(
    door: &Door,
    session: &Session,
    (object, action, id): (String, String, String),
    parameters: Map<String, Value>,
) -> Answered {
    let operation = Operation::Act { id: id.clone(), action, parameters: record(parameters) };
    let prepared = Writer::of(&session.context().views).plain(&object, None, operation)?;
    let object = prepared.change.object.clone();
    let wish = Wish { records: true, ..Wish::default() };
    let done = write::apply(door, session, vec![prepared.change], wish).await?;
    let returned = done.outcomes.first().and_then(|outcome| outcome.returned.clone()).unwrap_or_default();
    let data = json!({ "object": object, "id": id, "record": done.record(0)?, "returned": returned });
    let mut response = Json(json!({ "success": true, "data": data })).into_response();
    done.tell(response.headers_mut(), &[]);
    Ok(response)
}
