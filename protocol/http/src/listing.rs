//! A list's query string as ObjectQL: `filter`, `select`, `sort`, `limit`, `offset`, `expand`, `search`, `count`, with the
//! other spellings that clients of the family use. A parameter that is not known is refused.

use axum::http::StatusCode;
use quarry_engine::{Error, Query};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// Every parameter: its spellings, and its key in ObjectQL.
const PARAMETERS: [(&[&str], &str, Form); 8] = [
    (&["filter", "where", "filters", "$filter"], "where", Form::Json),
    (&["select", "fields", "$select"], "fields", Form::Names),
    (&["sort", "orderBy", "$orderby"], "orderBy", Form::Names),
    (&["limit", "top", "$top"], "limit", Form::Number),
    (&["offset", "skip", "$skip"], "offset", Form::Number),
    (&["expand", "$expand"], "expand", Form::Names),
    (&["search", "$search", "q"], "search", Form::Text),
    (&["count", "$count"], "count", Form::Flag),
];

#[derive(Clone, Copy)]
enum Form {
    /// JSON.
    Json,
    /// Names with commas between them, or JSON.
    Names,
    Number,
    Text,
    Flag,
}

/// The question of a query string about an object.
///
/// # Errors
///
/// What is not known or can't be read, with its name.
pub(crate) fn query(object: &str, given: &[(String, String)]) -> Result<Query, Problem> {
    let mut question = Map::new();
    question.insert("object".into(), object.into());
    for (name, value) in given {
        let Some((_, key, form)) = PARAMETERS.iter().find(|(names, ..)| names.contains(&name.as_str()))
        else {
            let known: Vec<&str> =
                PARAMETERS.iter().filter_map(|(names, ..)| names.first().copied()).collect();
            let message = format!("unknown parameter {name:?}; known are {}", known.join(", "));
            return Err(Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_QUERY_PARAM", message).at(name));
        };
        if question.insert((*key).to_owned(), read(*form, name, value)?).is_some() {
            return Err(Problem::invalid(format!("{name} is given twice")).at(name));
        }
    }
    Ok(Query::parse(&Value::Object(question)).map_err(Error::from)?)
}

fn read(form: Form, name: &str, value: &str) -> Result<Value, Problem> {
    let is_json = value.trim_start().starts_with(['{', '[']);
    match form {
        Form::Json => json(name, value),
        Form::Names if is_json => json(name, value),
        Form::Names => {
            Ok(value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect())
        }
        Form::Number => match value.parse::<u64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => Err(Problem::invalid(format!("{name} is a whole number, not {value:?}")).at(name)),
        },
        Form::Text => {
            let mut search = Map::new();
            search.insert("query".into(), value.into());
            Ok(Value::Object(search))
        }
        Form::Flag => match value {
            "true" | "1" | "" => Ok(true.into()),
            "false" | "0" => Ok(false.into()),
            _ => Err(Problem::invalid(format!("{name} is true or false, not {value:?}")).at(name)),
        },
    }
}

fn json(name: &str, value: &str) -> Result<Value, Problem> {
    serde_json::from_str(value)
        .map_err(|error| Problem::invalid(format!("{name} is not JSON: {error}")).at(name))
}
