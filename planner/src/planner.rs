//! The planner: shared by all sessions of a process.

use std::{cell::Cell, sync::Arc};

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{Int64Type, SchemaRef},
};
use datafusion::{
    common::{ScalarValue, config::Dialect},
    execution::FunctionRegistry,
    execution::{
        SendableRecordBatchStream, SessionState, SessionStateBuilder, config::SessionConfig,
        runtime_env::RuntimeEnv,
    },
    logical_expr::LogicalPlan,
    physical_plan::{displayable, stream::RecordBatchStreamAdapter},
    sql::sqlparser::ast::Statement,
};
use futures::{StreamExt, future::BoxFuture};
use tokio::sync::Semaphore;

use crate::{
    answer::Answer,
    context::QueryContext,
    error::{Error, ErrorKind, Result},
    growth, nearest,
    objectql::Query,
    plan::{
        Question, attach,
        groups::{Groups, answer_schema},
        records::{Level, Records, Resolving},
    },
    rules,
    run::{self, Deadline, MemoryShare, Runs, SharePool, Total},
    sql::{self, Again, CATALOG, FloatsPrevail, SEARCH_PATH, SqlExtras, SqlSession},
    view::{FEW_ROWS_MAX, ScanSizes},
};

/// So many keys of a join's smaller side are told to a scan on the other one ([`crate::view::JoinedRows`]).
const JOIN_KEYS_MAX: usize = 1_024;

/// Limits, each with its unit.
#[derive(Clone, Debug)]
pub struct PlannerOptions {
    /// What all running queries may hold in memory together.
    pub memory_bytes: u64,
    /// What all running queries may spill to disk together.
    pub spill_bytes_max: u64,
    /// Partitions of a plan over large inputs.
    pub target_partitions: usize,
    /// Rows below which one partition is used.
    pub single_partition_rows: u64,
    /// Rows that a table must have for its rows to be looked up by the keys of a join's other side, where those are few; 0: they
    /// always are.
    pub join_lookup_rows_min: u64,
    /// Filters, expands and expressions may nest so deep.
    pub depth_max: usize,
    /// Relations that one question may bring along, on all levels; related objects that are read by key count too.
    pub expands_max: usize,
    /// Relations of one question that are read at the same time.
    pub expands_running_max: usize,
    /// Related records that one question may hold at a time, on all levels.
    pub expand_rows_max: u64,
    /// Pairs of rows that a join without an equality may try.
    pub join_pairs_max: u64,
    /// Operators that a plan may have.
    pub plan_operators_max: usize,
    /// Levels that a plan may be deep.
    pub plan_depth_max: usize,
    /// Joins that a plan may have.
    pub plan_joins_max: usize,
    /// Rows that the operators of a plan may handle together, by its estimate.
    pub plan_rows_max: u64,
    /// Bytes that a plan may read and join, by its estimate.
    pub plan_bytes_max: u64,
    /// Rows up to which a question is answered around the general executor, where it can be (1,024 at most); 0: all is planned.
    pub direct_rows_max: u64,
    /// A plan that handles more rows than so many, by its estimate, is a heavy one: it runs beside the others, on threads
    /// that give way.
    pub heavy_rows: u64,
    /// Heavy plans that run at the same time.
    pub heavy_running_max: usize,
    /// Heavy plans that may wait for their turn.
    pub heavy_waiting_max: usize,
}

impl Default for PlannerOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            spill_bytes_max: 16 << 30,
            target_partitions: 2,
            single_partition_rows: 100_000,
            join_lookup_rows_min: 131_072,
            depth_max: 32,
            expands_max: 100,
            expands_running_max: 4,
            expand_rows_max: 1_000_000,
            join_pairs_max: 200_000_000,
            plan_operators_max: 4_000,
            plan_depth_max: 300,
            plan_joins_max: 128,
            plan_rows_max: 10_000_000_000,
            plan_bytes_max: 1 << 40,
            direct_rows_max: FEW_ROWS_MAX,
            heavy_rows: 500_000,
            heavy_running_max: std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2)),
            heavy_waiting_max: 256,
        }
    }
}

