//! GraphQL errors, and the one table of their codes.

use async_graphql::{Pos, ServerError};
use axum::http::StatusCode;
use quarry_engine::{Error as EngineError, ErrorKind, Finding};
use quarry_metadata::naming::camel_case;
use serde_json::{Map, Value, json};

use crate::media::Media;

/// What is wrong with a request before anything runs; a code and a kind for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The HTTP request is not a GraphQL request.
    Request,
    /// An operation that this method may not run.
    Method,
    /// A body of more bytes than the door takes.
    TooLarge,
    /// A body of a kind that is not read here.
    MediaType,
    /// An answer of a kind that is not written here.
    NotAcceptable,
    /// The document can't be read.
    Syntax,
    /// The document does not fit the schema.
    Validation,
    /// A variable or an argument has a value that does not fit.
    Value,
    /// Who are you?
    Unauthenticated,
    /// Ask for less.
    Limit,
    /// Not offered.
    Unsupported,
    /// A bug here.
    Internal,
}

impl Fault {
    fn code_and_kind(self) -> (&'static str, &'static str) {
        match self {
            Fault::Request => ("BAD_REQUEST", "INVALID"),
            Fault::Method => ("METHOD_NOT_ALLOWED", "INVALID"),
            Fault::TooLarge => ("BODY_TOO_LARGE", "LIMITED"),
            Fault::MediaType => ("UNSUPPORTED_MEDIA_TYPE", "INVALID"),
            Fault::NotAcceptable => ("NOT_ACCEPTABLE", "INVALID"),
            Fault::Syntax => ("GRAPHQL_PARSE_FAILED", "INVALID"),
            Fault::Validation => ("GRAPHQL_VALIDATION_FAILED", "INVALID"),
            Fault::Value => ("BAD_USER_INPUT", "INVALID"),
            Fault::Unauthenticated => ("UNAUTHENTICATED", "UNAUTHENTICATED"),
            Fault::Limit => ("LIMIT_EXCEEDED", "LIMITED"),
            Fault::Unsupported => ("UNSUPPORTED", "INVALID"),
            Fault::Internal => ("INTERNAL", "INTERNAL"),
        }
    }
}

/// The status of a request that was not run (GraphQL over HTTP, 6.4): with `application/json`, what is wrong with the
/// GraphQL in a well-formed request is told in a 200.
pub(crate) fn status(code: &str, media: Media) -> StatusCode {
    match (code, media) {
        ("BAD_REQUEST", _) => StatusCode::BAD_REQUEST,
        ("METHOD_NOT_ALLOWED", _) => StatusCode::METHOD_NOT_ALLOWED,
        ("BODY_TOO_LARGE", _) => StatusCode::PAYLOAD_TOO_LARGE,
        ("UNSUPPORTED_MEDIA_TYPE", _) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ("NOT_ACCEPTABLE", _) => StatusCode::NOT_ACCEPTABLE,
        ("UNAUTHENTICATED", _) => StatusCode::UNAUTHORIZED,
        ("INTERNAL", _) => StatusCode::INTERNAL_SERVER_ERROR,
        (_, Media::GraphqlResponse) => StatusCode::BAD_REQUEST,
        (_, Media::Json) => StatusCode::OK,
    }
}

/// The engine's kinds as clients see them; the code beside them is the engine's own, else the kind.
fn kind_name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "INVALID",
        ErrorKind::Missing => "MISSING",
        ErrorKind::Unauthenticated => "UNAUTHENTICATED",
        ErrorKind::Denied => "DENIED",
        ErrorKind::Violated => "VIOLATED",
        ErrorKind::Conflict => "CONFLICT",
        ErrorKind::Limited => "LIMITED",
        ErrorKind::Cancelled => "CANCELLED",
        ErrorKind::Unavailable => "UNAVAILABLE",
        ErrorKind::Internal => "INTERNAL",
    }
}

