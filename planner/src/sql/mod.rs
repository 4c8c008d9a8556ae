//! SQL over the same views: DataFusion's planner, our tables.

mod age;
pub mod bounds;
mod catalog;
pub mod clocks;
mod digits;
mod expanded;
mod floats;
mod gate;
mod gather;
mod instants;
mod known;
mod meant;
mod named;
mod now;
mod pairs;
mod parameters;
mod parts;
mod pictures;
mod quantified;
mod rounding;
mod search;
mod small;
mod table;
mod truncate;
mod zone;

use std::sync::Arc;

use arrow::{array::RecordBatch, datatypes::DataType};
use datafusion::{
    catalog::SchemaProvider,
    common::{ParamValues, ScalarValue, metadata::ScalarAndMetadata},
    error::DataFusionError,
    execution::{FunctionRegistry, SendableRecordBatchStream, SessionState},
    logical_expr::{LogicalPlan, ScalarUDF},
    optimizer::{Analyzer, AnalyzerRule},
    sql::{
        parser::Statement as PlannedStatement,
        sqlparser::{
            ast::Statement,
            dialect::PostgreSqlDialect,
            parser::{Parser, ParserError},
            tokenizer::Tokenizer,
        },
    },
};
use futures::future::BoxFuture;

pub use catalog::{AUDIT, CHANGES, EVENTS, RECYCLE_BIN};
pub(crate) use catalog::{CATALOG, SEARCH_PATH};
pub(crate) use floats::FloatsPrevail;
use instants::{ByTheClock, DaysBecomeReadings, EpochsAreInstants, InstantsPrevail, SetsAgree};
pub(crate) use pairs::series_rows;

use known::{Asked, KnownQuestions};
use small::Small;

use crate::{
    context::QueryContext,
    error::Result,
    plan::direct::Direct,
    planner::PlannerOptions,
    run::{self, Runs},
};

/// Puts what time is in PostgreSQL into a registry in place of what it is in DataFusion.
///
/// # Errors
///
/// Where DataFusion has not what is replaced.
pub(crate) fn register_time(registry: &mut dyn FunctionRegistry) -> datafusion::common::Result<()> {
    now::register(registry)?;
    zone::register(registry)?;
    parts::register(registry)?;
    pictures::register(registry)?;
    truncate::register(registry)?;
    age::register(registry)?;
    digits::register(registry)?;
    named::register(registry)?;
    registry.register_function_rewrite(Arc::new(DaysBecomeReadings))?;
    registry.register_function_rewrite(Arc::new(EpochsAreInstants))?;
    registry.register_function_rewrite(Arc::new(InstantsPrevail))
}

/// The analyzer's rules: before types are made to fit, and behind.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    rules.insert(0, Arc::new(SetsAgree));
    rules.push(Arc::new(ByTheClock));
    rules.push(Arc::new(quantified::SetsApart));
    rules
}

/// What a door adds: its catalog schemas (`pg_catalog`, `information_schema`) and its functions.
#[derive(Clone, Default)]
pub struct SqlExtras {
    /// Schemas by name.
    pub schemas: Vec<(String, Arc<dyn SchemaProvider>)>,
    /// Scalar functions.
    pub functions: Vec<Arc<ScalarUDF>>,
}

/// What is known of a question that may have been asked before.
#[derive(Debug)]
pub enum Again {
    /// Nothing, or it is too deep.
    Unknown,
    /// It is to be planned: there may be many rows.
    ToPlan,
    /// All of its rows.
    Rows(RecordBatch),
}

/// A question made of more takes more than the stack of any thread.
const SHALLOW_BYTES: usize = 16 << 10;

/// What all SQL sessions of a planner share.
#[derive(Clone)]
pub(crate) struct Shared {
    state: Arc<SessionState>,
    options: Arc<PlannerOptions>,
    runs: Arc<Runs>,
    known: Arc<KnownQuestions>,
}

impl Shared {
    pub(crate) fn new(state: SessionState, (options, runs): (Arc<PlannerOptions>, Arc<Runs>)) -> Shared {
        Shared { state: Arc::new(state), options, runs, known: Arc::default() }
    }

    /// What is known of a question, and how many rows it may be answered by; none where all is planned.
    fn known(&self, asked: &Asked<'_>) -> Option<(Arc<Small>, u64)> {
        let rows_max = self.options.direct_rows()?;
        Some((self.known.get(asked)?, rows_max))
    }

