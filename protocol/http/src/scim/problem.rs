//! Errors in SCIM's form (RFC 7644, section 3.12).

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::problem::Problem;

/// A problem as a directory reads it.
pub(crate) fn told(problem: &Problem) -> (StatusCode, Value) {
    let mut told = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": problem.status.as_u16().to_string(),
        "detail": detail(problem),
    });
    if let (Some(kind), Some(told)) = (kind(problem), told.as_object_mut()) {
        told.insert("scimType".to_owned(), kind.into());
    }
    (problem.status, told)
}

/// The message with the place that it is about, and each finding.
fn detail(problem: &Problem) -> String {
    let mut detail = match problem.path.is_empty() {
        true => problem.message.clone(),
        false => format!("{}: {}", problem.path, problem.message),
    };
    for finding in problem.findings.iter().skip(1) {
        detail.push_str("; ");
        detail.push_str(&finding.message);
    }
    detail
}

/// What went wrong, in SCIM's words.
fn kind(problem: &Problem) -> Option<&'static str> {
    match problem.code {
        "UNIQUE_VIOLATION" => Some("uniqueness"),
        "INVALID_FILTER" => Some("invalidFilter"),
        "INVALID_PATH" => Some("invalidPath"),
        "INVALID_JSON" => Some("invalidSyntax"),
        "NO_TARGET" => Some("noTarget"),
        "MUTABILITY" => Some("mutability"),
        "TOO_MANY" => Some("tooMany"),
        "INVALID_REQUEST" | "VALIDATION_FAILED" | "INVALID_PASSWORD" | "INVALID_USER" => Some("invalidValue"),
        _ => None,
    }
}

/// A path that leads nowhere.
pub(super) fn no_path(path: &str) -> Problem {
    let message = format!("{path:?} leads to nothing that is kept; GET /scim/v2/Schemas tells what is");
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_PATH", message)
}

/// An attribute that is not kept.
pub(super) fn not_kept(name: &str) -> Problem {
    let message = "this attribute is not kept; leave it out of the directory's mapping (GET /scim/v2/Schemas tells what is kept)";
    Problem::invalid(message).at(name)
}

/// A value that can't be.
pub(super) fn wrong(name: &str, what: &str) -> Problem {
    Problem::invalid(format!("must be {what}")).at(name)
}

/// Something that can't be changed.
pub(super) fn immutable(what: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "MUTABILITY", format!("{what} can't be changed"))
}
