//! `audit.events`: who came in, who was given what, what was published, who was refused what. They are rows of a table that the engine
//! keeps for itself; for who may read the audit they are shown as they are. A range of `at` chooses what is read at all.

use std::{fmt, ops::Bound, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchReceiverStreamBuilder,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use quarry_storage::{ColumnSpec, ColumnType, ScanRequest, Snapshot, TableSnapshot, TableSpec, Value};

use super::{BATCHES_WAITING_MAX, Narrowing, bounds};

/// The table of the engine's.
pub const EVENT_TABLE: &str = "_event";
/// How many columns it has.
pub const EVENT_COLUMNS: usize = COLUMNS.len();

const COLUMNS: [(&str, ColumnType); 14] = [
    ("id", ColumnType::Text),
    ("at", ColumnType::Timestamp),
    ("event", ColumnType::Text),
    ("actor", ColumnType::Text),
    ("means", ColumnType::Text),
    ("user_id", ColumnType::Text),
    ("subject", ColumnType::Text),
    ("reason", ColumnType::Text),
    ("door", ColumnType::Text),
    ("address", ColumnType::Text),
    ("request", ColumnType::Text),
    ("client", ColumnType::Text),
    ("count", ColumnType::Int),
    ("last_at", ColumnType::Timestamp),
];

/// The table, for the engine to define.
pub fn event_table() -> TableSpec {
    let column = |(name, column_type): (&str, ColumnType)| ColumnSpec {
        name: name.into(),
        column_type,
        indexed: name == "at",
        searchable: false,
    };
    TableSpec {
        name: EVENT_TABLE.into(),
        columns: COLUMNS.into_iter().map(column).collect(),
        unique: Vec::new(),
        references: Vec::new(),
    }
}

/// The columns of `audit.events`.
pub fn events_schema() -> SchemaRef {
    let field = |(name, column_type): (&str, ColumnType)| {
        let data_type = match column_type {
            ColumnType::Int => DataType::Int64,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            _ => DataType::Utf8View,
        };
        Field::new(name, data_type, name != "id")
    };
    Arc::new(Schema::new(COLUMNS.into_iter().map(field).collect::<Vec<Field>>()))
}

/// The table.
pub(crate) struct EventsTable {
    snapshot: Snapshot,
    schema: SchemaRef,
}

impl EventsTable {
    /// The events up to a snapshot.
    pub(crate) fn new(snapshot: &Snapshot) -> EventsTable {
        EventsTable { snapshot: snapshot.clone(), schema: events_schema() }
    }
}

impl fmt::Debug for EventsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EventsTable")
    }
}

#[async_trait]
impl TableProvider for EventsTable {
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
        let (mut from, mut before) = (None::<i64>, None::<i64>);
        for narrowing in filters.iter().filter_map(Narrowing::of) {
            if let Narrowing::At(op, at) = narrowing {
                let (one, other) = bounds(op, at);
                from = from.max(one);
                before = super::least(before, other);
            }
        }
        let projection = projection.cloned().unwrap_or_else(|| (0..EVENT_COLUMNS).collect());
        let schema = Arc::new(self.schema.project(&projection)?);
        let events = Events {
            snapshot: self.snapshot.clone(),
            times: (from, before),
            projection,
            schema: Arc::clone(&schema),
        };
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![Arc::new(events)], None, [], false, limit)?))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let judge = |filter: &&Expr| match Narrowing::of(filter) {
            Some(Narrowing::At(..)) => TableProviderFilterPushDown::Inexact,
            _ => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(judge).collect())
    }
}

/// The events that are left, in one stream.
#[derive(Debug)]
struct Events {
    snapshot: Snapshot,
    /// From the first up to but without the second, microseconds.
    times: (Option<i64>, Option<i64>),
    projection: Vec<usize>,
    schema: SchemaRef,
}

impl Events {
    fn request(&self, table: &TableSnapshot) -> quarry_storage::Result<ScanRequest> {
        let rows = match self.times {
            (None, None) => None,
            (from, before) => {
                let (from, before) = (from.map(Value::Timestamp), before.map(Value::Timestamp));
                let from = from.as_ref().map_or(Bound::Unbounded, Bound::Included);
                let before = before.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
                Some(table.range("at", from, before)?)
            }
        };
        Ok(ScanRequest { projection: Some(self.projection.clone()), rows, ..ScanRequest::default() })
    }
}

impl PartitionStream for Events {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder =
            RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), BATCHES_WAITING_MAX);
        let sender = builder.tx();
        let (snapshot, schema) = (self.snapshot.clone(), Arc::clone(&self.schema));
        // A state of before there were events has no table of them.
        let request = snapshot.table(EVENT_TABLE).ok().map(|table| (self.request(&table), table));
        builder.spawn_blocking(move || {
            let external = |error| DataFusionError::External(Box::new(error));
            let Some((request, table)) = request else { return Ok(()) };
            for batch in table.scan(request.map_err(external)?).map_err(external)?.into_iter().flatten() {
                let batch = batch.map_err(external)?;
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
