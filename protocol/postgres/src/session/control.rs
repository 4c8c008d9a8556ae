//! PREPARE, EXECUTE, DEALLOCATE, DISCARD.

use std::sync::Arc;

use datafusion::{
    scalar::ScalarValue,
    sql::sqlparser::ast::{DataType as SqlType, DiscardObject, Expr, Ident, Statement},
};
use pgwire::api::Type;

use super::{Block, Outcome, Session};
use crate::{
    dml,
    error::{PgError, Result},
    names::{folded, last_part},
    parameter::{decode_as, of_sql},
    sqlstate::SqlState,
};

impl Session {
    /// `PREPARE name (types) AS statement`: in one list with the protocol's own.
    pub(super) async fn do_prepare(
        &mut self,
        name: &Ident,
        data_types: &[SqlType],
        statement: &Statement,
    ) -> Result<Outcome> {
        if matches!(statement, Statement::Prepare { .. } | Statement::Execute { .. }) {
            return Err(PgError::new(SqlState::SYNTAX, "PREPARE takes a query or a change"));
        }
        let types = data_types
            .iter()
            .map(|t| match of_sql(t) {
                Some(pg_type) => Ok(pg_type.oid()),
                None => Err(PgError::new(SqlState::UNDEFINED_OBJECT, format!("type \"{t}\" does not exist"))),
            })
            .collect::<Result<Vec<u32>>>()?;
        let prepared = Arc::new(self.prepare(Some(statement.clone()), &types).await?);
        self.keep_prepared(folded(name), prepared)?;
        Ok(Outcome::done("PREPARE"))
    }

    /// `EXECUTE name (values)`.
    pub(super) async fn do_execute(&mut self, statement: &Statement) -> Result<Outcome> {
        let Statement::Execute { name: Some(name), parameters, immediate, into, using, .. } = statement
        else {
            return Err(super::statement::refuse(statement));
        };
        if *immediate || !into.is_empty() || !using.is_empty() {
            return Err(super::statement::refuse(statement));
        }
        let name = last_part(name);
        let prepared = self.find_prepared(&name)?;
        if parameters.len() != prepared.parameters.len() {
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            let error = PgError::new(SqlState::SYNTAX, message);
            let (expected, got) = (prepared.parameters.len(), parameters.len());
            return Err(error.with_detail(format!("Expected {expected} parameters but got {got}.")));
        }
        let values = self.values_of(parameters, &prepared.parameters).await?;
        match &prepared.statement {
            Some(inner) => self.execute(inner, &values).await,
            None => Ok(Outcome::done("")),
        }
    }

    async fn values_of(&mut self, exprs: &[Expr], types: &[Type]) -> Result<Vec<ScalarValue>> {
        let context = self.context();
        let scalars = dml::evaluate(self, context, exprs, &[]).await?;
        let zone = self.settings.time_zone();
        let pairs = scalars.into_iter().zip(types);
        pairs.map(|(scalar, pg_type)| decode_as(scalar, pg_type, zone)).collect()
    }

    /// `DEALLOCATE name`, `DEALLOCATE ALL`.
    pub(super) fn do_deallocate(&mut self, name: &Ident) -> Result<Outcome> {
        if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("all") {
            self.prepared.clear();
            return Ok(Outcome::done("DEALLOCATE ALL"));
        }
        let name = folded(name);
        self.find_prepared(&name)?;
        self.prepared.remove(&name);
        Ok(Outcome::done("DEALLOCATE"))
    }

    /// `DISCARD ALL` and its parts: as if the connection had just begun.
    pub(super) fn do_discard(&mut self, what: DiscardObject) -> Result<Outcome> {
        match what {
            DiscardObject::ALL => {
                if self.block.block() != Block::None {
                    let message = "DISCARD ALL cannot run inside a transaction block";
                    return Err(PgError::new(SqlState::ACTIVE_TRANSACTION, message));
                }
                self.portals.clear();
                self.prepared.clear();
                self.reset_all()?;
                Ok(Outcome::done("DISCARD ALL"))
            }
            DiscardObject::PLANS => Ok(Outcome::done("DISCARD PLANS")),
            DiscardObject::SEQUENCES => Ok(Outcome::done("DISCARD SEQUENCES")),
            DiscardObject::TEMP => Ok(Outcome::done("DISCARD TEMP")),
        }
    }
}
