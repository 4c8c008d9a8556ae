//! The engine's own tables, which no object view shows: credentials, counters, secrets, contents. Their names begin with an
//! underscore, which no object's name may.

use std::sync::Arc;

use quarry_storage::{ColumnSpec, ColumnType, IndexSpec, Key, Row, TableName, TableSpec, Value};

use crate::{
    error::{Error, Result},
    identity::ScramVerifier,
};

/// Who may log in, and what proves it.
pub(crate) const CREDENTIAL: &str = "_credential";
/// How far each autonumber has counted.
pub(crate) const COUNTER: &str = "_counter";
/// What the server alone knows.
pub(crate) const SECRET: &str = "_secret";
/// The packages that were published, each version once.
pub(crate) const PACKAGE: &str = "_package";
/// What the package folders held when they were last looked at.
pub(crate) const OFFERED: &str = "_offered";

/// Columns that are found without a scan.
const INDEXED: &[&str] = &["uploaded_by", "expires_at"];
/// The contents that were sent: by whom and when, and which record has them.
pub(crate) const UPLOAD: &str = "_upload";

/// The tables.
pub(crate) fn tables() -> Vec<TableSpec> {
    let column = |(name, column_type): (&str, ColumnType)| ColumnSpec {
        name: name.into(),
        column_type,
        indexed: INDEXED.contains(&name),
        searchable: false,
    };
    let table = |name: &str, columns: &[(&str, ColumnType)], unique: Vec<IndexSpec>| TableSpec {
        name: name.into(),
        columns: columns.iter().copied().map(column).collect(),
        unique,
        references: Vec::new(),
    };
    let credential = [
        ("id", ColumnType::Text),
        ("name", ColumnType::Text),
        ("password_hash", ColumnType::Text),
        ("scram_salt", ColumnType::Bytes),
        ("scram_iterations", ColumnType::Int),
        ("scram_stored_key", ColumnType::Bytes),
        ("scram_server_key", ColumnType::Bytes),
        ("admin", ColumnType::Bool),
        ("changed_at", ColumnType::Timestamp),
    ];
    let package = [
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
    let upload = [
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
    let by_name = IndexSpec {
        name: "_credential_name_key".into(),
        columns: vec!["name".into()],
        conditions: Vec::new(),
    };
    vec![
        table(CREDENTIAL, &credential, vec![by_name]),
        table(COUNTER, &[("id", ColumnType::Text), ("last", ColumnType::Int)], Vec::new()),
        table(SECRET, &[("id", ColumnType::Text), ("secret", ColumnType::Bytes)], Vec::new()),
        table(PACKAGE, &package, Vec::new()),
        table(UPLOAD, &upload, Vec::new()),
        table(OFFERED, &[("id", ColumnType::Text), ("hash", ColumnType::Text)], Vec::new()),
    ]
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
    /// Argon2id, in PHC form.
    pub password_hash: String,
    pub scram: ScramVerifier,
    pub admin: bool,
    pub changed_at_micros: i64,
}

impl Credential {
    /// As a row of [`CREDENTIAL`].
    pub fn to_row(&self) -> Row {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.into());
        Row(Arc::from([
            Value::Text(self.user_id.clone()),
            Value::Text(self.name.clone()),
            Value::Text(self.password_hash.as_str().into()),
            bytes(&self.scram.salt),
            Value::Int(i64::from(self.scram.iterations)),
            bytes(&self.scram.stored_key),
            bytes(&self.scram.server_key),
            Value::Bool(self.admin),
            Value::Timestamp(self.changed_at_micros),
        ]))
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
        let bytes = |column: usize| match row.get(column) {
            Value::Bytes(bytes) => Ok(bytes.to_vec()),
            _ => Err(damaged()),
        };
        let (Value::Int(iterations), Value::Bool(admin), Value::Timestamp(changed)) =
            (row.get(4), row.get(7), row.get(8))
        else {
            return Err(damaged());
        };
        let scram = ScramVerifier {
            salt: bytes(3)?,
            iterations: u32::try_from(*iterations).map_err(|_| damaged())?,
            stored_key: bytes(5)?,
            server_key: bytes(6)?,
        };
        Ok(Self {
            user_id: text(0)?,
            name: text(1)?,
            password_hash: text(2)?.to_string(),
            scram,
            admin: *admin,
            changed_at_micros: *changed,
        })
    }
}
