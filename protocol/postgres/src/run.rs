//! Queries run away from the sockets: planned and executed as tasks of their own runtime, their batches sent back through a short queue.
//!
//! A task whose receiver is dropped (the client left, the portal was closed, a cancel request came) is aborted at its next step, and its
//! question called off, for what it reads within one.

mod guard;
mod place;

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{
    execution::SendableRecordBatchStream, logical_expr::LogicalPlan, scalar::ScalarValue,
    sql::sqlparser::ast::Statement,
};
use futures::StreamExt;
use quarry_engine::{Engine, QueryContext, RequestTurn, Views};
use quarry_planner::{
    StopWhenDropped,
    sql::{Again, SqlSession},
    turns::Turns,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;

pub use guard::Guard;
use place::Place;

use crate::{
    casts,
    catalog::{self, Catalog, CatalogSession},
    error::{PgError, Result},
    names, parameter,
    sqlstate::SqlState,
};

/// Batches that wait for a client to read them.
const BATCHES_QUEUED: usize = 2;

/// Where queries run, and how many at once.
#[derive(Clone)]
pub struct Queries {
    engine: Arc<Engine>,
    runtime: Handle,
    places: Arc<Turns>,
}

/// The runtime that queries run on; stops with it.
pub struct QueryThreads(Option<Runtime>);

/// Trees of the deepest statement that is let through are walked by recursion.
const STACK_BYTES: usize = 16 << 20;

impl QueryThreads {
    /// Starts `count` threads.
    ///
    /// # Errors
    ///
    /// When the machine gives none.
    pub fn start(count: usize) -> io::Result<QueryThreads> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(count.max(1))
            .thread_name("quarry-sql")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()?;
        Ok(QueryThreads(Some(runtime)))
    }

    /// The places for queries of all connections, with the engine of some of them.
    pub fn queries(&self, engine: Arc<Engine>, running_max: usize) -> Queries {
        let runtime = self.0.as_ref().map_or_else(Handle::current, |r| r.handle().clone());
        Queries { engine, runtime, places: Turns::new(running_max, usize::MAX) }
    }
}

impl Drop for QueryThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// One question with its surroundings.
pub struct Ask {
    /// Who asks, on which state.
    pub context: QueryContext,
    /// What its catalog must know of the connection.
    pub catalog: Arc<CatalogSession>,
    /// What is asked.
    pub statement: Arc<Statement>,
    /// The values of its parameters; to describe it, nulls of their types, as far as these are known.
    pub values: Vec<ScalarValue>,
    /// The client's `application_name`, for the log of unanswered probes.
    pub application: String,
    /// The tenant's turn, held while it runs; none where whoever asks holds it himself.
    pub turn: Option<RequestTurn>,
}

impl Ask {
    /// What to log when this is a catalog question that can't be answered.
    fn probe(&self) -> Option<Probe> {
        let text = || self.statement.to_string();
        catalog::is_catalog_question(&self.statement)
            .then(|| Probe { application: self.application.clone(), text: text() })
    }
}

/// A question about the catalog.
struct Probe {
    application: String,
    text: String,
}

/// Logs a catalog question that met an error.
fn log_unanswered<T>(probe: Option<Probe>, answer: &Result<T>) {
    if let (Some(probe), Err(error)) = (probe, answer) {
        catalog::unanswered(&probe.application, &probe.text, &error.to_string());
    }
}

/// What is known of a question before it is run.
pub struct Described {
    /// Types inferred, by position.
    pub parameters: Vec<Option<DataType>>,
    /// The columns.
    pub schema: SchemaRef,
}

impl Queries {
    /// The same places, for queries of another engine.
    pub fn of(&self, engine: &Arc<Engine>) -> Queries {
        Queries { engine: engine.clone(), ..self.clone() }
    }

