//! The engine's own tables, which no object view shows: credentials, grants, sessions, keys, counters, secrets, contents. Their names
//! begin with an underscore, which no object's name may.

use std::sync::Arc;

use quarry_storage::{ColumnSpec, ColumnType, IndexSpec, Key, Row, TableName, TableSpec, Value};

use crate::{
    error::{Error, Result},
    identity::{ScramVerifier, UserKind},
};

/// Who may log in, and what proves it.
pub(crate) const CREDENTIAL: &str = "_credential";
/// Which permission sets users were given: a row for each user who has any.
pub(crate) const GRANT: &str = "_grant";
/// Who is logged in: what access and refresh tokens are recognised by.
pub(crate) const SESSION: &str = "_session";
/// What API keys are recognised by, and what they may.
pub(crate) const API_KEY: &str = "_api_key";
/// How far each autonumber has counted.
pub(crate) const COUNTER: &str = "_counter";
/// What the server alone knows.
pub(crate) const SECRET: &str = "_secret";
/// The packages that were published, each version once.
pub(crate) const PACKAGE: &str = "_package";
/// What the package folders held when they were last looked at.
pub(crate) const OFFERED: &str = "_offered";

/// What may not be purged: see [`crate::audit::holds`].
pub(crate) const HOLD: &str = "_hold";
/// What happened: see [`crate::audit`].
pub(crate) const EVENT: &str = quarry_planner::EVENT_TABLE;

/// Whether rows of a table count as what a tenant has: those of objects and recycle bins do.
pub(crate) fn is_counted(table: &str) -> bool {
    !table.starts_with('_')
}

/// Whether rows of a table are written however full the tenant is: what happened is told, holds hold, and a password that is known to others
/// can be changed.
pub(crate) fn is_always_written(table: &str) -> bool {
    [EVENT, HOLD, CREDENTIAL].contains(&table)
}

/// Columns that are found without a scan.
const INDEXED: &[&str] = &["at", "uploaded_by", "expires_at", "user_id"];
/// The contents that were sent: by whom and when, and which record has them.
pub(crate) const UPLOAD: &str = "_upload";

/// Of [`CREDENTIAL`].
const CREDENTIAL_COLUMNS: [(&str, ColumnType); 11] = [
    ("id", ColumnType::Text),
    ("name", ColumnType::Text),
    ("password_hash", ColumnType::Text),
    ("scram_salt", ColumnType::Bytes),
    ("scram_iterations", ColumnType::Int),
    ("scram_stored_key", ColumnType::Bytes),
    ("scram_server_key", ColumnType::Bytes),
    ("admin", ColumnType::Bool),
    ("changed_at", ColumnType::Timestamp),
    ("kind", ColumnType::Text),
    ("external_id", ColumnType::Text),
];

/// Of [`SESSION`].
const SESSION_COLUMNS: [(&str, ColumnType); 11] = [
    ("id", ColumnType::Text),
    ("user_id", ColumnType::Text),
    ("family_hash", ColumnType::Bytes),
    ("refresh_hash", ColumnType::Bytes),
    ("access_hash", ColumnType::Bytes),
    ("access_expires_at", ColumnType::Timestamp),
    ("expires_at", ColumnType::Timestamp),
    ("began_at", ColumnType::Timestamp),
    ("renewed_at", ColumnType::Timestamp),
    ("credential_at", ColumnType::Timestamp),
    ("address", ColumnType::Text),
];

/// Of [`API_KEY`].
const API_KEY_COLUMNS: [(&str, ColumnType); 14] = [
    ("id", ColumnType::Text),
    ("user_id", ColumnType::Text),
    ("name", ColumnType::Text),
    ("hash", ColumnType::Bytes),
    ("permission_sets", ColumnType::Text),
    ("read_only", ColumnType::Bool),
    ("made_at", ColumnType::Timestamp),
    ("made_by", ColumnType::Text),
    ("expires_at", ColumnType::Timestamp),
    ("last_used_at", ColumnType::Timestamp),
    ("scram_salt", ColumnType::Bytes),
    ("scram_iterations", ColumnType::Int),
    ("scram_stored_key", ColumnType::Bytes),
    ("scram_server_key", ColumnType::Bytes),
];

/// Of [`PACKAGE`].
const PACKAGE_COLUMNS: [(&str, ColumnType); 10] = [
    ("id", ColumnType::Text),
    ("hash", ColumnType::Text),
    ("files", ColumnType::Text),
    ("state", ColumnType::Text),
    ("published_at", ColumnType::Timestamp),
    ("published_by", ColumnType::Text),
    ("activated_at", ColumnType::Timestamp),
    ("activated_by", ColumnType::Text),
    ("superseded_at", ColumnType::Timestamp),
    ("superseded_by", ColumnType::Text),
];

/// Of [`UPLOAD`].
const UPLOAD_COLUMNS: [(&str, ColumnType); 10] = [
    ("id", ColumnType::Text),
    ("name", ColumnType::Text),
    ("type", ColumnType::Text),
    ("size", ColumnType::Int),
    ("hash", ColumnType::Text),
    ("uploaded_by", ColumnType::Text),
    ("uploaded_at", ColumnType::Timestamp),
    ("expires_at", ColumnType::Timestamp),
    ("object", ColumnType::Text),
    ("record", ColumnType::Text),
];

/// Of [`HOLD`].
const HOLD_COLUMNS: [(&str, ColumnType); 4] = [
    ("id", ColumnType::Text),
    ("reason", ColumnType::Text),
    ("placed_at", ColumnType::Timestamp),
    ("placed_by", ColumnType::Text),
];

