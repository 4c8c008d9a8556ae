//! An error as PostgreSQL tells it: severity, SQLSTATE, message, and the fields that say what it is about.

use arrow::error::ArrowError;
use datafusion::{
    common::SchemaError,
    error::DataFusionError,
    sql::sqlparser::{parser::ParserError, tokenizer::TokenizerError},
};
use pgwire::{
    error::ErrorInfo,
    messages::response::{ErrorResponse, NoticeResponse},
};

use crate::sqlstate::{self, SqlState};

/// What the client must expect of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement is done all the same.
    Warning,
    /// The statement failed.
    Error,
    /// The connection ends.
    Fatal,
}

/// An error on its way to the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PgError {
    /// How bad.
    pub severity: Severity,
    /// Its code.
    pub state: SqlState,
    /// For people: one line.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// The character in the statement's text, from 1.
    pub position: Option<usize>,
    /// The object.
    pub table: Option<String>,
    /// The field.
    pub column: Option<String>,
    /// The constraint.
    pub constraint: Option<String>,
}

/// The door's result.
pub type Result<T, E = PgError> = std::result::Result<T, E>;

impl PgError {
    /// An error of a statement.
    pub fn new(state: SqlState, message: impl Into<String>) -> Self {
        PgError {
            severity: Severity::Error,
            state,
            message: message.into(),
            detail: None,
            hint: None,
            position: None,
            table: None,
            column: None,
            constraint: None,
        }
    }

    /// An error that ends the connection.
    pub fn fatal(state: SqlState, message: impl Into<String>) -> Self {
        PgError::new(state, message).into_fatal()
    }

    /// What can't be done here, and the way to do it.
    pub fn unsupported(message: impl Into<String>, hint: impl Into<String>) -> Self {
        PgError::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_hint(hint)
    }

    /// What a finding says that stands in nobody's way.
    pub fn warning(finding: &quarry_engine::Finding) -> Self {
        PgError {
            severity: Severity::Warning,
            table: Some(finding.object.clone()),
            column: finding.field.clone(),
            constraint: finding.constraint.clone().or_else(|| Some(finding.code.to_string())),
            ..PgError::new(SqlState::WARNING, finding.message.clone())
        }
    }

    /// The same, ending the connection.
    pub fn into_fatal(mut self) -> Self {
        self.severity = Severity::Fatal;
        self
    }

    /// With more of it.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With what to do.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the connection ends.
    pub fn is_fatal(&self) -> bool {
        self.severity == Severity::Fatal
    }

    /// The message as it goes over the wire.
    pub fn to_message(&self) -> ErrorResponse {
        self.to_info().into()
    }

    /// The same beside an answer.
    pub fn to_notice(&self) -> NoticeResponse {
        self.to_info().into()
    }

    fn to_info(&self) -> ErrorInfo {
        let severity = match self.severity {
            Severity::Warning => "WARNING",
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
        };
        let mut info = ErrorInfo::new(severity.into(), self.state.0.into(), self.message.replace('\0', ""));
        info.severity_nonlocalized = Some(severity.into());
        info.detail = self.detail.clone();
        info.hint = self.hint.clone();
        info.position = self.position.map(|at| at.to_string());
        info.table = self.table.clone();
        info.column = self.column.clone();
        info.constraint = self.constraint.clone();
        info
    }
}

impl From<quarry_engine::Error> for PgError {
    fn from(error: quarry_engine::Error) -> Self {
        let state = sqlstate::of_engine(&error);
        let from_source = error.findings.is_empty().then(|| find_datafusion(&error)).flatten();
        if let Some(below) = from_source {
            return PgError {
                message: said(below),
                state: sqlstate::of_datafusion(below),
                ..PgError::from_plan(below)
            };
        }
        let mut told = PgError::new(state, error.message.clone());
        if let Some(first) = error.findings.first() {
            told.message = first.message.clone();
            told.table = Some(first.object.clone());
            told.column = first.field.clone();
            told.constraint = first.constraint.clone();
            told.detail = detail_of(&error.findings);
        }
        if state == SqlState::SERIALIZATION_FAILURE {
            told.hint = Some("run the transaction again".into());
        }
        told
    }
}

impl From<quarry_planner::Error> for PgError {
    fn from(error: quarry_planner::Error) -> Self {
        match find_datafusion(&error) {
            Some(below) => PgError::from_plan(below),
            None => quarry_engine::Error::from(error).into(),
        }
    }
}

impl From<DataFusionError> for PgError {
    fn from(error: DataFusionError) -> Self {
        PgError::from_plan(&error)
    }
}

