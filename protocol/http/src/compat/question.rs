//! Questions of a query string (with bare `field=value`) or of a body, over names of any casing.

use axum::http::StatusCode;
use quarry_engine::{
    Error, Query, Session, Views,
    objectql::{Filter, Operand, Operator},
};
use quarry_metadata::{Field, FieldKind};
use serde_json::{Map, Value};

use super::names::Names;
use crate::problem::Problem;

/// What JavaScript makes of an object that is put into a query string.
const NO_VALUE: &str = "[object Object]";

/// Every parameter of a list: its spellings, and its key in ObjectQL.
const PARAMETERS: [(&[&str], &str, Form); 12] = [
    (&["filter", "where", "filters", "$filter"], "where", Form::Text),
    (&["select", "fields", "$select"], "fields", Form::Text),
    (&["sort", "orderBy", "$orderby"], "orderBy", Form::Text),
    (&["top", "limit", "$top"], "limit", Form::Number),
    (&["skip", "offset", "$skip"], "offset", Form::Number),
    (&["expand", "populate", "$expand"], "expand", Form::Text),
    (&["search", "$search"], "search", Form::Word),
    (&["searchFields", "$searchFields"], "searchFields", Form::Text),
    (&["count", "$count"], "count", Form::Flag),
    (&["groupBy"], "groupBy", Form::Names),
    (&["aggregations"], "aggregations", Form::Text),
    (&["having"], "having", Form::Text),
];

#[derive(Clone, Copy)]
enum Form {
    /// JSON where it looks so, else a text that the language itself reads.
    Text,
    /// As that, or names with commas between them.
    Names,
    Number,
    /// A text, whatever it looks like.
    Word,
    Flag,
}

/// The question that a list's query string asks. What is no parameter is a field, and its value what it must equal.
///
/// # Errors
///
/// What is neither parameter nor field, what can't be read, what is given twice with different values.
pub(super) fn of_list(session: &Session, object: &str, given: &[(String, String)]) -> Result<Query, Problem> {
    let context = session.context();
    let names = Names::of(&context.views);
    let view = names.object(object)?;
    let mut question = Map::new();
    let mut equals = Vec::new();
    for (name, value) in given {
        let Some((_, key, form)) = PARAMETERS.iter().find(|(known, ..)| known.contains(&name.as_str()))
        else {
            let field = names.field(view, name).ok_or_else(|| unknown(name, view.object.name.as_str()))?;
            equals.push(equality(field, name, value)?);
            continue;
        };
        let value = read(*form, name, value)?;
        match question.get(*key) {
            Some(other) if *other != value => {
                let message = format!("{name} and another name of it are given with different values");
                return Err(Problem::invalid(message).at(name));
            }
            _ => question.insert((*key).to_owned(), value),
        };
    }
    let mut query = of_body(&context.views, object, question)?;
    if !equals.is_empty() {
        equals.extend(query.filter.take());
        query.filter = Some(Filter::And(equals));
    }
    Ok(query)
}

/// The question in a body, about the object of the path.
///
/// # Errors
///
/// `QUERY_OBJECT_MISMATCH` when it names another; what [`Query::parse`] refuses.
pub(super) fn of_body(views: &Views, object: &str, mut body: Map<String, Value>) -> Result<Query, Problem> {
    let names = Names::of(views);
    let view = names.object(object)?;
    if let Some(told) = body.remove("object") {
        let is_same = told
            .as_str()
            .is_some_and(|told| names.object(told).is_ok_and(|other| other.object.name == view.object.name));
        if !is_same {
            let message = format!("the question is about {told}, the path about {object:?}");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "QUERY_OBJECT_MISMATCH", message).at("object"));
        }
    }
    body.insert("object".into(), object.into());
    let mut query = Query::parse(&Value::Object(body)).map_err(Error::from)?;
    names.question(&mut query)?;
    Ok(query)
}

/// A filter in any of its forms, about an object; nothing given is refused, so that no missing key widens a change.
///
/// # Errors
///
/// What [`Filter::parse`] refuses.
pub(super) fn filter(views: &Views, object: &str, json: &Value, at: &str) -> Result<Filter, Problem> {
    let names = Names::of(views);
    let view = names.object(object)?;
    let read = match json {
        Value::String(text) => serde_json::from_str(text)
            .map_err(|error| Problem::invalid(format!("{at} is not JSON: {error}")).at(at))?,
        other => other.clone(),
    };
    let mut filter = Filter::parse(&read).map_err(Error::from)?;
    names.predicate(view, &mut filter);
    Ok(filter)
}

fn read(form: Form, name: &str, value: &str) -> Result<Value, Problem> {
    let is_json = value.trim_start().starts_with(['{', '[']) && value != NO_VALUE;
    match form {
        Form::Text | Form::Names if is_json => serde_json::from_str(value)
            .map_err(|error| Problem::invalid(format!("{name} is not JSON: {error}")).at(name)),
        Form::Text | Form::Word => Ok(value.into()),
        Form::Names => Ok(value.split(',').map(str::trim).map(Value::from).collect()),
        Form::Number => match value.parse::<u64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(Problem::invalid(format!("{name} is a whole number, not {value:?}")).at(name)),
        },
        Form::Flag => match value {
            "true" | "1" | "" => Ok(true.into()),
            "false" | "0" => Ok(false.into()),
            _ => Err(Problem::invalid(format!("{name} is true or false, not {value:?}")).at(name)),
        },
    }
}

/// That a field has the value of a query string. An object that became a text on its way is no value.
fn equality(field: &Field, name: &str, value: &str) -> Result<Filter, Problem> {
    if value == NO_VALUE {
        let message =
            format!("{name} came as {NO_VALUE:?}: send filter=<JSON>, or the question to …/query by POST");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "INVALID_FILTER", message).at(name));
    }
    let value = match (field.kind.of_values(), value) {
        (FieldKind::Boolean, "true") => true.into(),
        (FieldKind::Boolean, "false") => false.into(),
        (_, text) => Value::from(text),
    };
    let path = field.name.to_string();
    Ok(Filter::Compare { path, operator: Operator::Eq, operand: Operand::Value(value), at: name.to_owned() })
}

fn unknown(name: &str, object: &str) -> Problem {
    let known: Vec<&str> = PARAMETERS.iter().filter_map(|(names, ..)| names.first().copied()).collect();
    let message = format!("{name:?} is no parameter ({}) and no field of {object}", known.join(", "));
    Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message).at(name)
}