    /// Plans, and begins to run. A record by its key that was asked for like this before is there at once, and so are a few rows, read where
    /// they are asked for.
    ///
    /// # Errors
    ///
    /// The planner's; `53400` when too many run.
    pub async fn open(&self, mut ask: Ask) -> Result<Rows> {
        if let Some(batch) = self.engine.planner().at_hand(&ask.context, &ask.statement, &ask.values)? {
            // Who sends many at once takes no more than a turn of the thread.
            tokio::task::consume_budget().await;
            let rows = Rows::ready(batch.schema(), [batch]);
            return Ok(Rows { seen_through: Some(ask.context.views), ..rows });
        }
        let seen_through = Some(Arc::clone(&ask.context.views));
        ask.context.stop = ask.context.stop.part();
        let wanted = ask.context.stop.when_dropped();
        let place = Place::take(&self.places, &self.engine, ask.turn.take()).await?;
        let known = self.engine.planner().shallow_again(&ask.context, &ask.statement, &ask.values).await?;
        let is_known = match known {
            Again::Rows(batch) => {
                let rows = Rows::ready(batch.schema(), [batch]);
                return Ok(Rows { seen_through, ..rows });
            }
            Again::ToPlan => true,
            Again::Unknown => false,
        };
        // Counted is the time at work: a cursor may wait for its client as long as its connection may.
        let timeout = ask.context.timeout.take();
        let producing = Producing { ask, timeout, is_known };
        let engine = self.engine.clone();
        let (tell_schema, schema) = oneshot::channel();
        let (batches, receiver) = mpsc::channel(BATCHES_QUEUED);
        let task = self.runtime.spawn(produce(engine, producing, tell_schema, batches, place));
        let task = AbortOnDropHandle::new(task);
        let schema = schema.await.map_err(|_| died())??;
        Ok(Rows {
            schema,
            seen_through,
            waiting: VecDeque::new(),
            source: Source::Running { receiver, _task: task, _wanted: wanted },
            offset: 0,
        })
    }

    /// Plans, and tells the types without running; `settle` says what each parameter is once the planner has said what it infers.
    ///
    /// # Errors
    ///
    /// The planner's.
    pub async fn describe<F>(&self, ask: Ask, settle: F) -> Result<Described>
    where
        F: FnOnce(&[Option<DataType>]) -> Result<Vec<ScalarValue>> + Send + 'static,
    {
        let engine = self.engine.clone();
        let task = self.runtime.spawn(async move {
            let _turn = engine.continue_request().await;
            let probe = ask.probe();
            let planned = plan(&engine, &ask).await;
            log_unanswered(probe, &planned);
            let (sql, plan) = planned?;
            let parameters = parameter::with_lists(sql.parameter_types(&plan)?, &plan)?;
            let nulls = settle(&parameters)?;
            let plan = plan.with_param_values(parameter::bound(nulls))?;
            let optimized = sql.optimize(&plan)?;
            Ok(Described { parameters, schema: Arc::new(optimized.schema().as_arrow().clone()) })
        });
        AbortOnDropHandle::new(task).await.map_err(|_| died())?
    }
}

fn died() -> PgError {
    PgError::new(SqlState::INTERNAL, "the query ended without an answer")
}

async fn plan(engine: &Engine, ask: &Ask) -> Result<(SqlSession, LogicalPlan)> {
    let mut statement = ask.statement.as_ref().clone();
    // Names first: they come from what the client wrote.
    names::name_outputs(&mut statement);
    casts::keep_digits(&mut statement, &ask.values);
    let rewritten = catalog::rewrite(statement);
    let statement = rewritten.map_err(|e| PgError::new(SqlState::FEATURE_NOT_SUPPORTED, e.to_string()))?;
    let extras = Catalog::new(&ask.context.views, ask.context.reads_audit, &ask.catalog);
    let sql = engine.planner().sql(&ask.context, &extras);
    let plan = sql.plan(statement).await?;
    Ok((sql, plan))
}

/// A question that is to be answered by a task of its own.
struct Producing {
    ask: Ask,
    timeout: Option<Duration>,
    /// It was asked before, and has to be planned again.
    is_known: bool,
}

async fn produce(
    engine: Arc<Engine>,
    Producing { ask, timeout, is_known }: Producing,
    tell_schema: oneshot::Sender<Result<SchemaRef>>,
    batches: mpsc::Sender<Result<RecordBatch>>,
    mut place: Place,
) {
    let (probe, line) = (ask.probe(), ask.context.line.clone());
    let begun = async {
        if !is_known
            && let Some(rows) = engine.planner().again(&ask.context, &ask.statement, &ask.values).await?
        {
            return Ok(rows);
        }
        let (sql, plan) = plan(&engine, &ask).await?;
        Ok::<_, PgError>(sql.execute_known(plan, ask.values, &ask.statement).await?)
    };
    let begun = place.work(&line, within(timeout, begun)).await;
    log_unanswered(probe, &begun);
    let mut stream = match begun {
        Ok(stream) => stream,
        Err(error) => {
            // Nobody listens any more when the client has gone.
            drop(tell_schema.send(Err(error)));
            return;
        }
    };
    if tell_schema.send(Ok(stream.schema())).is_err() {
        return;
    }
    while let Some(room) = place.room_in(&batches).await {
        let next = next_batch(&mut stream, timeout);
        let Some(batch) = place.work(&line, next).await else { return };
        let failed = batch.is_err();
        room.send(batch);
        if failed {
            return;
        }
    }
}

