//! SQLSTATEs: the one table that says which failure gets which code.
//!
//! Inner rooms know coarse kinds and stable codes only; [`of_engine`] and [`of_datafusion`] are where they become
//! PostgreSQL's. Source of the codes: PostgreSQL 15, appendix A.

use arrow::error::ArrowError;
use datafusion::{common::SchemaError, error::DataFusionError};
use quarry_engine::{Error, ErrorKind, Finding};

/// A five-character error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlState(pub &'static str);

macro_rules! states {
    ($($name:ident = $code:literal),+ $(,)?) => {
        #[allow(missing_docs)]
        impl SqlState {
            $(pub const $name: SqlState = SqlState($code);)+
        }
    };
}

states! {
    WARNING = "01000",
    CONNECTION_FAILURE = "08006",
    PROTOCOL_VIOLATION = "08P01",
    FEATURE_NOT_SUPPORTED = "0A000",
    CARDINALITY_VIOLATION = "21000",
    STRING_TOO_LONG = "22001",
    NUMBER_OUT_OF_RANGE = "22003",
    DATETIME_FORMAT = "22007",
    DIVISION_BY_ZERO = "22012",
    CHARACTER_NOT_IN_REPERTOIRE = "22021",
    INVALID_PARAMETER_VALUE = "22023",
    INVALID_PATTERN = "2201B",
    INVALID_TEXT = "22P02",
    INVALID_BINARY = "22P03",
    NOT_NULL_VIOLATION = "23502",
    FOREIGN_KEY_VIOLATION = "23503",
    UNIQUE_VIOLATION = "23505",
    CHECK_VIOLATION = "23514",
    ACTIVE_TRANSACTION = "25001",
    READ_ONLY_TRANSACTION = "25006",
    NO_ACTIVE_TRANSACTION = "25P01",
    FAILED_TRANSACTION = "25P02",
    IDLE_IN_TRANSACTION_TIMEOUT = "25P03",
    INVALID_STATEMENT_NAME = "26000",
    INVALID_AUTHORIZATION = "28000",
    INVALID_PASSWORD = "28P01",
    INVALID_CURSOR_NAME = "34000",
    INVALID_SAVEPOINT = "3B001",
    INVALID_DATABASE = "3D000",
    SERIALIZATION_FAILURE = "40001",
    ACCESS_RULE = "42000",
    INSUFFICIENT_PRIVILEGE = "42501",
    SYNTAX = "42601",
    DUPLICATE_COLUMN = "42701",
    AMBIGUOUS_COLUMN = "42702",
    UNDEFINED_COLUMN = "42703",
    UNDEFINED_OBJECT = "42704",
    GROUPING = "42803",
    DATATYPE_MISMATCH = "42804",
    WRONG_OBJECT_TYPE = "42809",
    UNDEFINED_FUNCTION = "42883",
    GENERATED_ALWAYS = "428C9",
    UNDEFINED_TABLE = "42P01",
    UNDEFINED_PARAMETER = "42P02",
    DUPLICATE_CURSOR = "42P03",
    DUPLICATE_STATEMENT = "42P05",
    INVALID_COLUMN_REFERENCE = "42P10",
    INDETERMINATE_TYPE = "42P18",
    DISK_FULL = "53100",
    OUT_OF_MEMORY = "53200",
    TOO_MANY_CONNECTIONS = "53300",
    LIMIT_EXCEEDED = "53400",
    TOO_COMPLEX = "54001",
    PROGRAM_LIMIT = "54000",
    CANT_CHANGE_SETTING = "55P02",
    QUERY_CANCELED = "57014",
    ADMIN_SHUTDOWN = "57P01",
    CANNOT_CONNECT_NOW = "57P03",
    INTERNAL = "XX000",
}