impl From<ArrowError> for PgError {
    fn from(error: ArrowError) -> Self {
        PgError::new(sqlstate::of_arrow(&error), error.to_string())
    }
}

impl PgError {
    /// What DataFusion says, in PostgreSQL's words where it has some. A planner error that came back through
    /// DataFusion (a row stream's timeout) keeps its own kind.
    fn from_plan(error: &DataFusionError) -> Self {
        let root = error.find_root();
        if let DataFusionError::External(source) = root
            && let Some(planner) = source.downcast_ref::<quarry_planner::Error>()
        {
            return PgError::new(of_planner(planner), planner.message.clone());
        }
        let mut told = PgError::new(sqlstate::of_datafusion(error), said(error));
        if let DataFusionError::SchemaError(schema, _) = root
            && let SchemaError::FieldNotFound { field, valid_fields } = schema.as_ref()
        {
            told.message = format!("column \"{}\" does not exist", field.flat_name());
            told.column = Some(field.name.clone());
            told.hint = nearest(&field.name, valid_fields.iter().map(|c| c.name.as_str()));
        }
        told
    }

    /// A syntax error with its place in the text.
    pub fn syntax(error: &ParserError, text: &str) -> Self {
        let message = match error {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.clone(),
            ParserError::RecursionLimitExceeded => {
                return PgError::new(SqlState::TOO_COMPLEX, "the statement nests too deep");
            }
        };
        let (said, place) = match message.split_once(" at Line: ") {
            Some((said, place)) => (said.to_owned(), Some(place.to_owned())),
            None => (message, None),
        };
        let at_end = said.ends_with("EOF").then(|| text.chars().count() + 1);
        let mut told = PgError::new(SqlState::SYNTAX, format!("syntax error: {said}"));
        told.position = place.and_then(|place| position_of(&place, text)).or(at_end);
        told
    }

    /// A token that is none.
    pub fn token(error: &TokenizerError, text: &str) -> Self {
        PgError::syntax(&ParserError::TokenizerError(error.to_string()), text)
    }
}

fn of_planner(error: &quarry_planner::Error) -> SqlState {
    use quarry_planner::ErrorKind as Kind;
    match error.kind {
        Kind::Invalid => SqlState::ACCESS_RULE,
        Kind::Missing => SqlState::UNDEFINED_OBJECT,
        Kind::Violated => SqlState::INVALID_TEXT,
        Kind::Limited => SqlState::LIMIT_EXCEEDED,
        Kind::Cancelled => SqlState::QUERY_CANCELED,
        Kind::Internal => SqlState::INTERNAL,
    }
}

/// One line per finding after the first.
fn detail_of(findings: &[quarry_engine::Finding]) -> Option<String> {
    let lines: Vec<String> = findings
        .iter()
        .take(50)
        .map(|f| match &f.field {
            Some(field) => format!("{}.{field}: {}", f.object, f.message),
            None => format!("{}: {}", f.object, f.message),
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The DataFusion error in a chain of sources, if there is one.
fn find_datafusion<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a DataFusionError> {
    let mut at = error.source();
    while let Some(source) = at {
        if let Some(found) = source.downcast_ref::<DataFusionError>() {
            return Some(found);
        }
        at = source.source();
    }
    None
}

/// The message without DataFusion's own prefixes, and a table's absence in PostgreSQL's words.
fn said(error: &DataFusionError) -> String {
    let message = match error.find_root() {
        DataFusionError::Plan(m) | DataFusionError::Execution(m) | DataFusionError::NotImplemented(m) => {
            m.clone()
        }
        other => other.strip_backtrace(),
    };
    match message.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found")) {
        Some(table) => {
            let bare = table.rsplit('.').next().unwrap_or(table);
            format!("relation \"{bare}\" does not exist")
        }
        None => message,
    }
}

/// "did you mean", for a name that is near.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let (near, distance) = known.map(|k| (k, strsim::levenshtein(name, k))).min_by_key(|(_, d)| *d)?;
    (distance <= 1 + name.chars().count() / 4).then(|| format!("did you mean \"{near}\"?"))
}

/// `1, Column: 8` as a character offset from 1.
fn position_of(place: &str, text: &str) -> Option<usize> {
    let (line, column) = place.split_once(", Column: ")?;
    let line: usize = line.trim().parse().ok()?;
    let column: usize = column.trim().parse().ok()?;
    let before: usize = text.split('\n').take(line.checked_sub(1)?).map(|l| l.chars().count() + 1).sum();
    Some(before + column)
}
