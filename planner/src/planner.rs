//! The planner: shared by all sessions of a process.

use std::sync::Arc;

use datafusion::{
    common::config::Dialect,
    execution::{
        SessionState, SessionStateBuilder, config::SessionConfig, memory_pool::FairSpillPool,
        runtime_env::RuntimeEnv,
    },
};

use crate::{
    answer::Answer,
    context::QueryContext,
    error::Result,
    objectql::Query,
    rules,
    sql::{CATALOG, SEARCH_PATH, SqlExtras, SqlSession},
    view::ScanSizes,
};

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
    /// Filters, expands and expressions may nest so deep.
    pub depth_max: usize,
    /// Rows of a to-many expand per query level.
    pub expand_rows_max: u64,
    /// Pairs of rows that a join without an equality may try.
    pub join_pairs_max: u64,
}

impl Default for PlannerOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            spill_bytes_max: 16 << 30,
            target_partitions: 2,
            single_partition_rows: 100_000,
            depth_max: 32,
            expand_rows_max: 1_000_000,
            join_pairs_max: 200_000_000,
        }
    }
}

/// Turns questions into answers.
pub struct Planner {
    options: PlannerOptions,
    sql: SessionState,
    objectql: SessionState,
}

impl Planner {
    /// A planner with its memory pool.
    pub fn new(options: PlannerOptions) -> Planner {
        let runtime = runtime(&options);
        let config = SessionConfig::new()
            .with_target_partitions(options.target_partitions.max(1))
            .with_default_catalog_and_schema(CATALOG, SEARCH_PATH)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(false)
            .with_extension(Arc::new(ScanSizes { single_partition_rows: options.single_partition_rows }));
        let sql = SessionStateBuilder::new_with_default_features()
            .with_config(postgres_rules(config.clone()))
            .with_runtime_env(Arc::clone(&runtime))
            .build();
        let objectql = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_runtime_env(runtime)
            .with_optimizer_rules(rules::logical())
            .with_physical_optimizer_rules(rules::physical())
            .build();
        Planner { options, sql, objectql }
    }

    /// Answers an ObjectQL question; rows come as a stream.
    ///
    /// # Errors
    ///
    /// `Invalid`, `Missing`, `Limited`, …; errors while rows are made come through the stream.
    pub async fn query(&self, context: &QueryContext, query: &Query) -> Result<Answer> {
        let _ = (context, query);
        todo!()
    }

    /// The logical and physical plan as text.
    ///
    /// # Errors
    ///
    /// As [`Self::query`].
    pub async fn explain(&self, context: &QueryContext, query: &Query) -> Result<String> {
        let _ = (context, query);
        todo!()
    }

    /// A SQL session on one state. Cheap: made per statement.
    pub fn sql(&self, context: &QueryContext, extras: &SqlExtras) -> SqlSession {
        SqlSession::new(self.sql.clone(), self.options.clone(), context, extras)
    }
}

/// PostgreSQL's manners: its dialect, and exact numbers for literals with a point.
fn postgres_rules(mut config: SessionConfig) -> SessionConfig {
    let parser = &mut config.options_mut().sql_parser;
    parser.dialect = Dialect::PostgreSQL;
    parser.parse_float_as_decimal = true;
    config
}

fn runtime(options: &PlannerOptions) -> Arc<RuntimeEnv> {
    let memory = usize::try_from(options.memory_bytes).unwrap_or(usize::MAX);
    let mut runtime = RuntimeEnv::default();
    runtime.memory_pool = Arc::new(FairSpillPool::new(memory));
    if let Err(error) = runtime.disk_manager.set_max_temp_directory_size(options.spill_bytes_max) {
        tracing::warn!(%error, "queries can't spill to disk");
    }
    Arc::new(runtime)
}