/// What a query begins with, a few rows among it, which may take so long.
async fn within<T>(limit: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(limit) = limit else { return work.await };
    let begun = Instant::now();
    let done = timeout(limit, work).await.map_err(|_| guard::timed_out())?;
    // The timer looks at the work first, however long that takes.
    if begun.elapsed() > limit && done.is_ok() { Err(guard::timed_out()) } else { done }
}

/// The next batch of a query, which may take so long; none at the end.
async fn next_batch(
    stream: &mut SendableRecordBatchStream,
    limit: Option<Duration>,
) -> Option<Result<RecordBatch>> {
    let next = match limit {
        None => stream.next().await,
        Some(limit) => match timeout(limit, stream.next()).await {
            Ok(next) => next,
            Err(_) => return Some(Err(guard::timed_out())),
        },
    };
    next.map(|batch| batch.map_err(PgError::from))
}

enum Source {
    Running {
        receiver: mpsc::Receiver<Result<RecordBatch>>,
        _task: AbortOnDropHandle<()>,
        _wanted: StopWhenDropped,
    },
    Ended,
}

/// Rows as they come.
pub struct Rows {
    /// Their columns.
    pub schema: SchemaRef,
    /// The views that they were asked through; none where they say nothing of records.
    pub seen_through: Option<Arc<Views>>,
    waiting: VecDeque<RecordBatch>,
    offset: usize,
    source: Source,
}

impl Rows {
    /// Rows that are there already.
    pub fn ready(schema: SchemaRef, batches: impl IntoIterator<Item = RecordBatch>) -> Rows {
        let waiting = batches.into_iter().collect();
        Rows { schema, seen_through: None, waiting, source: Source::Ended, offset: 0 }
    }

    /// Text rows that are there already.
    ///
    /// # Errors
    ///
    /// `XX000` when the columns are of different lengths.
    pub fn texts(columns: Vec<(&str, Vec<String>)>) -> Result<Rows> {
        let fields: Vec<Field> =
            columns.iter().map(|(name, _)| Field::new(*name, DataType::Utf8, true)).collect();
        let arrays =
            columns.into_iter().map(|(_, texts)| std::sync::Arc::new(StringArray::from(texts)) as ArrayRef);
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), arrays.collect())?;
        Ok(Rows::ready(schema, [batch]))
    }

    /// The next rows, at most `rows_max` of them; none at the end.
    ///
    /// # Errors
    ///
    /// What the query ran into.
    pub async fn next(&mut self, rows_max: usize) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.waiting.front() {
                let count = (batch.num_rows() - self.offset).min(rows_max);
                let is_whole = count == batch.num_rows();
                let slice = if is_whole { batch.clone() } else { batch.slice(self.offset, count) };
                self.offset += count;
                if self.offset >= batch.num_rows() {
                    self.waiting.pop_front();
                    self.offset = 0;
                }
                if count > 0 || rows_max == 0 {
                    return Ok(Some(slice));
                }
                continue;
            }
            let Source::Running { receiver, .. } = &mut self.source else { return Ok(None) };
            match receiver.recv().await {
                Some(batch) => self.waiting.push_back(batch?),
                None => self.source = Source::Ended,
            }
        }
    }

    /// Whether a query still stands behind them.
    pub fn is_open(&self) -> bool {
        matches!(self.source, Source::Running { .. })
    }

    /// All rows as one batch, for the few cases where they must be there together.
    ///
    /// # Errors
    ///
    /// What the query ran into; `53400` past `rows_max`.
    pub async fn all(mut self, rows_max: usize) -> Result<RecordBatch> {
        let mut batches = Vec::new();
        let mut count = 0;
        while let Some(batch) = self.next(usize::MAX).await? {
            count += batch.num_rows();
            if count > rows_max {
                let message = format!("a statement may change {rows_max} rows: change fewer at a time");
                return Err(PgError::new(SqlState::LIMIT_EXCEEDED, message));
            }
            batches.push(batch);
        }
        Ok(arrow::compute::concat_batches(&self.schema, &batches)?)
    }
}

#[cfg(test)]
mod tests;
