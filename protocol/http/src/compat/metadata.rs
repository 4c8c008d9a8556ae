//! `/api/v1/meta…`: the objects as packages declare them, in the form of this family: fields by name.

use axum::{
    Extension, Json,
    extract::{Path, Query as UrlQuery},
    http::StatusCode,
    response::IntoResponse,
};
use quarry_engine::Session;
use quarry_metadata::rules::StateMachine;
use serde_json::{Map, Value, json};

use super::names::{Names, View};
use crate::{
    meta,
    problem::{Answered, Problem},
};

/// The kinds of metadata that can be read.
pub(super) async fn kinds() -> Json<Value> {
    Json(json!({ "types": ["object"] }))
}

type Parameters = UrlQuery<Vec<(String, String)>>;

/// Every object, or those of one package.
pub(super) async fn list(Extension(session): Extension<Session>, UrlQuery(given): Parameters) -> Answered {
    let package = only(&given, "package")?;
    let mut items = definitions(&session);
    items.retain(|item| package.is_none_or(|package| item["package"] == package));
    Ok(Json(json!({ "type": "object", "items": items })).into_response())
}

/// One object.
pub(super) async fn one(
    Extension(session): Extension<Session>,
    Path(name): Path<String>,
    UrlQuery(given): Parameters,
) -> Answered {
    let package = only(&given, "package")?;
    let item = definition(&session, &name)?;
    if package.is_some_and(|package| item["package"] != package) {
        let message = format!("{name} is of the package {}", item["package"]);
        return Err(Problem::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", message).at("package"));
    }
    Ok(Json(json!({ "type": "object", "name": item["name"], "item": item })).into_response())
}

/// Every object that the session sees, with its fields.
pub(super) fn definitions(session: &Session) -> Vec<Value> {
    let context = session.context();
    let views = context.views.objects.values();
    views.map(|view| by_name(meta::object_of(&context.views, view, &context.locale))).collect()
}

/// One of them.
///
/// # Errors
///
/// 404 when it is not there.
pub(super) fn definition(session: &Session, name: &str) -> Result<Value, Problem> {
    let context = session.context();
    let view = Names::of(&context.views).object(name)?;
    Ok(by_name(meta::object_of(&context.views, view, &context.locale)))
}

/// The same with fields and actions by their names.
fn by_name(mut object: Value) -> Value {
    for list in ["fields", "actions"] {
        let Some(Value::Array(items)) = object.get_mut(list).map(Value::take) else { continue };
        let named =
            items.into_iter().map(|item| (item["name"].as_str().unwrap_or_default().to_owned(), item));
        object[list] = Value::Object(named.collect());
    }
    object
}

/// `{object, field, from?, next}`: what may follow the state `from`, or what a new record may have. `next` is null where no
/// machine rules the field, and empty where nothing follows.
pub(super) async fn state(
    Extension(session): Extension<Session>,
    Path((name, field)): Path<(String, String)>,
    UrlQuery(given): Parameters,
) -> Answered {
    let from = only(&given, "from")?;
    let context = session.context();
    let names = Names::of(&context.views);
    let view = names.object(&name)?;
    let field = names.field(view, &field).ok_or_else(|| {
        let message = format!("{} has no field {field:?}", view.object.name);
        Problem::new(StatusCode::NOT_FOUND, "FIELD_NOT_FOUND", message)
    })?;
    let rules = context.views.registry.rules.get(&view.object.name);
    let machines = rules.into_iter().flat_map(|rules| &rules.machines);
    let machines: Vec<&StateMachine> = machines.filter(|machine| machine.field == field.name).collect();
    let mut told = Map::new();
    told.insert("object".into(), view.object.name.as_str().into());
    told.insert("field".into(), field.name.as_str().into());
    if let Some(from) = from {
        must_be_option(view, field.name.as_str(), from)?;
        told.insert("from".into(), from.into());
    }
    told.insert("next".into(), next(view, field.name.as_str(), &machines, from));
    Ok(Json(told).into_response())
}

/// The one parameter that a query string may have.
///
/// # Errors
///
/// Any other, and one that comes twice.
pub(super) fn only<'g>(given: &'g [(String, String)], known: &str) -> Result<Option<&'g str>, Problem> {
    match given {
        [] => Ok(None),
        [(key, value)] if key == known => Ok(Some(value)),
        [(key, _), ..] => {
            let message = format!("unknown or repeated parameter {key:?}; known is {known}");
            Err(Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message).at(key))
        }
    }
}

/// The states that every machine of the field lets follow, those that only warn among them.
fn next(view: &View, field: &str, machines: &[&StateMachine], from: Option<&str>) -> Value {
    if machines.is_empty() {
        return Value::Null;
    }
    let allowed = |state: &str| {
        machines.iter().all(|machine| match from {
            Some(from) => from != state && machine.may_follow(from, state),
            None => machine.may_begin(state),
        })
    };
    options(view, field).into_iter().filter(|state| allowed(state)).map(Value::from).collect()
}

fn must_be_option(view: &View, field: &str, from: &str) -> Result<(), Problem> {
    let options = options(view, field);
    if options.is_empty() || options.contains(&from) {
        return Ok(());
    }
    let near = quarry_metadata::nearest::did_you_mean(from, options.iter().copied());
    Err(Problem::invalid(format!("{from:?} is none of the options of {field}{near}")).at("from"))
}

fn options<'v>(view: &'v View, field: &str) -> Vec<&'v str> {
    use quarry_metadata::FieldKind::{MultiSelect, Select};
    match view.object.field(field).map(|field| &field.kind) {
        Some(Select { options } | MultiSelect { options }) => {
            options.iter().map(|option| option.value.as_str()).collect()
        }
        _ => Vec::new(),
    }
}
