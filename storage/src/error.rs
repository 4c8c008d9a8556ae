//! What can go wrong, by what the caller must do.

/// Coarse kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Fix the request: no such table or column, a value of the wrong type.
    Invalid,
    /// Change the data: unique, reference, duplicate or missing key.
    Violated,
    /// Retry on a new snapshot.
    Conflict,
    /// Ask for less, or later.
    Limited,
    /// Retry with back-off: the disk is full, a sync failed.
    Unavailable,
    /// Report it: damage, a bug.
    Internal,
}

/// An error of the store. `detail` fields let the engine name object, field and record.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum Error {
    #[error("no table {0:?}")]
    UnknownTable(String),
    #[error("no column {column:?} in table {table:?}")]
    UnknownColumn { table: String, column: String },
    #[error("{0}")]
    Invalid(String),
    #[error("a row with key {key:?} exists already in {table:?}")]
    DuplicateKey { table: String, key: String },
    #[error("no row with key {key:?} in {table:?}")]
    MissingKey { table: String, key: String },
    #[error("{constraint:?} of {table:?}: a row with the same {columns:?} exists already")]
    UniqueViolation { table: String, constraint: String, columns: Vec<String>, key: String },
    #[error("{column:?} of {table:?} refers to {target_key:?}, which is not in {target:?}")]
    ReferenceViolation { table: String, column: String, key: String, target: String, target_key: String },
    #[error("{key:?} of {table:?} is still referred to by {column:?} of {child:?}")]
    StillReferenced { table: String, key: String, child: String, column: String },
    #[error("{key:?} of {table:?} was changed by another transaction")]
    Conflict { table: String, key: String },
    #[error("{limit}: {asked} asked, {allowed} allowed")]
    Limited { limit: &'static str, asked: u64, allowed: u64 },
    #[error("{0}")]
    Unavailable(String),
    #[error("damage in {file} at byte {offset}: {what}")]
    Damaged { file: String, offset: u64, what: String },
    #[error("{0}")]
    Internal(String),
    #[error("{context}: {source}")]
    Io { context: String, source: std::io::Error },
}

impl Error {
    /// What the caller must do.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::UnknownTable(_) | Error::UnknownColumn { .. } | Error::Invalid(_) => ErrorKind::Invalid,
            Error::DuplicateKey { .. }
            | Error::MissingKey { .. }
            | Error::UniqueViolation { .. }
            | Error::ReferenceViolation { .. }
            | Error::StillReferenced { .. } => ErrorKind::Violated,
            Error::Conflict { .. } => ErrorKind::Conflict,
            Error::Limited { .. } => ErrorKind::Limited,
            Error::Unavailable(_) | Error::Io { .. } => ErrorKind::Unavailable,
            Error::Damaged { .. } | Error::Internal(_) => ErrorKind::Internal,
        }
    }
}

/// The store's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
