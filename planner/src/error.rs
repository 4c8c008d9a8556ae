//! What can go wrong with a question, by what the caller must do.

/// Coarse kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Fix the request.
    Invalid,
    /// No such object, field, relation (or none that this session may see).
    Missing,
    /// Change the data: a cast, a division by zero, an overflow in the caller's own expression.
    Violated,
    /// Ask for less, or later.
    Limited,
    /// The caller went away, cancelled, or the deadline passed.
    Cancelled,
    /// Report it.
    Internal,
}

/// An error of the planner: `code` is stable (`INVALID_FIELD`, `INVALID_FILTER`, `INVALID_SORT`, `INVALID_QUERY`,
/// `OBJECT_NOT_FOUND`, `FILTER_TOKEN_UNKNOWN`, `LIMIT_EXCEEDED`, `TIMEOUT`, …), `path` says where in the question it
/// stands (`where.$or[1].amount`), `message` names the thing and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What the caller must do.
    pub kind: ErrorKind,
    /// Stable code.
    pub code: &'static str,
    /// Where in the question; empty when it has no place.
    pub path: String,
    /// For people.
    pub message: String,
    /// The error below, when there is one (SQL doors look for DataFusion's own).
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The planner's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