    /// Answers what [`SqlSession::execute_known`] has seen before; none where it has not, or where there may be many rows.
    ///
    /// # Errors
    ///
    /// As [`SqlSession::execute`].
    pub(crate) async fn again(
        &self,
        context: &QueryContext,
        statement: &Statement,
        values: &[ScalarValue],
    ) -> Result<Option<SendableRecordBatchStream>> {
        let known = self.known(&Asked { statement, values, context });
        let Some((small, rows_max)) = known else { return Ok(None) };
        let within = (rows_max, &run::Deadline::of(context));
        let reading = self.runs.begin_reading();
        let rows = small.rows((&self.state, &context.seeing()), values, within).await?;
        drop(reading);
        Ok(self.runs.counted(rows).map(run::at_once))
    }

    /// As [`Self::again`], of questions that are not deep.
    ///
    /// # Errors
    ///
    /// As [`Self::again`].
    pub(crate) async fn shallow_again(
        &self,
        context: &QueryContext,
        statement: &Statement,
        values: &[ScalarValue],
    ) -> Result<Again> {
        let known = self.known(&Asked { statement, values, context });
        let Some((small, rows_max)) = known.filter(|(small, _)| small.size() <= SHALLOW_BYTES) else {
            return Ok(Again::Unknown);
        };
        let within = (rows_max, &run::Deadline::of(context));
        let reading = self.runs.begin_reading();
        let rows = small.rows((&self.state, &context.seeing()), values, within).await?;
        drop(reading);
        Ok(self.runs.counted(rows).map_or(Again::ToPlan, Again::Rows))
    }

    /// As [`Self::again`] on this thread, for a record by its key.
    ///
    /// # Errors
    ///
    /// As [`Self::again`].
    pub(crate) fn at_hand(
        &self,
        context: &QueryContext,
        statement: &Statement,
        values: &[ScalarValue],
    ) -> Result<Option<RecordBatch>> {
        let known = self.known(&Asked { statement, values, context });
        let Some((small, rows_max)) = known else { return Ok(None) };
        if !small.is_by_key {
            return Ok(None);
        }
        let direct = small.direct((&self.state, &context.seeing()), values, rows_max)?;
        let Some(direct) = direct.filter(Direct::is_at_hand) else { return Ok(None) };
        let rows = direct.read_now(&self.state, &run::Deadline::of(context))?;
        Ok(self.runs.counted(rows.map_or(Ok(None), |rows| small.answer(rows))?))
    }
}

/// Plans and runs SQL queries over one session's views on one state. Objects answer as `account` and as
/// `crm.account`; `search('account', 'words')` is a table function (the object's columns and `_score`). Only queries:
/// DDL, DML, SET and COPY are refused here (a door does its own).
///
/// Futures are boxed, here and in [`crate::Planner`]: the code of a future is made by the crate that polls it, so that each
/// door would compile a good part of DataFusion once more.
pub struct SqlSession {
    state: Arc<SessionState>,
    tables: catalog::State,
    shared: Shared,
    context: QueryContext,
}

impl SqlSession {
    pub(crate) fn new(shared: &Shared, context: &QueryContext, extras: &SqlExtras) -> SqlSession {
        let mut state = shared.state.as_ref().clone();
        let tables = catalog::State {
            views: Arc::clone(&context.views),
            seeing: context.seeing(),
            reads_audit: context.reads_audit,
            former: Arc::default(),
            clock: context.clock(),
        };
        state.register_udtf("search", Arc::new(search::SearchFunction(tables.clone())));
        state.register_catalog_list(Arc::new(catalog::SessionCatalogs::new(
            tables.clone(),
            extras.schemas.clone(),
        )));
        for function in &extras.functions {
            // Names are the door's own; replacing DataFusion's function of that name is what it asks for.
            drop(state.register_udf(Arc::clone(function)));
        }
        let zone = context.time_zone.name().to_owned();
        state.config_mut().options_mut().execution.time_zone = Some(zone);
        state.execution_props_mut().query_execution_start_time =
            chrono::DateTime::from_timestamp_micros(context.now_micros);
        SqlSession { state: Arc::new(state), tables, shared: shared.clone(), context: context.clone() }
    }

    /// DataFusion's state underneath, for doors that plan expressions.
    pub fn state(&self) -> &SessionState {
        &self.state
    }

