//! What can go wrong, by what the caller must do.

use crate::change::{Finding, Warnings};

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
    /// What was found beside them, and would not have refused anything by itself.
    pub warnings: Option<Box<Warnings>>,
    /// The error below.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The engine's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without place, findings or source.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            path: String::new(),
            message: message.into(),
            findings: Vec::new(),
            warnings: None,
            source: None,
        }
    }

    /// The same error with its place in the request.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The same error with the one below.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// An error of the planner, or of the rows of an [`crate::Answer`] while they are made.
    pub fn of_rows(error: impl Into<quarry_planner::Error>) -> Self {
        Self::from(error.into())
    }

    /// The same with what was found beside.
    #[must_use]
    pub(crate) fn beside(mut self, warnings: Warnings) -> Self {
        self.warnings = (!warnings.is_empty()).then(|| Box::new(warnings));
        self
    }

    /// A request that must be fixed.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, "INVALID_REQUEST", message)
    }

    /// Something that can't be by the engine's own rules.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, "INTERNAL_ERROR", message)
    }

    /// A limit that was passed: its name, what was asked, what is allowed.
    pub(crate) fn limited(limit: &str, asked: usize, allowed: usize) -> Self {
        let message = format!("{limit}: {asked} asked, {allowed} allowed; ask for less at once");
        Self::new(ErrorKind::Limited, "LIMIT_EXCEEDED", message)
    }

    /// The error that tells these findings. Its kind and code are those of the findings when they all say the
    /// same; a revision that does not match comes before everything else.
    pub fn of_findings(findings: Vec<Finding>) -> Self {
        let all = |code: &str| findings.iter().all(|f| f.code == code);
        let (kind, code) = if findings.iter().any(|f| f.code == "concurrent_update") {
            (ErrorKind::Conflict, "CONCURRENT_UPDATE")
        } else if all("permission_denied") {
            (ErrorKind::Denied, "PERMISSION_DENIED")
        } else if all("record_not_found") {
            (ErrorKind::Missing, "RECORD_NOT_FOUND")
        } else if all("unique") {
            (ErrorKind::Violated, "UNIQUE_VIOLATION")
        } else if all("delete_restricted") {
            (ErrorKind::Violated, "DELETE_RESTRICTED")
        } else {
            (ErrorKind::Violated, "VALIDATION_FAILED")
        };
        let message = match findings.as_slice() {
            [] => "the data was refused".to_owned(),
            [one] => one.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        };
        Self { findings, ..Self::new(kind, code, message) }
    }
}

impl From<quarry_planner::Error> for Error {
    fn from(error: quarry_planner::Error) -> Self {
        use quarry_planner::ErrorKind as Planner;
        let kind = match error.kind {
            Planner::Invalid => ErrorKind::Invalid,
            Planner::Missing => ErrorKind::Missing,
            Planner::Violated => ErrorKind::Violated,
            Planner::Limited => ErrorKind::Limited,
            Planner::Cancelled => ErrorKind::Cancelled,
            Planner::Internal => ErrorKind::Internal,
        };
        let quarry_planner::Error { code, path, message, source, .. } = error;
        Self { kind, code, path, message, findings: Vec::new(), warnings: None, source }
    }
}

/// What the tenant has all of; none for another limit.
fn of_quota(error: &quarry_storage::Error) -> Option<Error> {
    let quarry_storage::Error::Limited { limit, allowed, .. } = error else { return None };
    let (code, what) = match *limit {
        quarry_storage::ROWS_MAX => ("ROWS_QUOTA", "records, those in recycle bins among them"),
        quarry_storage::BYTES_MAX => ("STORAGE_QUOTA", "bytes of storage"),
        _ => return None,
    };
    let message = format!(
        "the tenant has all of the {allowed} {what} that it may have: delete and purge some, or ask its operator for more"
    );
    Some(Error::new(ErrorKind::Limited, code, message))
}

impl From<quarry_storage::Error> for Error {
    fn from(error: quarry_storage::Error) -> Self {
        use quarry_storage::ErrorKind as Store;
        match error.kind() {
            Store::Invalid => Self::invalid(error.to_string()).caused_by(error),
            Store::Violated => Self::of_findings(vec![Finding::of_store(&error)]).caused_by(error),
            Store::Conflict => {
                let message = "another transaction changed the same records; begin again on the new state";
                Self::new(ErrorKind::Conflict, "CONCURRENT_UPDATE", message).caused_by(error)
            }
            Store::Limited => match of_quota(&error) {
                Some(told) => told.caused_by(error),
                None => Self::new(ErrorKind::Limited, "LIMIT_EXCEEDED", error.to_string()).caused_by(error),
            },
            Store::Unavailable => {
                let message = "the store can't be used now; try again later";
                Self::new(ErrorKind::Unavailable, "STORE_UNAVAILABLE", message).caused_by(error)
            }
            Store::Internal => Self::internal("the store failed; see the server's log").caused_by(error),
        }
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal("a task of the engine ended before its time").caused_by(error)
    }
}
