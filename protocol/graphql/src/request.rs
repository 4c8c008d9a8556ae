//! A GraphQL request as HTTP brings it.

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use crate::{
    error::{Failure, Fault, Result},
    media::is_json,
    values::nearest,
};

/// What was asked.
#[derive(Debug, PartialEq)]
pub(crate) struct Question {
    pub query: String,
    pub operation_name: Option<String>,
    pub variables: Map<String, Value>,
    /// By a method that changes nothing.
    pub reads_only: bool,
}

const PARAMETERS: [&str; 4] = ["query", "operationName", "variables", "extensions"];

impl Question {
    /// The body of a POST.
    ///
    /// # Errors
    ///
    /// `MediaType`, `Request`.
    pub fn from_body(headers: &HeaderMap, body: &[u8]) -> Result<Self> {
        if !is_json(headers) {
            let message = "the body must be JSON in UTF-8, with \"Content-Type: application/json\"";
            return Err(Failure::new(Fault::MediaType, message));
        }
        let parameters = match serde_json::from_slice(body) {
            Ok(Value::Object(parameters)) => parameters,
            Ok(Value::Array(_)) => {
                return Err(malformed(
                    "batches of requests are not offered; send one request, or one operation with several fields",
                ));
            }
            Ok(_) => return Err(malformed("the body must be a JSON object with \"query\"")),
            Err(error) => return Err(malformed(format!("the body is no JSON: {error}"))),
        };
        Self::from_parameters(parameters, false)
    }

    /// The parameters of a GET: as those of a POST, with variables and extensions as JSON text.
    ///
    /// # Errors
    ///
    /// `Request`.
    pub fn from_query_string(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut parameters = Map::new();
        for (name, text) in pairs {
            let value = match name.as_str() {
                "variables" | "extensions" if text.is_empty() => Value::Null,
                "variables" | "extensions" => serde_json::from_str(&text)
                    .map_err(|error| malformed(format!("parameter \"{name}\" is no JSON: {error}")))?,
                _ => Value::String(text),
            };
            if parameters.insert(name.clone(), value).is_some() {
                return Err(malformed(format!("parameter \"{name}\" is given twice")));
            }
        }
        Self::from_parameters(parameters, true)
    }

    fn from_parameters(mut parameters: Map<String, Value>, reads_only: bool) -> Result<Self> {
        if let Some(name) = parameters.keys().find(|name| !PARAMETERS.contains(&name.as_str())) {
            let hint = nearest(name, PARAMETERS.into_iter());
            return Err(malformed(format!("there is no parameter \"{name}\"{hint}")));
        }
        let query = match parameters.shift_remove("query") {
            Some(Value::String(query)) => query,
            Some(_) => return Err(malformed("parameter \"query\" must be a text")),
            None => return Err(malformed("parameter \"query\" is required")),
        };
        let operation_name = match parameters.shift_remove("operationName") {
            Some(Value::String(name)) if name.is_empty() => None,
            Some(Value::String(name)) => Some(name),
            None | Some(Value::Null) => None,
            Some(_) => return Err(malformed("parameter \"operationName\" must be a text")),
        };
        let variables = object(&mut parameters, "variables")?;
        object(&mut parameters, "extensions")?;
        Ok(Self { query, operation_name, variables, reads_only })
    }
}

fn object(parameters: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>> {
    match parameters.shift_remove(name) {
        Some(Value::Object(object)) => Ok(object),
        None | Some(Value::Null) => Ok(Map::new()),
        Some(_) => Err(malformed(format!("parameter \"{name}\" must be an object"))),
    }
}

fn malformed(message: impl Into<String>) -> Failure {
    Failure::new(Fault::Request, message)
}
