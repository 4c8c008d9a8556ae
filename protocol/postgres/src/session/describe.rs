//! Describe: what types a statement's parameters and columns have, told before it runs.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::Statement;
use pgwire::{
    api::Type,
    messages::data::{NoData, ParameterDescription},
};

use super::{PortalState, Prepared, Session, extended::formatted, setting::shown_name, statement};
use crate::{
    dml,
    encode::{Format, OutColumn, columns_of},
    error::Result,
    names::{folded, last_part},
    parameter::{self, Hints},
    parse,
    wire::Target,
};

impl Session {
    /// Settles the types of a statement's parameters; the planner is asked only where client and form leave one open.
    pub(super) async fn prepare(&mut self, statement: Option<Statement>, said: &[u32]) -> Result<Prepared> {
        let Some(statement) = statement else {
            return Ok(Prepared::new(None, Vec::new()));
        };
        if !statement::ends_transaction(&statement) {
            self.check_not_failed()?;
        }
        let count = parse::count_parameters(&statement)?.max(said.len());
        let mut hints = parameter::hints_of(&statement);
        if count > 0 {
            let context = self.context();
            hints.extend(dml::hints(&context.views, &statement)?);
        }
        let is_open = |n: &usize| said.get(n - 1).is_none_or(|oid| *oid == 0) && !hints.contains_key(n);
        let inferred = if (1..=count).any(|n| is_open(&n)) {
            let known = parameter::settle(count, said, &hints, &[]);
            self.infer(&statement, &known, (said, &hints)).await?
        } else {
            Vec::new()
        };
        let parameters = parameter::settle(count, said, &hints, &inferred);
        Ok(Prepared::new(Some(Arc::new(statement)), parameters))
    }

    async fn infer(
        &mut self,
        statement: &Statement,
        known: &[Type],
        (said, hints): (&[u32], &Hints),
    ) -> Result<Vec<Option<DataType>>> {
        let Some(question) = self.question_of(statement)? else { return Ok(Vec::new()) };
        let (said, hints) = (said.to_vec(), hints.clone());
        let described = self.describe_question(question, known, move |inferred: &[Option<DataType>]| {
            let count = inferred.len().max(said.len());
            parameter::settle(count, &said, &hints, inferred)
        });
        Ok(described.await?.parameters)
    }

    /// The question behind a statement: itself, or what a change asks first.
    fn question_of(&mut self, statement: &Statement) -> Result<Option<Statement>> {
        match statement {
            Statement::Query(_) => Ok(Some(statement.clone())),
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                let context = self.context();
                dml::question_of(&context.views, statement)
            }
            Statement::Declare { stmts } => {
                Ok(stmts.first().and_then(|d| d.for_query.clone()).map(Statement::Query))
            }
            _ => Ok(None),
        }
    }

    /// `known`: the types of the parameters, text where one is open yet; `settle` says them all.
    async fn describe_question<F>(
        &mut self,
        question: Statement,
        known: &[Type],
        settle: F,
    ) -> Result<crate::run::Described>
    where
        F: FnOnce(&[Option<DataType>]) -> Vec<Type> + Send + 'static,
    {
        let context = self.context();
        let values = known.iter().map(parameter::null_of).collect::<Result<Vec<_>>>()?;
        let ask = self.ask(context, question, values);
        let nulls = |inferred: &[Option<DataType>]| settle(inferred).iter().map(parameter::null_of).collect();
        let described = self.queries.clone();
        let describing = described.describe(ask, nulls);
        self.guard.wait(&mut self.wire, describing).await
    }

    /// `Describe`.
    pub(super) async fn on_describe(&mut self, target: Target, name: &str) -> Result<()> {
        self.begin_statement();
        match target {
            Target::Statement => {
                let prepared = self.find_prepared(name)?;
                let columns = self.columns_of_prepared(&prepared).await?;
                let oids = prepared.parameters.iter().map(Type::oid).collect();
                self.wire.put(&ParameterDescription::new(oids));
                self.send_columns_or_none(columns);
            }
            Target::Portal => {
                self.open_portal(name).await?;
                let Some(portal) = self.portals.get(name) else { return Ok(()) };
                let columns = match &portal.state {
                    PortalState::Open { columns, .. } => Some(columns.to_vec()),
                    _ => {
                        let (prepared, codes) = (portal.prepared.clone(), portal.result_formats.clone());
                        let columns = self.columns_of_prepared(&prepared).await?;
                        columns.map(|c| formatted(c, &codes)).transpose()?
                    }
                };
                self.send_columns_or_none(columns);
            }
        }
        Ok(())
    }

    fn send_columns_or_none(&mut self, columns: Option<Vec<OutColumn>>) {
        match columns {
            Some(columns) => self.send_columns(&columns),
            None => self.wire.put(&NoData::new()),
        }
    }

    /// The columns of what a statement answers, in text form; none when it answers no rows.
    async fn columns_of_prepared(&mut self, prepared: &Arc<Prepared>) -> Result<Option<Vec<OutColumn>>> {
        let Some(statement) = &prepared.statement else { return Ok(None) };
        if !statement::ends_transaction(statement) {
            self.check_not_failed()?;
        }
        let question = match statement.as_ref() {
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) => {
                let context = self.context();
                dml::returning_of(&context.views, statement)?
            }
            Statement::Query(_) => Some(statement.as_ref().clone()),
            Statement::Explain { .. } => return Ok(Some(vec![text_column("QUERY PLAN")])),
            Statement::ShowVariable { variable } => return Ok(Some(columns_of_show(&shown_name(variable)))),
            Statement::Fetch { name, .. } => return self.cursor_columns(&folded(name), &[]).await.map(Some),
            Statement::Execute { name: Some(name), .. } => {
                let inner = self.find_prepared(&last_part(name))?;
                return Box::pin(self.columns_of_prepared(&inner)).await;
            }
            _ => None,
        };
        let Some(question) = question else { return Ok(None) };
        let types = prepared.parameters.clone();
        let described = self
            .describe_question(question, &prepared.parameters, move |_: &[Option<DataType>]| types)
            .await?;
        Ok(Some(columns_of(&described.schema)))
    }
}

fn columns_of_show(name: &str) -> Vec<OutColumn> {
    if name == "all" {
        return ["name", "setting", "description"].into_iter().map(text_column).collect();
    }
    vec![text_column(name)]
}

fn text_column(name: &str) -> OutColumn {
    OutColumn { name: name.to_owned(), pg_type: Type::TEXT, modifier: -1, format: Format::Text }
}
