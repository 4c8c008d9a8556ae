//! `audit.changes`: who changed what, and when, of the objects that a session may see.
//!
//! It is storage's history under the names of objects, records and fields. Equality on object, record and actor, and ranges of
//! `csn` and `at`, choose what is read at all; every filter is applied again behind it. Rows come as they are read.

mod binned;
mod events;
mod hidden;

use std::{fmt, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{Field, Schema, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DataFusionError, Result, ScalarValue},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType},
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchReceiverStreamBuilder,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use quarry_storage::{Csn, HistoryRequest, Snapshot, TableName, history_schema};

use super::Views;
use crate::lower;
use binned::Binned;
pub(crate) use events::EventsTable;
pub use events::{EVENT_COLUMNS, EVENT_TABLE, event_table, events_schema};
use hidden::Hidden;

/// Batches that may wait between the reading thread and the plan.
const BATCHES_WAITING_MAX: usize = 2;
/// What storage calls otherwise.
const RENAMED: [(&str, &str); 3] = [("table", "object"), ("key", "record"), ("column", "field")];

/// The table.
pub(crate) struct AuditTable {
    snapshot: Snapshot,
    /// Those of visible objects: the engine's own tables are not among them.
    tables: Vec<TableName>,
    hidden: Arc<Hidden>,
    binned: Binned,
    schema: SchemaRef,
}

impl AuditTable {
    /// The changes up to a snapshot.
    pub(crate) fn new(views: &Views, snapshot: &Snapshot) -> AuditTable {
        let binned = Binned::of(views);
        let tables = views.objects.values().map(|view| TableName::from(view.object.table()));
        AuditTable {
            snapshot: snapshot.clone(),
            tables: tables.chain(binned.tables()).collect(),
            binned,
            hidden: Arc::new(Hidden::of(views)),
            schema: changes_schema(),
        }
    }
}

/// The columns of `audit.changes`.
pub fn changes_schema() -> SchemaRef {
    let renamed = |field: &Arc<Field>| {
        let name = RENAMED.iter().find(|(stored, _)| stored == field.name());
        let name = name.map_or(field.name().as_str(), |(_, shown)| shown);
        field.as_ref().clone().with_name(name)
    };
    Arc::new(Schema::new(history_schema().fields().iter().map(renamed).collect::<Vec<Field>>()))
}

impl fmt::Debug for AuditTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditTable")
    }
}

#[async_trait]
impl TableProvider for AuditTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut request = HistoryRequest {
            tables: Some(self.tables.clone()),
            // What is hidden is found by other columns than those that may be asked.
            projection: projection.filter(|_| self.hidden.is_empty() && self.binned.is_empty()).cloned(),
            ..HistoryRequest::default()
        };
        filters.iter().filter_map(Narrowing::of).for_each(|narrowing| narrowing.apply(&mut request));
        let schema = match projection {
            Some(wanted) => Arc::new(self.schema.project(wanted)?),
            None => Arc::clone(&self.schema),
        };
        let changes = Changes {
            snapshot: self.snapshot.clone(),
            request,
            hidden: Arc::clone(&self.hidden),
            binned: self.binned.clone(),
            projection: projection.cloned(),
            schema: Arc::clone(&schema),
        };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(changes)], None, [], false, limit)?))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let judge = |filter: &&Expr| match Narrowing::of(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(judge).collect())
    }
}

/// A filter that leaves less to read.
enum Narrowing {
    Csn(Operator, i64),
    At(Operator, i64),
    Object(String),
    Record(String),
    Actor(String),
}

impl Narrowing {
    fn of(filter: &Expr) -> Option<Narrowing> {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
        let (Expr::Column(column), Expr::Literal(value, _)) = (&**left, &**right) else { return None };
        let text = || value.try_as_str().flatten().map(str::to_owned);
        let is_range =
            matches!(op, Operator::Eq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
        match (column.name(), op) {
            ("csn", op) if is_range => match value {
                ScalarValue::Int64(Some(csn)) => Some(Narrowing::Csn(*op, *csn)),
                _ => None,
            },
            ("at", op) if is_range => match value {
                ScalarValue::TimestampMicrosecond(Some(at), _) => Some(Narrowing::At(*op, *at)),
                _ => None,
            },
            ("object", Operator::Eq) => text().map(Narrowing::Object),
            ("record", Operator::Eq) => text().map(Narrowing::Record),
            ("actor", Operator::Eq) => text().map(Narrowing::Actor),
            _ => None,
        }
    }

    fn apply(self, request: &mut HistoryRequest) {
        match self {
            Narrowing::Csn(op, csn) => {
                let (from, before) = bounds(op, csn);
                let csn = |number: i64| Csn(u64::try_from(number).unwrap_or(0));
                request.from_csn = request.from_csn.max(from.map(csn));
                let last = before.map(|before| csn(before.saturating_sub(1)));
                request.to_csn = least(request.to_csn, last);
            }
            Narrowing::At(op, at) => {
                let (from, before) = bounds(op, at);
                request.from_micros = request.from_micros.max(from);
                request.before_micros = least(request.before_micros, before);
            }
            Narrowing::Object(name) => {
                let bin = lower::bin_table_of(&name);
                let is_it = |table: &TableName| **table == *name || **table == *bin;
                request.tables.iter_mut().for_each(|tables| tables.retain(is_it));
            }
            Narrowing::Record(key) => request.key = Some(key.into()),
            Narrowing::Actor(actor) => request.actor = Some(actor),
        }
    }
}

/// From where on, and before what, numbers stand in a relation to another.
fn bounds(op: Operator, number: i64) -> (Option<i64>, Option<i64>) {
    let next = number.checked_add(1);
    match op {
        Operator::Eq => (Some(number), next),
        Operator::Lt => (None, Some(number)),
        Operator::LtEq => (None, next),
        Operator::Gt => (Some(next.unwrap_or(number)), None),
        Operator::GtEq => (Some(number), None),
        _ => (None, None),
    }
}

fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The changes that are left, in one stream.
#[derive(Debug)]
struct Changes {
    snapshot: Snapshot,
    request: HistoryRequest,
    hidden: Arc<Hidden>,
    binned: Binned,
    projection: Option<Vec<usize>>,
    schema: SchemaRef,
}

impl PartitionStream for Changes {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder =
            RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), BATCHES_WAITING_MAX);
        let sender = builder.tx();
        let (snapshot, request, schema) =
            (self.snapshot.clone(), self.request.clone(), Arc::clone(&self.schema));
        let (hidden, projection) = (Arc::clone(&self.hidden), self.projection.clone());
        let mut binned = self.binned.clone();
        builder.spawn_blocking(move || {
            let external = |error| DataFusionError::External(Box::new(error));
            for batch in snapshot.history(&request).map_err(external)? {
                let mut batch = batch.map_err(external)?;
                if !binned.is_empty() {
                    batch = binned.told(&batch)?;
                }
                if !hidden.is_empty() {
                    batch = hidden.taken_out_of(&batch)?;
                }
                if !hidden.is_empty() || !binned.is_empty() {
                    batch = projection.as_ref().map_or(Ok(batch.clone()), |wanted| batch.project(wanted))?;
                }
                let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let columns = batch.columns().to_vec();
                let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &rows)?;
                if sender.blocking_send(Ok(batch)).is_err() {
                    return Ok(());
                }
            }
            Ok(())
        });
        builder.build()
    }
}
