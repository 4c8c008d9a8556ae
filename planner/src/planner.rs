//! The planner: shared by all sessions of a process.

use crate::{answer::Answer, context::QueryContext, error::Result, objectql::Query};

/// Limits, each with its unit.
#[derive(Clone, Debug)]
pub struct PlannerOptions {
    /// What all running queries may hold in memory together.
    pub memory_bytes: u64,
    /// Partitions of a plan over large inputs.
    pub target_partitions: usize,
    /// Rows below which one partition is used.
    pub single_partition_rows: u64,
    /// Filters, expands and expressions may nest so deep.
    pub depth_max: usize,
    /// Rows of a to-many expand per query level.
    pub expand_rows_max: u64,
}

impl Default for PlannerOptions {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            target_partitions: 2,
            single_partition_rows: 100_000,
            depth_max: 32,
            expand_rows_max: 1_000_000,
        }
    }
}

/// Turns questions into answers.
pub struct Planner;

impl Planner {
    /// A planner with its memory pool.
    pub fn new(options: PlannerOptions) -> Planner {
        let _ = options;
        todo!()
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
    pub fn sql(&self, context: &QueryContext, extras: &crate::sql::SqlExtras) -> crate::sql::SqlSession {
        let _ = (context, extras);
        todo!()
    }
}
