//! Who is asked: each side in its own language, by the client that is natural to it.
//!
//! | side | how it is asked | what is timed |
//! |---|---|---|
//! | [`sql`] | the Postgres wire, prepared | by its client, to the last row |
//! | [`http`] | a POST to a door over HTTP | by its client, to the last byte |
//! | [`program`] | a line of JSON to a process that has the library | inside it, to the last row |
//! | [`frames`] | DataFusion in this process | from the text to the last batch |

pub mod dialect;
pub mod frames;
pub mod http;
pub mod program;
pub mod sql;

use anyhow::{Result, bail};
use quarry_benches::answer::{Row, rows_of_json};

/// The names of sides, which are columns.
pub mod name {
    /// Someone with a permission set.
    pub const QUARRY: &str = "Quarry";
    /// An administrator.
    pub const ADMIN: &str = "Quarry, admin";
    /// A server.
    pub const POSTGRES: &str = "PostgreSQL";
    /// A server over PostgreSQL.
    pub const POSTGRAPHILE: &str = "PostGraphile";
    /// A library.
    pub const DUCKDB: &str = "DuckDB";
    /// A library.
    pub const DATAFUSION: &str = "DataFusion";
    /// A library.
    pub const SQLITE: &str = "SQLite";
    /// A library over SQLite.
    pub const OBJECTSTACK: &str = "ObjectStack";
}

/// A side.
pub struct Side {
    /// Its column.
    pub name: &'static str,
    /// How it is asked.
    pub way: Way,
}

/// How a side is asked.
pub enum Way {
    /// The Postgres wire.
    Sql(sql::Sql),
    /// HTTP.
    Http(http::Http),
    /// A process with the library.
    Program(std::rc::Rc<program::Program>),
    /// In this process.
    Frames(frames::Frames),
}

/// A question in a side's own words.
#[derive(Clone, Debug)]
pub enum Ask {
    /// SQL, with `$1` for its parameter.
    Sql(String),
    /// SQL whose answer is JSON in one cell.
    SqlJson(String),
    /// JSON that is posted, with `"$p"` for its parameter; and how its answer is read.
    Post(serde_json::Value, http::Reading),
    /// What only the side's own program understands.
    Call(serde_json::Value),
    /// It can't: why.
    Cannot(String),
}

impl Ask {
    /// ObjectStack's engine sorts records, and no groups.
    pub fn sorts_no_groups(&self) -> bool {
        matches!(self, Ask::Call(call) if call.get("method").is_some_and(|method| method == "aggregate"))
    }
}

impl Side {
    /// All rows of the answer, as text.
    ///
    /// # Errors
    ///
    /// What the side refuses, and what takes too long.
    pub async fn answer(&self, ask: &Ask, parameter: Option<&str>) -> Result<Vec<Row>> {
        match (&self.way, ask) {
            (Way::Sql(side), Ask::Sql(sql)) => side.answer(sql, parameter).await,
            (Way::Sql(side), Ask::SqlJson(sql)) => {
                let rows = side.answer(sql, parameter).await?;
                let cell = rows.first().and_then(|row| row.first()).cloned().flatten();
                Ok(rows_of_json(&serde_json::from_str(&cell.unwrap_or_else(|| "null".to_owned()))?))
            }
            (Way::Frames(side), Ask::Sql(sql)) => side.answer(sql, parameter).await,
            (Way::Program(side), ask) => side.answer(ask, parameter),
            (Way::Http(side), Ask::Post(body, reading)) => side.answer(body, reading, parameter),
            (_, ask) => bail!("{} does not understand {ask:?}", self.name),
        }
    }

    /// How many microseconds the answer took.
    ///
    /// # Errors
    ///
    /// As [`Self::answer`].
    pub async fn time(&self, ask: &Ask, parameter: Option<&str>) -> Result<f64> {
        match (&self.way, ask) {
            (Way::Sql(side), Ask::Sql(sql) | Ask::SqlJson(sql)) => side.time(sql, parameter).await,
            (Way::Frames(side), Ask::Sql(sql)) => side.time(sql, parameter).await,
            (Way::Program(side), ask) => side.time(ask, parameter),
            (Way::Http(side), Ask::Post(body, _)) => side.time(body, parameter),
            (_, ask) => bail!("{} does not understand {ask:?}", self.name),
        }
    }
}

/// SQL with its parameter written out.
fn written_out(sql: &str, parameter: Option<&str>) -> String {
    match parameter {
        Some(value) => sql.replace("$1", &format!("'{}'", value.replace('\'', "''"))),
        None => sql.to_owned(),
    }
}
