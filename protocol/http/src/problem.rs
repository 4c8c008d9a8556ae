//! What went wrong, as a client reads it: `{"error": {code, message, path?, findings?, requestId}}`.
//!
//! A handler gives a [`Problem`]; the outermost layer, which knows the request id, writes it ([`render`]).

use std::error::Error as _;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use quarry_engine::{Error, ErrorKind, Finding, Warnings};
use serde_json::{Map, Value, json};

use crate::{compat::Manner, warnings};

/// What went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub path: String,
    pub findings: Vec<Finding>,
    /// What was found beside them, and would not have refused anything by itself.
    pub warnings: Option<Box<Warnings>>,
}

/// A handler's answer.
pub(crate) type Answered = Result<Response, Problem>;

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let (path, findings) = (String::new(), Vec::new());
        Self { status, code, message: message.into(), path, findings, warnings: None }
    }

    /// A request that must be changed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST", message)
    }

    /// The same with its place in the request.
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The same after a failed comparison with `If-Match`.
    pub fn of_precondition(mut self) -> Self {
        if self.code == "CONCURRENT_UPDATE" && self.findings.iter().any(|f| f.code == "concurrent_update") {
            self.status = StatusCode::PRECONDITION_FAILED;
        }
        self
    }

    /// As JSON, with the request's id when it is known.
    pub fn to_json(&self, request_id: Option<&str>) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.into());
        error.insert("message".into(), self.message.as_str().into());
        if !self.path.is_empty() {
            error.insert("path".into(), self.path.as_str().into());
        }
        if !self.findings.is_empty() {
            error.insert("findings".into(), self.findings.iter().map(finding).collect());
        }
        if let Some(warnings) = &self.warnings {
            warnings::in_body(warnings, &mut error);
        }
        if let Some(id) = request_id {
            error.insert("requestId".into(), id.into());
        }
        json!({ "error": error })
    }
}

/// A finding as JSON.
pub(crate) fn finding(finding: &Finding) -> Value {
    let mut told = Map::new();
    told.insert("change".into(), finding.change.into());
    told.insert("object".into(), finding.object.as_str().into());
    let optional = [("id", &finding.id), ("field", &finding.field), ("constraint", &finding.constraint)];
    for (name, value) in optional {
        if let Some(value) = value {
            told.insert(name.into(), value.as_str().into());
        }
    }
    told.insert("code".into(), finding.code.as_ref().into());
    told.insert("message".into(), finding.message.as_str().into());
    Value::Object(told)
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = crate::status::of(&error);
        if status.is_server_error() {
            log(&error);
        }
        let message = match error.kind {
            ErrorKind::Internal => "the server failed; its log tells more under this request's id".to_owned(),
            _ => error.message,
        };
        let Error { code, path, findings, warnings, .. } = error;
        Self { status, code, message, path, findings, warnings }
    }
}

/// Tells the server's log of an error with all that led to it.
pub(crate) fn log(error: &Error) {
    let mut causes = Vec::new();
    let mut below = error.source();
    while let Some(cause) = below {
        causes.push(cause.to_string());
        below = cause.source();
    }
    tracing::error!(code = error.code, causes = causes.join(": "), "{error}");
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a response that carries a problem, as clients of that path expect it.
pub(crate) fn render(response: Response, request_id: &str, path: &str) -> Response {
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    let (status, body) = match Manner::of(path) {
        // Refused before the GraphQL door: its clients read errors in a list.
        Manner::Ours if path == "/graphql" => {
            let mut body = problem.to_json(Some(request_id));
            let extensions = json!({ "code": problem.code });
            body["errors"] = json!([{ "message": problem.message, "extensions": extensions }]);
            (problem.status, body)
        }
        Manner::Ours => (problem.status, problem.to_json(Some(request_id))),
        manner => manner.told(&problem, path),
    };
    let mut rendered = (status, axum::Json(body)).into_response();
    let headers = rendered.headers_mut();
    if Manner::of(path) == Manner::Scim {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(crate::scim::MEDIA_TYPE));
    }
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            headers.insert(name.clone(), value.clone());
        }
    }
    match status {
        StatusCode::UNAUTHORIZED => {
            let challenge = HeaderValue::from_static(
                "Bearer realm=\"quarry\", Basic realm=\"quarry\", charset=\"UTF-8\"",
            );
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    rendered
}