/// The code of an error of the engine: its first finding's, else its stable code's, else its kind's.
pub fn of_engine(error: &Error) -> SqlState {
    if let Some(state) = error.findings.first().and_then(of_finding) {
        return state;
    }
    match error.code {
        "OBJECT_NOT_FOUND" => SqlState::UNDEFINED_TABLE,
        "NOT_SUPPORTED" | "NOT_A_QUERY" => SqlState::FEATURE_NOT_SUPPORTED,
        "INVALID_FIELD" | "UNKNOWN_FIELD" => SqlState::UNDEFINED_COLUMN,
        "UNIQUE_VIOLATION" => SqlState::UNIQUE_VIOLATION,
        "DELETE_RESTRICTED" | "REFERENCE_NOT_FOUND" => SqlState::FOREIGN_KEY_VIOLATION,
        "CONCURRENT_UPDATE" => SqlState::SERIALIZATION_FAILURE,
        "TIMEOUT" => SqlState::QUERY_CANCELED,
        "ROWS_QUOTA" | "STORAGE_QUOTA" => SqlState::DISK_FULL,
        "MEMORY_QUOTA" => SqlState::OUT_OF_MEMORY,
        "TENANT_SUSPENDED" => SqlState::CANNOT_CONNECT_NOW,
        _ => of_kind(error.kind),
    }
}

/// The code of a coarse kind.
pub fn of_kind(kind: ErrorKind) -> SqlState {
    match kind {
        ErrorKind::Invalid => SqlState::ACCESS_RULE,
        ErrorKind::Missing => SqlState::UNDEFINED_OBJECT,
        ErrorKind::Unauthenticated => SqlState::INVALID_PASSWORD,
        ErrorKind::Denied => SqlState::INSUFFICIENT_PRIVILEGE,
        ErrorKind::Violated => SqlState::CHECK_VIOLATION,
        ErrorKind::Conflict => SqlState::SERIALIZATION_FAILURE,
        ErrorKind::Limited => SqlState::LIMIT_EXCEEDED,
        ErrorKind::Cancelled => SqlState::QUERY_CANCELED,
        ErrorKind::Unavailable => SqlState::CANNOT_CONNECT_NOW,
        ErrorKind::Internal => SqlState::INTERNAL,
    }
}

/// The code of a finding in data; none where the finding is about the record as such.
pub fn of_finding(finding: &Finding) -> Option<SqlState> {
    Some(match finding.code.as_ref() {
        "required" => SqlState::NOT_NULL_VIOLATION,
        "unique" => SqlState::UNIQUE_VIOLATION,
        "reference_not_found" | "reference_ambiguous" | "delete_restricted" => {
            SqlState::FOREIGN_KEY_VIOLATION
        }
        "invalid_type" | "invalid_number" | "invalid_boolean" | "invalid_json" | "invalid_value"
        | "invalid_shape" => SqlState::INVALID_TEXT,
        "invalid_date" | "invalid_time" => SqlState::DATETIME_FORMAT,
        "max_length" => SqlState::STRING_TOO_LONG,
        "max_scale" => SqlState::NUMBER_OUT_OF_RANGE,
        "readonly" => SqlState::GENERATED_ALWAYS,
        "unknown_field" => SqlState::UNDEFINED_COLUMN,
        "min_value" | "max_value" | "min_length" | "invalid_option" | "invalid_email" | "invalid_url"
        | "invalid_phone" | "invalid_format" => SqlState::CHECK_VIOLATION,
        _ => return None,
    })
}

/// The code of an error of DataFusion, by its shape and, where it has none, by how its message begins.
pub fn of_datafusion(error: &DataFusionError) -> SqlState {
    match error.find_root() {
        DataFusionError::SQL(_, _) => SqlState::SYNTAX,
        DataFusionError::NotImplemented(_) => SqlState::FEATURE_NOT_SUPPORTED,
        DataFusionError::SchemaError(schema, _) => of_schema(schema),
        DataFusionError::ArrowError(arrow, _) => of_arrow(arrow),
        DataFusionError::ResourcesExhausted(_) => SqlState::OUT_OF_MEMORY,
        DataFusionError::Internal(message) if message.contains("Regular expression did not compile") => {
            SqlState::INVALID_PATTERN
        }
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => of_message(message),
        DataFusionError::Configuration(_) => SqlState::INVALID_PARAMETER_VALUE,
        _ => SqlState::INTERNAL,
    }
}