/// One entry of a response's `errors`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub message: String,
    pub locations: Vec<Pos>,
    pub path: Vec<Value>,
    pub extensions: Box<Map<String, Value>>,
}

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        let (code, kind) = fault.code_and_kind();
        Self::coded(code, kind, message.into())
    }

    fn coded(code: &str, kind: &str, message: String) -> Self {
        let extensions =
            Box::new(Map::from_iter([("code".into(), json!(code)), ("kind".into(), json!(kind))]));
        Self { message, locations: Vec::new(), path: Vec::new(), extensions }
    }

    /// Whether the user may not do or see what was asked for.
    pub fn is_denial(&self) -> bool {
        self.extensions.get("kind").is_some_and(|kind| kind == "DENIED")
    }

    pub fn at(mut self, position: Pos) -> Self {
        if self.locations.is_empty() {
            self.locations.push(position);
        }
        self
    }

    /// The root field it belongs to.
    pub fn under(mut self, key: &str) -> Self {
        if self.path.is_empty() {
            self.path.push(json!(key));
        }
        self
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extensions.insert(name.into(), value.into());
        self
    }

    /// A server's own trouble: told in the log, not to the client.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "graphql: internal error");
        Self::new(Fault::Internal, "internal error; the server's log has the details")
    }

    /// What the library found while reading or checking a document.
    pub fn from_server(error: &ServerError, fault: Fault) -> Self {
        let failure = Self::new(fault, error.message.clone());
        Self { locations: error.locations.clone(), ..failure }
    }

    /// An error of the engine that is not about single values.
    pub fn from_engine(error: &EngineError) -> Self {
        let kind = kind_name(error.kind);
        if error.kind == ErrorKind::Internal {
            tracing::error!(%error, source = ?error.source, "graphql: the engine failed");
        }
        let code = if error.code.is_empty() { kind } else { error.code };
        let failure = Self::coded(code, kind, error.message.clone());
        if error.path.is_empty() { failure } else { failure.with("at", error.path.clone()) }
    }

    /// One finding in a change's data; fields by their GraphQL names.
    pub fn from_finding(error: &EngineError, finding: &Finding) -> Self {
        Self::coded(error.code, kind_name(error.kind), finding.message.clone()).of(finding)
    }

    /// What a finding says that stands in nobody's way; the code is the rule's.
    pub fn from_warning(finding: &Finding) -> Self {
        Self::coded(&finding.code, "WARNING", finding.message.clone()).of(finding)
    }

    fn of(self, finding: &Finding) -> Self {
        let failure = self
            .with("object", finding.object.clone())
            .with("field", finding.field.as_deref().map(camel_case))
            .with("rule", finding.code.to_string());
        let failure = match &finding.id {
            Some(id) => failure.with("id", id.clone()),
            None => failure,
        };
        match &finding.constraint {
            Some(constraint) => failure.with("constraint", constraint.clone()),
            None => failure,
        }
    }

    /// Its stable code.
    pub fn code(&self) -> &str {
        self.extensions.get("code").and_then(Value::as_str).unwrap_or("")
    }

    /// Its form in a response.
    pub fn to_json(&self) -> Value {
        let mut entry = Map::from_iter([("message".to_owned(), json!(self.message))]);
        if !self.locations.is_empty() {
            let places = self.locations.iter().map(|pos| json!({"line": pos.line, "column": pos.column}));
            entry.insert("locations".into(), places.collect());
        }
        if !self.path.is_empty() {
            entry.insert("path".into(), Value::Array(self.path.clone()));
        }
        entry.insert("extensions".into(), Value::Object(Map::clone(&self.extensions)));
        Value::Object(entry)
    }
}

impl From<quarry_json::Error> for Failure {
    fn from(error: quarry_json::Error) -> Self {
        Self::internal(error)
    }
}

impl From<quarry_planner::Error> for Failure {
    fn from(error: quarry_planner::Error) -> Self {
        Self::from_engine(&EngineError::from(error))
    }
}