impl PlannerOptions {
    /// Up to how many rows are read around the general executor; none where all is planned.
    pub(crate) fn direct_rows(&self) -> Option<u64> {
        Some(self.direct_rows_max.min(FEW_ROWS_MAX)).filter(|rows| *rows > 0)
    }
}

/// Turns questions into answers.
pub struct Planner {
    options: Arc<PlannerOptions>,
    sql: sql::Shared,
    small: Arc<SessionState>,
    large: Arc<SessionState>,
    runs: Arc<Runs>,
    runtime: Arc<RuntimeEnv>,
    memory: Arc<Total>,
}

impl Planner {
    /// A planner with its memory pool.
    pub fn new(options: PlannerOptions) -> Planner {
        let memory = Total::new(options.memory_bytes);
        let runtime = runtime(&options, &memory);
        let config = SessionConfig::new()
            .with_target_partitions(options.target_partitions.max(1))
            .with_default_catalog_and_schema(CATALOG, SEARCH_PATH)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(false)
            .set_usize("datafusion.optimizer.hash_join_inlist_pushdown_max_distinct_values", JOIN_KEYS_MAX)
            .with_extension(Arc::new(ScanSizes {
                single_partition_rows: options.single_partition_rows,
                join_lookup_rows_min: options.join_lookup_rows_min,
            }));
        let mut sql = SessionStateBuilder::new_with_default_features()
            .with_config(postgres_rules(config.clone()))
            .with_runtime_env(Arc::clone(&runtime))
            .with_analyzer_rules(sql::analyzer_rules())
            .with_physical_optimizer_rules(rules::physical_of_sql())
            .build();
        if let Err(error) = sql.register_function_rewrite(Arc::new(FloatsPrevail)) {
            tracing::warn!(%error, "floats are compared with exact numbers as exact numbers");
        }
        if let Err(error) = sql::register_time(&mut sql) {
            tracing::warn!(%error, "the time is told in UTC");
        }
        if let Err(error) = growth::bound(&mut sql) {
            tracing::warn!(%error, "some functions may make more of a row than they should");
        }
        let objectql = |partitions: usize| {
            let state = SessionStateBuilder::new_with_default_features()
                .with_config(config.clone().with_target_partitions(partitions))
                .with_runtime_env(Arc::clone(&runtime))
                .with_optimizer_rules(rules::logical())
                .with_physical_optimizer_rules(rules::physical())
                .build();
            Arc::new(state)
        };
        let (small, large) = (objectql(1), objectql(options.target_partitions.max(1)));
        let options = Arc::new(options);
        let runs = Arc::new(Runs::new(Arc::clone(&options)));
        let shared = (Arc::clone(&options), Arc::clone(&runs));
        Planner { sql: sql::Shared::new(sql, shared), options, small, large, runs, runtime, memory }
    }

    /// A share of the memory that questions have, for those of one tenant: all of it until it is bounded.
    pub fn memory_share(&self) -> MemoryShare {
        MemoryShare::of(&self.runtime, &self.memory)
    }

    /// What all questions may hold together, bytes.
    pub fn memory_bytes_max(&self) -> u64 {
        self.options.memory_bytes
    }

    /// How many questions were answered around the general executor so far, whatever they brought along.
    pub fn direct_answers(&self) -> u64 {
        self.runs.direct()
    }

    /// How many SQL questions are read around the general executor now.
    pub fn direct_running(&self) -> usize {
        self.runs.reading()
    }

    /// How many heavy questions run now, and how many wait for their turn.
    pub fn heavy_questions(&self) -> (usize, usize) {
        self.runs.heavy()
    }