    /// Plans a parsed query (`Statement::Query`, `Explain`, `ShowTables`…); parameters `$1` stay open. Not optimized.
    ///
    /// # Errors
    ///
    /// `Missing` for an unknown table or column, `Invalid` for the rest; the DataFusion error is the source.
    pub fn plan(&self, mut statement: Statement) -> BoxFuture<'_, Result<LogicalPlan>> {
        Box::pin(async move {
            gate::check_statement(&statement, self.context.views.policies.shape().sees_all())?;
            expanded::check(&statement, &self.shared.options)?;
            self.tables.hear(&statement);
            meant::as_meant(&mut statement);
            let plan = self.state.statement_to_plan(PlannedStatement::Statement(Box::new(statement))).await?;
            run::check_shape(&plan, &self.shared.options)?;
            gate::check_plan(&plan)?;
            Ok(plan)
        })
    }

    /// Plans and runs one query without parameters.
    ///
    /// # Errors
    ///
    /// `Invalid` when the text is not exactly one statement; those of [`Self::plan`] and [`Self::execute`].
    pub fn ask<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<SendableRecordBatchStream>> {
        Box::pin(self.parse_and_run(text))
    }

    async fn parse_and_run(&self, text: &str) -> Result<SendableRecordBatchStream> {
        let dialect = PostgreSqlDialect {};
        let wrong = |error: ParserError| DataFusionError::SQL(Box::new(error), None);
        let tokens =
            Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| wrong(error.into()))?;
        bounds::check_chains(tokens.iter().map(|token| &token.token))?;
        let parsed = Parser::new(&dialect).with_tokens_with_locations(tokens).parse_statements();
        let mut statements = parsed.map_err(wrong)?;
        match (statements.pop(), statements.is_empty()) {
            (Some(statement), true) => {
                let plan = self.plan(statement).await?;
                self.execute(plan, Vec::new()).await
            }
            _ => Err(gate::not_one_statement()),
        }
    }

    /// The types of the open parameters, by position, as far as they can be inferred.
    ///
    /// # Errors
    ///
    /// `Invalid`.
    pub fn parameter_types(&self, plan: &LogicalPlan) -> Result<Vec<Option<DataType>>> {
        parameters::parameter_types(plan)
    }

    /// Analyzes and optimizes, so that the schema is the one the rows will have.
    ///
    /// # Errors
    ///
    /// `Invalid`, `Violated`.
    pub fn optimize(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        Ok(self.state.optimize(plan)?)
    }

    /// Binds the parameters and runs; rows come as a stream that obeys the context's timeout; dropping it ends the work.
    ///
    /// # Errors
    ///
    /// As above, and `Limited`.
    pub fn execute(
        &self,
        plan: LogicalPlan,
        values: Vec<ScalarValue>,
    ) -> BoxFuture<'_, Result<SendableRecordBatchStream>> {
        Box::pin(self.run(plan, values, None))
    }

    /// As [`Self::execute`], of a plan that was made of `asked` and of nothing else: when that is asked again,
    /// [`crate::Planner::again`] may know how to answer it.
    ///
    /// # Errors
    ///
    /// As [`Self::execute`].
    pub fn execute_known<'a>(
        &'a self,
        plan: LogicalPlan,
        values: Vec<ScalarValue>,
        asked: &'a Statement,
    ) -> BoxFuture<'a, Result<SendableRecordBatchStream>> {
        Box::pin(self.run(plan, values, Some(asked)))
    }

    async fn run(
        &self,
        plan: LogicalPlan,
        values: Vec<ScalarValue>,
        asked: Option<&Statement>,
    ) -> Result<SendableRecordBatchStream> {
        gate::check_plan(&plan)?;
        let deadline = &run::Deadline::of(&self.context);
        if let Some(rows_max) = self.shared.options.direct_rows()
            && let Some(small) = Small::of(&self.state, &plan, &values)?
        {
            let with = (&self.state, &self.context.seeing());
            let reading = self.shared.runs.begin_reading();
            let rows = small.rows(with, &values, (rows_max, deadline)).await?;
            drop(reading);
            if let Some(rows) = self.shared.runs.counted(rows) {
                if let Some(statement) = asked.filter(|_| small.is_lasting) {
                    let asked = Asked { statement, values: &values, context: &self.context };
                    self.shared.known.keep(&asked, Arc::new(small));
                }
                return Ok(run::at_once(rows));
            }
        }
        let values = ParamValues::List(values.into_iter().map(ScalarAndMetadata::from).collect());
        let plan = plan.with_param_values(values)?;
        let plan = self.optimize(&plan)?;
        let state = run::state_for(&self.state, &plan, &self.shared.options);
        let physical = run::physical(&state, &plan, deadline).await?;
        pairs::check(&physical, self.shared.options.join_pairs_max)?;
        let counted = pairs::count(physical, self.shared.options.join_pairs_max)?;
        self.shared.runs.start((&state, &self.context), counted, deadline)
    }
}
