//! What can go wrong, by what the caller must do.

use crate::change::Finding;

/// Coarse kinds; each door maps them to its own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Fix the request.
    Invalid,
    /// No such object, field, record (or none that this session may see).
    Missing,
    /// Who are you?
    Unauthenticated,
    /// You may not.
    Denied,
    /// Change the data.
    Violated,
    /// Retry on a new snapshot.
    Conflict,
    /// Ask for less, or later.
    Limited,
    /// Ended by the caller or by its deadline.
    Cancelled,
    /// Retry with back-off.
    Unavailable,
    /// Report it.
    Internal,
}

/// The engine's error, and that of the rooms below, as doors see it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What the caller must do.
    pub kind: ErrorKind,
    /// Stable code: `VALIDATION_FAILED`, `UNIQUE_VIOLATION`, `CONCURRENT_UPDATE`, `DELETE_RESTRICTED`,
    /// `RECORD_NOT_FOUND`, `OBJECT_NOT_FOUND`, `INVALID_FIELD`, `UNAUTHENTICATED`, …
    pub code: &'static str,
    /// Where in the request, when it has a place.
    pub path: String,
    /// For people; lower case, names the thing, says what to do.
    pub message: String,
    /// What is wrong with the data, record by record and field by field.
    pub findings: Vec<Finding>,
    /// The error below.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<quarry_planner::Error> for Error {
    fn from(error: quarry_planner::Error) -> Self {
        let _ = error;
        todo!()
    }
}

impl From<quarry_storage::Error> for Error {
    fn from(error: quarry_storage::Error) -> Self {
        let _ = error;
        todo!()
    }
}