    /// Answers an ObjectQL question; rows come as a stream.
    ///
    /// # Errors
    ///
    /// `Invalid`, `Missing`, `Limited`, …; errors while rows are made come through the stream.
    pub fn query<'a>(&'a self, context: &'a QueryContext, query: &'a Query) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(self.answer(context, query))
    }

    async fn answer(&self, context: &QueryContext, query: &Query) -> Result<Answer> {
        let question = self.question(context);
        let csn = context.snapshot.csn().0;
        match Resolved::of(&question, query)? {
            Resolved::Groups(groups) => {
                let count = match query.count {
                    true => Some(question.count(&groups.count_plan(&context.seeing())?).await?),
                    false => None,
                };
                if let Some(batch) = self.runs.counted(question.direct_groups(&groups).await?) {
                    let (schema, batches) = (batch.schema(), run::at_once(batch));
                    return Ok(Answer { schema, batches, count, next: None, csn });
                }
                let plan = groups.plan(&context.seeing())?;
                let schema = answer_schema(&plan);
                let batches = renamed(question.stream(&plan).await?, Arc::clone(&schema));
                Ok(Answer { schema, batches, count, next: None, csn })
            }
            Resolved::Records(records) => {
                let count = match query.count {
                    true => Some(question.count_of(&records).await?),
                    false => None,
                };
                let direct = question.direct(&records, records.restriction()).await?;
                let stream = match self.runs.counted(direct) {
                    Some(batch) => run::at_once(batch),
                    None => question.stream(&question.root_plan(&records)?).await?,
                };
                let schema = Arc::clone(&records.schema);
                let deadline = question.deadline.clone();
                let mut pager = records.pager();
                let next = pager.as_ref().map(|pager| pager.next.clone());
                let (records, question) = (Arc::<Records>::from(records), Arc::new(question));
                let whole = stream.then(move |batch| {
                    let (records, question) = (Arc::clone(&records), Arc::clone(&question));
                    let watched = batch.and_then(|batch| {
                        pager.as_mut().map_or(Ok(()), |pager| pager.watch(&batch))?;
                        Ok(batch)
                    });
                    async move { Ok(attach::assemble(&records, &question, watched?).await?) }
                });
                let whole = RecordBatchStreamAdapter::new(Arc::clone(&schema), whole);
                Ok(Answer { schema, batches: run::until(Box::pin(whole), &deadline), count, next, csn })
            }
        }
    }

    /// The logical and physical plan as text.
    ///
    /// # Errors
    ///
    /// As [`Self::query`].
    pub fn explain<'a>(
        &'a self,
        context: &'a QueryContext,
        query: &'a Query,
    ) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.plan_text(context, query))
    }

    async fn plan_text(&self, context: &QueryContext, query: &Query) -> Result<String> {
        let question = self.question(context);
        let plan = match Resolved::of(&question, query)? {
            Resolved::Groups(groups) => groups.plan(&context.seeing())?,
            Resolved::Records(records) => question.root_plan(&records)?,
        };
        let physical = question.physical(&plan).await?;
        let shown = displayable(physical.as_ref()).indent(false);
        Ok(format!("logical plan\n{}\n\nphysical plan\n{shown}", plan.display_indent()))
    }

    fn question(&self, context: &QueryContext) -> Question {
        Question {
            context: Arc::new(context.clone()),
            options: Arc::clone(&self.options),
            small: Arc::clone(&self.small),
            large: Arc::clone(&self.large),
            runs: Arc::clone(&self.runs),
            deadline: Deadline::of(context),
            expanding: Arc::new(Semaphore::new(self.options.expands_running_max.max(1))),
        }
    }

    /// A SQL session on one state. Cheap: made per statement.
    pub fn sql(&self, context: &QueryContext, extras: &SqlExtras) -> SqlSession {
        SqlSession::new(&self.sql, context, extras)
    }

    /// Answers a statement that was asked before ([`SqlSession::execute_known`]) in the same views, with values of the same
    /// types, without planning it; none where it has not been, or where it needs a plan.
    ///
    /// # Errors
    ///
    /// As [`SqlSession::execute`].
    pub fn again<'a>(
        &'a self,
        context: &'a QueryContext,
        statement: &'a Statement,
        values: &'a [ScalarValue],
    ) -> BoxFuture<'a, Result<Option<SendableRecordBatchStream>>> {
        Box::pin(self.sql.again(context, statement, values))
    }

    /// As [`Self::again`], of questions that need no deep stack: by the thread that asks, where that can hand on what else it has to do.
    ///
    /// # Errors
    ///
    /// As [`SqlSession::execute`].
    pub fn shallow_again<'a>(
        &'a self,
        context: &'a QueryContext,
        statement: &'a Statement,
        values: &'a [ScalarValue],
    ) -> BoxFuture<'a, Result<Again>> {
        Box::pin(self.sql.shallow_again(context, statement, values))
    }

    /// As [`Self::again`], for a record by its key alone, on the thread that asks: it takes no longer than handing it to another one.
    ///
    /// # Errors
    ///
    /// As [`Self::again`].
    pub fn at_hand(
        &self,
        context: &QueryContext,
        statement: &Statement,
        values: &[ScalarValue],
    ) -> Result<Option<RecordBatch>> {
        self.sql.at_hand(context, statement, values)
    }
}

