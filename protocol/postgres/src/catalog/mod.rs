//! What the session may see, told the way PostgreSQL tells it: `pg_catalog`, `information_schema` and the functions
//! that tools call.
//!
//! The road: [`Catalog::new`] takes the session's views → [`model`] tells them as schemas, relations, columns, constraints and indexes with
//! stable [`oid`]s → [`schema`] builds a table when a question names it, out of [`rows`] and the fixed [`facts`] of PostgreSQL 15 →
//! [`functions`] answer by oid. [`rewrite()`] turns a tool's question into one that DataFusion can plan. A question that still can't be
//! answered is an error to the client and, through [`unanswered`], a line in the log: the next test.

mod cell;
mod column;
mod definition;
mod facts;
mod field_type;
mod functions;
mod model;
mod oid;
mod only_read;
mod rewrite;
mod rows;
mod schema;

use std::sync::{Arc, LazyLock, Weak};

use datafusion::{catalog::SchemaProvider, sql::sqlparser::ast::Statement};
use parking_lot::Mutex;
use quarry_planner::{Views, sql::SqlExtras};

pub use field_type::pg_type;

use model::Model;
use schema::{Built, CatalogSchema};

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
    /// The schemas and functions that the session's SQL is planned with. Cheap: made per statement; what is built from the views is kept as
    /// long as they live. The audit trail is told to those who read it.
    #[allow(clippy::new_ret_no_self)]
    pub fn new(views: &Arc<Views>, reads_audit: bool, session: &CatalogSession) -> SqlExtras {
        let built = built_for(views, reads_audit, session);
        let schemas = ["pg_catalog", "information_schema"]
            .into_iter()
            .map(|name| {
                let schema: Arc<dyn SchemaProvider> = Arc::new(CatalogSchema::new(name, &built, session));
                (name.to_owned(), schema)
            })
            .collect();
        let mut all = functions::pure().to_vec();
        all.extend(built.functions.iter().cloned());
        all.extend(functions::of_session(&built.model, session));
        SqlExtras { schemas, functions: all }
    }
}

/// What was built for some views, one user with or without the audit trail, and one database.
struct Kept {
    views: Weak<Views>,
    user: String,
    reads_audit: bool,
    database: String,
    built: Arc<Built>,
}

/// Past it, the oldest is forgotten and built again when asked for.
const KEPT_MAX: usize = 64;

static KEPT: LazyLock<Mutex<Vec<Kept>>> = LazyLock::new(Mutex::default);

fn built_for(views: &Arc<Views>, reads_audit: bool, session: &CatalogSession) -> Arc<Built> {
    let is_it = |kept: &Kept| {
        kept.user == session.user
            && kept.reads_audit == reads_audit
            && kept.database == session.database
            && kept.views.upgrade().is_some_and(|kept| Arc::ptr_eq(&kept, views))
    };
    if let Some(kept) = KEPT.lock().iter().find(|kept| is_it(kept)) {
        return Arc::clone(&kept.built);
    }
    let built = Arc::new(Built::new(Model::new(views, reads_audit)));
    let mut all = KEPT.lock();
    all.retain(|kept| kept.views.strong_count() > 0);
    if all.len() >= KEPT_MAX {
        all.remove(0);
    }
    all.push(Kept {
        views: Arc::downgrade(views),
        user: session.user.clone(),
        reads_audit,
        database: session.database.clone(),
        built: Arc::clone(&built),
    });
    built
}

/// Why a catalog question can't be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RewriteError(pub String);

/// Turns a question over `pg_catalog` and `information_schema` into one that DataFusion can plan. Called for every query, after its output
/// columns have been named; in statements that name any other table only PostgreSQL's own spellings are changed.
///
/// # Errors
///
/// A form that is known and can't be answered.
pub fn rewrite(statement: Statement) -> Result<Statement, RewriteError> {
    rewrite::rewrite(statement)
}

/// Whether a statement asks the catalog and nothing else: then an error in it is an unanswered probe.
pub fn is_catalog_question(statement: &Statement) -> bool {
    rewrite::scope_of(statement) == rewrite::Scope::Catalog
}

/// Logs a catalog question that could not be answered, under the target `quarry::unanswered_probe`.
pub fn unanswered(application: &str, statement: &str, error: &str) {
    tracing::warn!(target: "quarry::unanswered_probe", application, statement, error, "a catalog question could not be answered");
}

#[cfg(test)]
mod tests;
