//! What the session may see, told the way PostgreSQL tells it: `pg_catalog`, `information_schema` and the functions
//! that tools call.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::Statement;
use quarry_metadata::Field;
use quarry_planner::{Views, sql::SqlExtras};

/// The Arrow field metadata key that names the PostgreSQL type of a column where Arrow's own type does not say it:
/// `name`, `char` (the one-byte type), `int2vector`, `oidvector`, `regproc`, `json`, `bpchar`, `xid`, … Without it a column is announced
/// by its Arrow type: UInt32 is `oid`, Int16/32/64 are `int2/4/8`, text is `text`, List<Int16> is `int2[]`.
pub const PG_TYPE: &str = "pg_type";

/// One setting as `pg_settings` and `SHOW ALL` tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name: `search_path`.
    pub name: String,
    /// Its value in this session.
    pub value: String,
    /// The value that `RESET` gives.
    pub reset: String,
    /// What it does.
    pub description: String,
    /// `bool`, `integer`, `string`, `enum` or `real`.
    pub vartype: &'static str,
    /// `user` when the session may set it, `internal` when not.
    pub context: &'static str,
}

/// Reads one setting; none for an unknown name.
pub type ReadSetting = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;
/// Reads all settings, sorted by name.
pub type ReadSettings = Arc<dyn Fn() -> Vec<Setting> + Send + Sync>;
/// Sets one setting (name, value, for this transaction only); tells the value as kept, or why not.
pub type WriteSetting = Arc<dyn Fn(&str, &str, bool) -> Result<String, String> + Send + Sync>;

/// What the catalog must know of a connection.
#[derive(Clone)]
pub struct CatalogSession {
    /// The login name.
    pub user: String,
    /// The database connected to.
    pub database: String,
    /// The process id told to the client (`pg_backend_pid()`).
    pub backend_pid: i32,
    /// `current_setting(name)`.
    pub settings: ReadSetting,
    /// `pg_settings`.
    pub all_settings: ReadSettings,
    /// `set_config(name, value, is_local)`.
    pub set_setting: WriteSetting,
}

/// The catalog of one session.
pub struct Catalog;

impl Catalog {
    /// The schemas and functions that the session's SQL is planned with. Cheap: made per statement.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(views: &Arc<Views>, session: &CatalogSession) -> SqlExtras {
        let _ = (views, session);
        SqlExtras::default()
    }
}

/// Why a catalog question can't be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RewriteError(pub String);

/// Turns a question over `pg_catalog` and `information_schema` into one that DataFusion can plan. Called for every query; statements
/// that name any other table come back untouched.
///
/// # Errors
///
/// A form that is known and can't be answered.
pub fn rewrite(statement: Statement) -> Result<Statement, RewriteError> {
    Ok(statement)
}

/// The type OID and type modifier of a field (`numeric(18,2)` is `(1700, 1179654)`).
pub fn pg_type(field: &Field) -> (u32, i32) {
    let _ = field;
    (25, -1)
}