/// A question with its names resolved.
enum Resolved {
    Records(Box<Records>),
    Groups(Box<Groups>),
}

impl Resolved {
    fn of(question: &Question, query: &Query) -> Result<Resolved> {
        if query.as_of != question.context.as_of {
            return Err(Error::invalid(
                "INVALID_QUERY",
                "asOf",
                "a transaction has one state: ask for the past outside of it",
            ));
        }
        let views = &question.context.views;
        let view = views.asked(&query.object).ok_or_else(|| {
            let hint = nearest::hint(&query.object, views.objects.keys().map(|name| name.as_str()));
            let message = format!("no object {:?}{hint}", query.object);
            Error::new(ErrorKind::Missing, "OBJECT_NOT_FOUND", "object", message)
        })?;
        let with = Resolving {
            context: &question.context,
            options: &question.options,
            level: Level::Root,
            depth: 0,
            expands: &Cell::new(0),
        };
        if !query.group_by.is_empty() || !query.aggregations.is_empty() {
            return Ok(Resolved::Groups(Box::new(Groups::resolve(with, view, query)?)));
        }
        if query.having.is_some() {
            return Err(Error::invalid(
                "INVALID_QUERY",
                "having",
                "\"having\" needs groupBy or aggregations",
            ));
        }
        Ok(Resolved::Records(Box::new(Records::resolve(with, view, query)?)))
    }
}

impl Question {
    /// The plan of the records asked for. Large results that nobody ordered or paged come as they are found.
    fn root_plan(&self, records: &Records) -> Result<LogicalPlan> {
        let rows = self.context.snapshot.table(records.table())?.statistics().rows;
        let small = rows <= self.options.single_partition_rows;
        records.plan(&self.context.seeing(), records.restriction(), small)
    }

    /// How many records match, whatever the page.
    async fn count_of(&self, records: &Records) -> Result<u64> {
        if let Some(rows_max) = self.direct_rows()
            && let Some(direct) = records.direct_count(&self.context.seeing(), rows_max)?
            && let Some(batch) = direct.rows(&self.small, &self.deadline).await?
        {
            return Ok(u64::try_from(batch.num_rows()).unwrap_or(u64::MAX));
        }
        self.count(&records.count_plan(&self.context.seeing())?).await
    }

    /// The one number that a plan gives.
    async fn count(&self, plan: &LogicalPlan) -> Result<u64> {
        let mut stream = self.stream(plan).await?;
        let mut count = 0;
        while let Some(batch) = stream.next().await {
            for value in batch?.columns().iter().flat_map(|column| column.as_primitive::<Int64Type>().iter())
            {
                count = value.and_then(|value| u64::try_from(value).ok()).unwrap_or(count);
            }
        }
        Ok(count)
    }
}

/// The same rows under the answer's own schema.
fn renamed(stream: SendableRecordBatchStream, schema: SchemaRef) -> SendableRecordBatchStream {
    let target = Arc::clone(&schema);
    let rows = stream.map(move |batch| Ok(batch?.with_schema(Arc::clone(&target))?));
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

/// PostgreSQL's manners: its dialect, and exact numbers for literals with a point.
fn postgres_rules(mut config: SessionConfig) -> SessionConfig {
    let parser = &mut config.options_mut().sql_parser;
    parser.dialect = Dialect::PostgreSQL;
    parser.parse_float_as_decimal = true;
    config
}

fn runtime(options: &PlannerOptions, memory: &Arc<Total>) -> Arc<RuntimeEnv> {
    let memory_pool = Arc::new(SharePool::of(memory));
    let runtime = RuntimeEnv { memory_pool, ..RuntimeEnv::default() };
    if let Err(error) = runtime.disk_manager.set_max_temp_directory_size(options.spill_bytes_max) {
        tracing::warn!(%error, "queries can't spill to disk");
    }
    Arc::new(runtime)
}
