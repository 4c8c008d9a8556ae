//! A side that speaks the Postgres wire.

use std::{cell::RefCell, collections::HashMap, time::Duration, time::Instant};

use anyhow::Result;
use quarry_benches::answer::Row;
use tokio_postgres::{Client, SimpleQueryMessage, Statement, types::ToSql};

use super::written_out;

/// A connection, with the statements that were prepared in it.
pub struct Sql {
    client: Client,
    prepared: RefCell<HashMap<String, Statement>>,
}

impl Sql {
    /// Over a connection; what takes longer than the limit is ended by the server.
    ///
    /// # Errors
    ///
    /// A server that knows no such limit.
    pub async fn over(client: Client, limit: Duration) -> Result<Sql> {
        client.batch_execute(&format!("SET statement_timeout = {}", limit.as_millis())).await?;
        Ok(Sql { client, prepared: RefCell::default() })
    }

    /// All rows, as text.
    ///
    /// # Errors
    ///
    /// What the server refuses.
    pub async fn answer(&self, sql: &str, parameter: Option<&str>) -> Result<Vec<Row>> {
        let messages = self.client.simple_query(&written_out(sql, parameter)).await.map_err(told)?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Microseconds of the prepared statement, binary.
    ///
    /// # Errors
    ///
    /// What the server refuses.
    pub async fn time(&self, sql: &str, parameter: Option<&str>) -> Result<f64> {
        let statement = self.prepared.borrow().get(sql).cloned();
        let statement = match statement {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(sql).await.map_err(told)?;
                self.prepared.borrow_mut().insert(sql.to_owned(), statement.clone());
                statement
            }
        };
        let words: Vec<&(dyn ToSql + Sync)> =
            parameter.iter().map(|word| word as &(dyn ToSql + Sync)).collect();
        let begin = Instant::now();
        self.client.query(&statement, &words).await.map_err(told)?;
        Ok(begin.elapsed().as_secs_f64() * 1e6)
    }
}

/// What the server said, which the client's own error leaves out.
pub fn told(error: tokio_postgres::Error) -> anyhow::Error {
    match error.as_db_error() {
        Some(said) => anyhow::anyhow!("{} ({})", said.message(), said.code().code()),
        None => error.into(),
    }
}