fn of_schema(error: &SchemaError) -> SqlState {
    match error {
        SchemaError::FieldNotFound { .. } => SqlState::UNDEFINED_COLUMN,
        SchemaError::AmbiguousReference { .. } => SqlState::AMBIGUOUS_COLUMN,
        SchemaError::DuplicateQualifiedField { .. } | SchemaError::DuplicateUnqualifiedField { .. } => {
            SqlState::DUPLICATE_COLUMN
        }
    }
}

/// The code of an error of Arrow's kernels.
pub fn of_arrow(error: &ArrowError) -> SqlState {
    match error {
        ArrowError::DivideByZero => SqlState::DIVISION_BY_ZERO,
        ArrowError::ArithmeticOverflow(_) => SqlState::NUMBER_OUT_OF_RANGE,
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            let lower = message.to_ascii_lowercase();
            if lower.contains("timestamp") || lower.contains("date") || lower.contains("time") {
                SqlState::DATETIME_FORMAT
            } else if lower.contains("overflow")
                || lower.contains("out of range")
                || lower.contains("too large")
                // A number that its new type does not hold.
                || lower.contains("can't cast value")
            {
                SqlState::NUMBER_OUT_OF_RANGE
            } else {
                SqlState::INVALID_TEXT
            }
        }
        ArrowError::NotYetImplemented(_) => SqlState::FEATURE_NOT_SUPPORTED,
        ArrowError::MemoryError(_) => SqlState::OUT_OF_MEMORY,
        ArrowError::InvalidArgumentError(message) => of_message(message),
        ArrowError::ExternalError(source) => {
            source.downcast_ref::<DataFusionError>().map_or(SqlState::INTERNAL, of_datafusion)
        }
        _ => SqlState::INTERNAL,
    }
}

/// DataFusion's planner says much in prose only: what its messages contain, and the code that is meant.
const MESSAGES: &[(&str, SqlState)] = &[
    ("table function", SqlState::UNDEFINED_FUNCTION),
    ("invalid function", SqlState::UNDEFINED_FUNCTION),
    ("no function matches", SqlState::UNDEFINED_FUNCTION),
    ("failed to coerce", SqlState::UNDEFINED_FUNCTION),
    ("does not support zero arguments", SqlState::UNDEFINED_FUNCTION),
    ("cannot infer common argument type", SqlState::UNDEFINED_FUNCTION),
    ("cannot coerce", SqlState::UNDEFINED_FUNCTION),
    ("must be in group by", SqlState::GROUPING),
    ("must appear in the group by", SqlState::GROUPING),
    ("could not be resolved from available columns", SqlState::GROUPING),
    ("unique expression names", SqlState::DUPLICATE_COLUMN),
    ("returned more than one row", SqlState::CARDINALITY_VIOLATION),
    ("divide by zero", SqlState::DIVISION_BY_ZERO),
    ("overflow", SqlState::NUMBER_OUT_OF_RANGE),
    ("timestamp out of range", SqlState::NUMBER_OUT_OF_RANGE),
    ("time zone \"", SqlState::INVALID_PARAMETER_VALUE),
    ("interval of a time zone", SqlState::INVALID_PARAMETER_VALUE),
    ("placeholder", SqlState::INDETERMINATE_TYPE),
    ("no value found for placeholder", SqlState::UNDEFINED_PARAMETER),
    ("recursion limit", SqlState::TOO_COMPLEX),
    ("cannot cast", SqlState::INVALID_TEXT),
    ("cannot be parsed", SqlState::INVALID_TEXT),
    ("of relation \"", SqlState::UNDEFINED_COLUMN),
    ("relation \"", SqlState::UNDEFINED_TABLE),
    ("not found", SqlState::UNDEFINED_TABLE),
    ("not implemented", SqlState::FEATURE_NOT_SUPPORTED),
    ("unsupported", SqlState::FEATURE_NOT_SUPPORTED),
    ("is not supported", SqlState::FEATURE_NOT_SUPPORTED),
];

fn of_message(message: &str) -> SqlState {
    let lower = message.to_ascii_lowercase();
    MESSAGES.iter().find(|(part, _)| lower.contains(part)).map_or(SqlState::ACCESS_RULE, |(_, state)| *state)
}
