//! Which HTTP status an error has: the one table of this door.
//!
//! | status | when |
//! |---|---|
//! | 400 | the request, or the data in it, must be changed |
//! | 401 | no login, or a wrong one |
//! | 403 | not allowed; the tenant is suspended |
//! | 404 | no such object, record, content, user, permission set, session, key, tenant or route |
//! | 405 | the route has no such method |
//! | 406 | no such form of answer |
//! | 408 | the deadline passed |
//! | 409 | taken unique values, tenants that are there already, restricted deletes, legal holds, records changed meanwhile |
//! | 412 | `If-Match` does not match |
//! | 413 | the body is too large |
//! | 415 | the body is no JSON by its content type |
//! | 422 | understood, but past a limit |
//! | 429 | too many requests or heavy questions of the tenant, too many logins, too many uploads, or publications, at once; its questions hold all the memory that they may |
//! | 500 | a bug, or damage: see the server's log under the request id |
//! | 503 | the store can't be used now |
//! | 507 | the tenant has all the rows, or bytes, that it may have |

use axum::http::StatusCode;
use quarry_engine::{Error, ErrorKind};

/// The status of an engine's error.
pub(crate) fn of(error: &Error) -> StatusCode {
    match (error.kind, error.code) {
        (
            ErrorKind::Missing,
            "ACTION_NOT_FOUND"
            | "CONTENT_NOT_FOUND"
            | "OBJECT_NOT_FOUND"
            | "RECORD_NOT_FOUND"
            | "VERSION_NOT_FOUND"
            | "USER_NOT_FOUND"
            | "PERMISSION_SET_NOT_FOUND"
            | "GRANT_NOT_FOUND"
            | "SHARE_NOT_FOUND"
            | "SESSION_NOT_FOUND"
            | "KEY_NOT_FOUND"
            | "TENANT_NOT_FOUND",
        ) => StatusCode::NOT_FOUND,
        (ErrorKind::Violated, "BREAKING_CHANGE" | "VERSION_PUBLISHED") => StatusCode::CONFLICT,
        (ErrorKind::Violated, "UNIQUE_VIOLATION" | "DELETE_RESTRICTED" | "LEGAL_HOLD" | "TENANT_EXISTS") => {
            StatusCode::CONFLICT
        }
        (
            ErrorKind::Limited,
            "LOGIN_THROTTLED" | "LOGIN_LOCKED" | "LOGINS_BUSY" | "UPLOADS_BUSY" | "PUBLISHING_BUSY",
        ) => StatusCode::TOO_MANY_REQUESTS,
        (ErrorKind::Limited, "RATE_LIMITED" | "REQUESTS_BUSY" | "QUESTIONS_BUSY" | "MEMORY_QUOTA") => {
            StatusCode::TOO_MANY_REQUESTS
        }
        (ErrorKind::Limited, "ROWS_QUOTA" | "STORAGE_QUOTA") => StatusCode::INSUFFICIENT_STORAGE,
        (ErrorKind::Limited, "CONTENT_TOO_LARGE") => StatusCode::PAYLOAD_TOO_LARGE,
        (ErrorKind::Invalid | ErrorKind::Missing | ErrorKind::Violated, _) => StatusCode::BAD_REQUEST,
        (ErrorKind::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
        (ErrorKind::Denied, _) => StatusCode::FORBIDDEN,
        (ErrorKind::Conflict, _) => StatusCode::CONFLICT,
        (ErrorKind::Limited, _) => StatusCode::UNPROCESSABLE_ENTITY,
        (ErrorKind::Cancelled, _) => StatusCode::REQUEST_TIMEOUT,
        (ErrorKind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
        (ErrorKind::Internal, _) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
