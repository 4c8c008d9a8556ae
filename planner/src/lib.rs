//! How a question becomes a plan.
//!
//! The road of an ObjectQL question: [`objectql::Query::parse`] (JSON, every spelling, strict) → resolve against the
//! session's [`view::Views`] → `LogicalPlan` → optimize → physical plan → [`Answer`], a stream of Arrow batches in
//! which a to-one expand is a Struct column and a to-many expand a List<Struct> column.
//! The road of SQL: [`sql::SqlSession`] plans parsed statements over the same views.

pub mod answer;
mod calendar;
mod coerce;
pub mod context;
pub mod error;
pub mod expression;
mod growth;
pub mod lower;
mod nearest;
pub mod objectql;
mod plan;
pub mod planner;
pub mod policy;
mod rules;
mod run;
pub mod sql;
mod totals;
pub mod view;

pub use answer::{Answer, Next};
pub use context::QueryContext;
/// Rows as they come: dropping it ends the work.
pub use datafusion::execution::SendableRecordBatchStream as BatchStream;
pub use error::{Error, ErrorKind, Result};
pub use objectql::Query;
pub use planner::{Planner, PlannerOptions};
pub use policy::{Policies, UserLists, Viewer};
pub use run::{HeavyLine, Lent, MemoryShare, Pace, Stop, StopWhenDropped, turns};
pub use view::{EVENT_COLUMNS, EVENT_TABLE, ObjectView, Views, changes_schema, event_table, events_schema};
