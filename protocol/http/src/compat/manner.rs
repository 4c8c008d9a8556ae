//! How an endpoint tells what went wrong. Each family of clients reads errors in its own form; the codes and messages are ours,
//! translated where a family has another word or status for the same.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::problem::{Problem, finding};

/// The form of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// That of our own endpoints.
    Ours,
    /// `{"error", "code", "fields", "object"}`.
    Bare,
    /// `{"success": false, "error": {"code", "message", "details"}}`.
    Enveloped,
    /// `{"error": {"code", "message", "details"}}` with the codes of the older clients.
    Older,
    /// SCIM's.
    Scim,
}

/// What a path begins with, and the manner of what is there; the first that fits holds.
const MANNERS: [(&str, Manner); 29] = [
    ("/scim", Manner::Scim),
    ("/api/v1/data", Manner::Bare),
    ("/api/v1/batch", Manner::Bare),
    ("/api/v1/meta/objects", Manner::Ours),
    ("/api/v1/meta", Manner::Bare),
    ("/api/v1/search", Manner::Bare),
    ("/api/v1/sharing", Manner::Bare),
    ("/api/v1/share-links", Manner::Bare),
    ("/api/v1/approvals", Manner::Bare),
    ("/api/v1/reports", Manner::Bare),
    ("/api/v1/forms", Manner::Bare),
    ("/api/v1/notifications", Manner::Bare),
    ("/api/v1/i18n", Manner::Bare),
    ("/api/v1/keys", Manner::Bare),
    ("/api/v1/ui", Manner::Bare),
    ("/api/v1/actions", Manner::Enveloped),
    ("/api/v1/analytics", Manner::Enveloped),
    ("/api/v1/automation", Manner::Enveloped),
    ("/api/v1/security", Manner::Enveloped),
    ("/api/v1/mcp", Manner::Enveloped),
    ("/api/objectql", Manner::Older),
    ("/api/query", Manner::Older),
    ("/api/command", Manner::Older),
    ("/api/data", Manner::Older),
    ("/api/metadata", Manner::Older),
    ("/api/sync", Manner::Older),
    ("/api/execute", Manner::Older),
    ("/rpc", Manner::Older),
    ("/odata", Manner::Older),
];

impl Manner {
    /// That of the endpoint at a path.
    pub fn of(path: &str) -> Manner {
        let is_at = |(at, _): &&(&str, Manner)| {
            path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        MANNERS.iter().find(is_at).map_or(Manner::Ours, |(_, manner)| *manner)
    }

    /// A problem in this form, with its status.
    pub fn told(self, problem: &Problem, path: &str) -> (StatusCode, Value) {
        let (status, code) = translated(problem);
        match self {
            Manner::Ours => (problem.status, problem.to_json(None)),
            Manner::Scim => crate::scim::told(problem),
            Manner::Bare => (status, Value::Object(bare(problem, code, object_of(problem, path)))),
            Manner::Enveloped => {
                let error =
                    json!({ "code": code, "message": problem.message, "details": details(problem, None) });
                (status, json!({ "success": false, "error": error }))
            }
            Manner::Older => {
                let details = details(problem, Some(code));
                let error = json!({ "code": older_code(status, code), "message": problem.message, "details": details });
                (status, json!({ "error": error }))
            }
        }
    }
}

/// The members of an error of the data endpoints.
pub(super) fn bare(problem: &Problem, code: &str, object: Option<&str>) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("error".into(), problem.message.as_str().into());
    told.insert("code".into(), code.into());
    if !problem.path.is_empty() {
        told.insert("path".into(), problem.path.as_str().into());
    }
    let fields = fields(problem);
    if !fields.is_empty() {
        told.insert("fields".into(), fields.into());
    }
    if let Some(object) = object {
        told.insert("object".into(), object.into());
    }
    if let Some(warnings) = &problem.warnings {
        crate::warnings::in_body(warnings, &mut told);
    }
    told
}

/// What is wrong with each field. A finding about a whole record has no `field`.
pub(super) fn fields(problem: &Problem) -> Vec<Value> {
    let told = |finding: &quarry_engine::Finding| {
        let mut told = Map::new();
        if let Some(field) = &finding.field {
            told.insert("field".into(), field.as_str().into());
        }
        told.insert("code".into(), finding.code.as_ref().into());
        told.insert("message".into(), finding.message.as_str().into());
        Value::Object(told)
    };
    problem.findings.iter().map(told).collect()
}

/// Status and code as these clients know them: a sort has a code of its own, too many records at once are a wrong request.
pub(super) fn translated(problem: &Problem) -> (StatusCode, &'static str) {
    let is_sort = ["orderBy", "sort", "$orderby"].iter().any(|key| problem.path.starts_with(key));
    match problem.code {
        "INVALID_QUERY" | "INVALID_FIELD" if is_sort => (problem.status, "INVALID_SORT"),
        "BATCH_TOO_LARGE" => (StatusCode::BAD_REQUEST, "BATCH_TOO_LARGE"),
        code => (problem.status, code),
    }
}

/// What the older clients know: a few coarse codes.
fn older_code(status: StatusCode, code: &'static str) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::CONFLICT => "CONFLICT",
        StatusCode::TOO_MANY_REQUESTS => "RATE_LIMIT_EXCEEDED",
        _ if code == "VALIDATION_FAILED" => "VALIDATION_ERROR",
        StatusCode::NOT_IMPLEMENTED => "NOT_IMPLEMENTED",
        _ if status.is_server_error() => "INTERNAL_ERROR",
        _ => "INVALID_REQUEST",
    }
}

fn details(problem: &Problem, code: Option<&str>) -> Value {
    let mut told = Map::new();
    if let Some(code) = code {
        told.insert("code".into(), code.into());
    }
    if !problem.path.is_empty() {
        told.insert("path".into(), problem.path.as_str().into());
    }
    if !problem.findings.is_empty() {
        told.insert("findings".into(), problem.findings.iter().map(finding).collect());
    }
    if let Some(warnings) = &problem.warnings {
        crate::warnings::in_body(warnings, &mut told);
    }
    Value::Object(told)
}

/// The object that a data endpoint is about: of its findings, else of its path.
fn object_of<'a>(problem: &'a Problem, path: &'a str) -> Option<&'a str> {
    let found = problem.findings.first().map(|finding| finding.object.as_str());
    let named = path.strip_prefix("/api/v1/data/").or_else(|| path.strip_prefix("/api/v1/meta/object/"));
    found.or_else(|| named?.split('/').next()).filter(|name| !name.is_empty())
}