/// Names and types of a table's columns.
type Columns = [(&'static str, ColumnType)];

/// The tables.
pub(crate) fn tables() -> Vec<TableSpec> {
    let by_name = IndexSpec {
        name: "_credential_name_key".into(),
        columns: vec!["name".into()],
        conditions: Vec::new(),
    };
    vec![
        table(CREDENTIAL, &CREDENTIAL_COLUMNS, vec![by_name]),
        table(COUNTER, &[("id", ColumnType::Text), ("last", ColumnType::Int)], Vec::new()),
        table(SECRET, &[("id", ColumnType::Text), ("secret", ColumnType::Bytes)], Vec::new()),
        table(PACKAGE, &PACKAGE_COLUMNS, Vec::new()),
        table(UPLOAD, &UPLOAD_COLUMNS, Vec::new()),
        table(GRANT, &[("id", ColumnType::Text), ("grants", ColumnType::Text)], Vec::new()),
        table(SESSION, &SESSION_COLUMNS, Vec::new()),
        table(API_KEY, &API_KEY_COLUMNS, Vec::new()),
        quarry_planner::event_table(),
        table(HOLD, &HOLD_COLUMNS, Vec::new()),
        quarry_planner::policy::share_table(),
        table(OFFERED, &[("id", ColumnType::Text), ("hash", ColumnType::Text)], Vec::new()),
    ]
}

fn table(name: &str, columns: &Columns, unique: Vec<IndexSpec>) -> TableSpec {
    let column = |(name, column_type): (&str, ColumnType)| ColumnSpec {
        name: name.into(),
        column_type,
        indexed: INDEXED.contains(&name),
        searchable: false,
    };
    let columns = columns.iter().copied().map(column).collect();
    TableSpec { name: name.into(), columns, unique, references: Vec::new() }
}

/// The name of a system table as storage takes it.
pub(crate) fn table_name(name: &str) -> TableName {
    Arc::from(name)
}

/// What is kept of a user who may log in.
#[derive(Clone)]
pub(crate) struct Credential {
    pub user_id: Key,
    pub name: Key,
    /// What a password is checked against; none for who has no password.
    pub password: Option<PasswordProof>,
    pub admin: bool,
    /// When it was last changed.
    pub changed_at_micros: i64,
    pub kind: UserKind,
    /// What a directory that looks after the user calls it.
    pub external_id: Option<Key>,
}

/// What a password is checked against.
#[derive(Clone)]
pub(crate) struct PasswordProof {
    /// Argon2id, in PHC form.
    pub hash: String,
    pub scram: ScramVerifier,
}

impl Credential {
    /// As a row of [`CREDENTIAL`].
    pub fn to_row(&self) -> Row {
        let mut row = vec![Value::Text(self.user_id.clone()), Value::Text(self.name.clone())];
        match &self.password {
            Some(PasswordProof { hash, scram }) => {
                row.push(Value::Text(hash.as_str().into()));
                row.extend(scram_values(scram));
            }
            None => row.extend(std::iter::repeat_n(Value::Null, 5)),
        }
        row.push(Value::Bool(self.admin));
        row.push(Value::Timestamp(self.changed_at_micros));
        row.push(Value::Text(self.kind.name().into()));
        row.push(self.external_id.clone().map_or(Value::Null, Value::Text));
        Row(row.into())
    }

    /// From a row of [`CREDENTIAL`].
    ///
    /// # Errors
    ///
    /// `Internal` when a column does not hold what it should: nobody is logged in by it.
    pub fn from_row(row: &Row) -> Result<Self> {
        let damaged = || Error::internal("a credential can't be read");
        let text = |column: usize| match row.get(column) {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(damaged()),
        };
        let password = match row.get(2) {
            Value::Null => None,
            _ => {
                let scram = scram_of(row, 3).ok_or_else(damaged)?;
                Some(PasswordProof { hash: text(2)?.to_string(), scram })
            }
        };
        let (Value::Bool(admin), Value::Timestamp(changed)) = (row.get(7), row.get(8)) else {
            return Err(damaged());
        };
        let kind = match row.get(9) {
            // Rows of older stores: there were people only.
            Value::Null => UserKind::Person,
            Value::Text(kind) if **kind == *UserKind::Person.name() => UserKind::Person,
            Value::Text(kind) if **kind == *UserKind::Service.name() => UserKind::Service,
            _ => return Err(damaged()),
        };
        Ok(Self {
            user_id: text(0)?,
            name: text(1)?,
            password,
            admin: *admin,
            changed_at_micros: *changed,
            kind,
            external_id: text(10).ok(),
        })
    }
}

/// A SCRAM verifier as four columns.
pub(crate) fn scram_values(scram: &ScramVerifier) -> [Value; 4] {
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.into());
    [
        bytes(&scram.salt),
        Value::Int(i64::from(scram.iterations)),
        bytes(&scram.stored_key),
        bytes(&scram.server_key),
    ]
}

/// The SCRAM verifier in four columns from `first` on; none when it is damaged.
pub(crate) fn scram_of(row: &Row, first: usize) -> Option<ScramVerifier> {
    let bytes = |column: usize| match row.get(column) {
        Value::Bytes(bytes) => Some(bytes.to_vec()),
        _ => None,
    };
    let Value::Int(iterations) = row.get(first + 1) else { return None };
    let iterations = u32::try_from(*iterations).ok()?;
    Some(ScramVerifier {
        salt: bytes(first)?,
        iterations,
        stored_key: bytes(first + 2)?,
        server_key: bytes(first + 3)?,
    })
}
