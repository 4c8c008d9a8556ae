//! Questions: where they are asked (the open transaction or the newest state), and EXPLAIN.

use std::sync::Arc;

use arrow::{array::AsArray, compute::cast, datatypes::DataType};
use datafusion::{
    scalar::ScalarValue,
    sql::sqlparser::ast::{Query, SetExpr, Statement, UtilityOption},
};
use quarry_engine::{HeavyLine, QueryContext, RequestTurn};

use super::{Outcome, Session, Tag, security};
use crate::{
    error::{PgError, Result},
    run::{Ask, Rows},
};

/// Lines of a plan.
const EXPLAIN_ROWS_MAX: usize = 10_000;

impl Session {
    /// The state that the next question sees.
    pub(crate) fn context(&mut self) -> QueryContext {
        let context = if self.block.is_open() {
            let transaction = self.block.take(&self.user);
            let context = transaction.context();
            self.block.put(transaction);
            context
        } else {
            self.user.context()
        };
        self.tuned(context)
    }

    /// A state with what this session has set.
    pub(crate) fn tuned(&self, mut context: QueryContext) -> QueryContext {
        context.time_zone = self.settings.time_zone();
        context.timeout = self.settings.duration("statement_timeout");
        context.stop = self.guard.of_work().clone();
        context
    }

    /// A question on a state, with the catalog around it.
    pub(crate) fn ask(
        &self,
        context: QueryContext,
        statement: impl Into<Arc<Statement>>,
        values: Vec<ScalarValue>,
    ) -> Ask {
        let statement = statement.into();
        let application = self.settings.get("application_name").unwrap_or_default();
        Ask { context, catalog: Arc::clone(&self.catalog), statement, values, application, turn: None }
    }

    /// The same as a request of its own: it takes a turn of its tenant, and holds it until its last row is there.
    ///
    /// # Errors
    ///
    /// `53400` when the tenant asks too much.
    async fn ask_in_turn(
        &mut self,
        context: QueryContext,
        statement: impl Into<Arc<Statement>>,
        values: Vec<ScalarValue>,
    ) -> Result<Ask> {
        // Its rows may still come when other statements of this connection run.
        let context = QueryContext { line: HeavyLine::default(), ..context };
        let turn = self.begin_request().await?;
        Ok(Ask { turn: Some(turn), ..self.ask(context, statement, values) })
    }

    /// Waits for a turn of the tenant.
    ///
    /// # Errors
    ///
    /// `53400` when the tenant asks too much, `57014`.
    pub(super) async fn begin_request(&mut self) -> Result<RequestTurn> {
        let engine = Arc::clone(self.user.engine());
        self.wait(async { Ok(engine.begin_request().await?) }).await
    }

    /// Runs a question; a cancel, the deadline and the client's leaving end it.
    ///
    /// # Errors
    ///
    /// The planner's, `57014`.
    pub(crate) async fn open(&mut self, ask: Ask) -> Result<Rows> {
        let queries = self.queries.clone();
        self.wait(queries.open(ask)).await
    }

    /// `SELECT`, `VALUES`, `TABLE`, `WITH`.
    pub(super) async fn do_query(
        &mut self,
        statement: &Arc<Statement>,
        values: &[ScalarValue],
    ) -> Result<Outcome> {
        check_query(statement)?;
        let context = self.context();
        let ask = self.ask_in_turn(context, Arc::clone(statement), values.to_vec()).await?;
        let rows = self.open(ask).await?;
        Ok(Outcome::Rows(rows, Tag::Select))
    }

    /// `EXPLAIN`: one column, a row per line, as PostgreSQL.
    pub(super) async fn do_explain(
        &mut self,
        statement: &Statement,
        values: &[ScalarValue],
    ) -> Result<Outcome> {
        if security::is_asked(statement) {
            let lines = self.security(statement).await?;
            let rows = Rows::texts(vec![("QUERY PLAN", lines)])?;
            return Ok(Outcome::Rows(rows, Tag::Fixed("EXPLAIN".into())));
        }
        let plain = plain_explain(statement)?;
        let context = self.context();
        let ask = self.ask_in_turn(context, plain, values.to_vec()).await?;
        let rows = self.open(ask).await?;
        let all = self.wait(rows.all(EXPLAIN_ROWS_MAX)).await?;
        let mut lines = Vec::new();
        for (kind, text) in all.columns().first().zip(all.columns().get(1)).into_iter() {
            let (kind, text) = (cast(kind, &DataType::Utf8)?, cast(text, &DataType::Utf8)?);
            for (kind, text) in kind.as_string::<i32>().iter().zip(text.as_string::<i32>().iter()) {
                lines.push(format!("{}:", kind.unwrap_or_default()));
                lines.extend(text.unwrap_or_default().lines().map(|line| format!("  {line}")));
            }
        }
        let rows = Rows::texts(vec![("QUERY PLAN", lines)])?;
        Ok(Outcome::Rows(rows, Tag::Fixed("EXPLAIN".into())))
    }
}

/// Refuses what a query says that would be passed over in silence.
fn check_query(statement: &Statement) -> Result<()> {
    let Statement::Query(query) = statement else { return Ok(()) };
    if !query.locks.is_empty() {
        let hint = "nothing waits for a lock: a conflicting commit is refused with 40001, run it again";
        return Err(PgError::unsupported("row locks (FOR UPDATE, FOR SHARE) are not supported", hint));
    }
    if is_into(query) {
        let hint = "objects come from packages; use INSERT … SELECT to fill one";
        return Err(PgError::unsupported("SELECT INTO is not supported", hint));
    }
    Ok(())
}

fn is_into(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => select.into.is_some(),
        _ => false,
    }
}

/// The EXPLAIN that the planner knows: `(ANALYZE, VERBOSE)` as words, no other format than text.
fn plain_explain(statement: &Statement) -> Result<Statement> {
    let mut plain = statement.clone();
    let Statement::Explain { statement: inner, analyze, verbose, options, format, .. } = &mut plain else {
        return Ok(plain);
    };
    if !matches!(inner.as_ref(), Statement::Query(_)) {
        return Err(PgError::unsupported(
            "EXPLAIN takes a query",
            "explain the SELECT that finds the records",
        ));
    }
    check_query(inner)?;
    for UtilityOption { name, arg } in options.take().unwrap_or_default() {
        let name = name.value.to_ascii_lowercase();
        let value = arg.map(|a| a.to_string().trim_matches('\'').to_ascii_lowercase());
        let is_on = !matches!(value.as_deref(), Some("false" | "off" | "0"));
        match name.as_str() {
            "analyze" => *analyze = is_on,
            "verbose" => *verbose = is_on,
            // What they would add is not measured, or is always there.
            "costs" | "timing" | "summary" | "settings" => {}
            "format" if value.as_deref() == Some("text") => {}
            _ => {
                let hint = "known are ANALYZE, VERBOSE, FORMAT TEXT and SECURITY";
                return Err(PgError::unsupported(
                    format!("the EXPLAIN option {name} is not supported"),
                    hint,
                ));
            }
        }
    }
    *format = None;
    Ok(plain)
}
