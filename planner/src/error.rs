//! What can go wrong with a question, by what the caller must do.

use std::sync::Arc;

use datafusion::{
    arrow::error::ArrowError,
    common::{DataFusionError, SchemaError},
};

use crate::run::SHARE_TAKEN;

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
/// `OBJECT_NOT_FOUND`, `FILTER_TOKEN_UNKNOWN`, `NOT_SUPPORTED`, `LIMIT_EXCEEDED`, `QUESTIONS_BUSY`, `TIMEOUT`, `CANCELLED`,
/// `EXPRESSION_FAILED`, `INTERNAL_ERROR`), `path` says where in the question it stands (`where.$or[1].amount`), `message` names the
/// thing and what to do.
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

impl Error {
    /// An error without one below it.
    pub fn new(
        kind: ErrorKind,
        code: &'static str,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Error {
        Error { kind, code, path: path.into(), message: message.into(), source: None }
    }

    /// `Invalid` with a code.
    pub(crate) fn invalid(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Invalid, code, path, message)
    }

    /// `Invalid`, `NOT_SUPPORTED`: understood, but this version can't do it.
    pub(crate) fn not_supported(path: impl Into<String>, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Invalid, "NOT_SUPPORTED", path, message)
    }

    /// `Limited`, `LIMIT_EXCEEDED`.
    pub(crate) fn limited(path: impl Into<String>, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Limited, "LIMIT_EXCEEDED", path, message)
    }

    /// The deadline passed.
    pub(crate) fn timeout() -> Error {
        Error::new(ErrorKind::Cancelled, "TIMEOUT", "", "the question ran longer than its timeout")
    }

    /// Somebody called it off.
    pub(crate) fn cancelled() -> Error {
        Error::new(ErrorKind::Cancelled, "CANCELLED", "", "the question was called off")
    }

    /// A bug.
    pub(crate) fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, "INTERNAL_ERROR", "", message)
    }

    fn below(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        self.source = Some(Box::new(source));
        self
    }
}

impl From<quarry_storage::Error> for Error {
    fn from(error: quarry_storage::Error) -> Error {
        use quarry_storage::ErrorKind as Below;
        let (kind, code) = match error.kind() {
            Below::Invalid => (ErrorKind::Invalid, "INVALID_QUERY"),
            Below::Limited => (ErrorKind::Limited, "LIMIT_EXCEEDED"),
            Below::Violated | Below::Conflict | Below::Unavailable | Below::Internal => {
                (ErrorKind::Internal, "INTERNAL_ERROR")
            }
        };
        Error::new(kind, code, "", error.to_string()).below(error)
    }
}

/// Our own errors come back out of DataFusion as they went in; the rest is sorted by what the caller must do, with
/// DataFusion's error as the source.
impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Error {
        match error {
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => Error::from(*inner),
            DataFusionError::External(inner) => from_external(inner),
            DataFusionError::ArrowError(inner, text) => match *inner {
                ArrowError::ExternalError(inner) => from_external(inner),
                inner => from_other(DataFusionError::ArrowError(Box::new(inner), text)),
            },
            // What the build side of a join ran into is told to all who wait for it.
            DataFusionError::Shared(shared) => match Arc::try_unwrap(shared) {
                Ok(inner) => Error::from(inner),
                Err(shared) => from_shared(shared),
            },
            DataFusionError::Collection(mut all) if !all.is_empty() => Error::from(all.swap_remove(0)),
            other => from_other(other),
        }
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Error {
        Error::from(DataFusionError::ArrowError(Box::new(error), None))
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> DataFusionError {
        DataFusionError::External(Box::new(error))
    }
}

fn from_external(inner: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let inner = match inner.downcast::<Error>() {
        Ok(own) => return *own,
        Err(inner) => inner,
    };
    let inner = match inner.downcast::<quarry_storage::Error>() {
        Ok(storage) => return Error::from(*storage),
        Err(inner) => inner,
    };
    match inner.downcast::<DataFusionError>() {
        Ok(nested) => Error::from(*nested),
        Err(inner) => Error {
            kind: ErrorKind::Internal,
            code: "INTERNAL_ERROR",
            path: String::new(),
            message: inner.to_string(),
            source: Some(inner),
        },
    }
}

fn from_shared(shared: Arc<DataFusionError>) -> Error {
    let own = match shared.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref::<Error>(),
        _ => None,
    };
    match own.map(|own| Error::new(own.kind, own.code, own.path.clone(), own.message.clone())) {
        Some(same) => same.below(DataFusionError::Shared(shared)),
        None => from_other(DataFusionError::Shared(shared)),
    }
}

fn from_other(error: DataFusionError) -> Error {
    let (kind, code) = classify(error.find_root());
    let message = message_of(&error);
    Error::new(kind, code, "", message).below(error)
}

fn classify(error: &DataFusionError) -> (ErrorKind, &'static str) {
    match error {
        DataFusionError::SchemaError(inner, _) => match **inner {
            SchemaError::FieldNotFound { .. } => (ErrorKind::Missing, "INVALID_FIELD"),
            _ => (ErrorKind::Invalid, "INVALID_QUERY"),
        },
        DataFusionError::Plan(text) if is_missing_table(text) => (ErrorKind::Missing, "OBJECT_NOT_FOUND"),
        DataFusionError::NotImplemented(_) => (ErrorKind::Invalid, "NOT_SUPPORTED"),
        DataFusionError::Plan(_) | DataFusionError::SQL(..) | DataFusionError::Configuration(_) => {
            (ErrorKind::Invalid, "INVALID_QUERY")
        }
        DataFusionError::Execution(_) => (ErrorKind::Violated, "EXPRESSION_FAILED"),
        DataFusionError::ArrowError(inner, _) => match **inner {
            ArrowError::CastError(_)
            | ArrowError::ParseError(_)
            | ArrowError::ComputeError(_)
            | ArrowError::DivideByZero
            | ArrowError::ArithmeticOverflow(_)
            | ArrowError::InvalidArgumentError(_) => (ErrorKind::Violated, "EXPRESSION_FAILED"),
            _ => (ErrorKind::Internal, "INTERNAL_ERROR"),
        },
        // DataFusion takes what a pattern's compiler says for a bug of its own.
        DataFusionError::Internal(text) if text.contains(PATTERN) => {
            (ErrorKind::Violated, "EXPRESSION_FAILED")
        }
        DataFusionError::ResourcesExhausted(told) if told.contains(SHARE_TAKEN) => {
            (ErrorKind::Limited, "MEMORY_QUOTA")
        }
        DataFusionError::ResourcesExhausted(_) => (ErrorKind::Limited, "LIMIT_EXCEEDED"),
        _ => (ErrorKind::Internal, "INTERNAL_ERROR"),
    }
}

/// How a message begins about a regular expression that is none, or too large a one.
const PATTERN: &str = "Regular expression did not compile";

fn is_missing_table(text: &str) -> bool {
    (text.starts_with("table '") && text.contains("not found"))
        || text.starts_with("failed to resolve schema")
        || text.starts_with("failed to resolve catalog")
}

/// DataFusion's text without its prefix and backtrace.
fn message_of(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    match text.split_once(PATTERN) {
        Some((_, why)) => format!("{PATTERN}{}", why.lines().next().unwrap_or_default()),
        None => text.trim_start_matches("Error during planning: ").to_owned(),
    }
}
