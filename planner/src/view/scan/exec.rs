//! The physical scan.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{DataFusionError, Result, Statistics, stats::Precision, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        statistics::StatisticsArgs,
        stream::{RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter},
    },
};
use futures::{StreamExt, stream};
use quarry_storage::{ColumnType, FIRST_CHOSEN_MAX, First, Order, ScanPart, ScanRequest, TableSnapshot};

use super::{
    keys::{self, Keyed},
    layout::Layout,
    statistics::statistics,
    to_u64,
};
use crate::view::parts::Parts;

/// Batches that may wait between the reading thread and the plan.
const BATCHES_WAITING_MAX: usize = 2;

/// The physical scan.
pub(crate) struct ScanExec {
    pub(super) table: TableSnapshot,
    pub(super) request: ScanRequest,
    pub(super) layout: Layout,
    /// What joins above know of the rows that they want.
    pub(super) keys: Vec<Keyed>,
    /// Rows from which on they are looked up; 0: always.
    pub(super) join_lookup_rows_min: u64,
    properties: Arc<PlanProperties>,
    statistics: Arc<Statistics>,
    parts: Arc<Parts>,
}

impl ScanExec {
    pub(super) fn new(
        table: TableSnapshot,
        request: ScanRequest,
        layout: Layout,
        partitions: usize,
        statistics: Statistics,
    ) -> ScanExec {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&layout.schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        // A channel's receiver takes part in tokio's budget: it yields.
        .with_scheduling_type(SchedulingType::Cooperative);
        let (properties, statistics) = (Arc::new(properties), Arc::new(statistics));
        let parts = Arc::default();
        let (keys, join_lookup_rows_min) = (Vec::new(), u64::MAX);
        ScanExec { table, request, layout, keys, join_lookup_rows_min, properties, statistics, parts }
    }

    /// Of whose rows joins know so much.
    pub(super) fn with_keys(self, keys: Vec<Keyed>) -> ScanExec {
        ScanExec { keys, ..self }
    }

    /// From so many rows on they may be looked up by the keys of a join.
    pub(super) fn with_join_lookups_from(self, join_lookup_rows_min: u64) -> ScanExec {
        ScanExec { join_lookup_rows_min, ..self }
    }

    /// The same scan, of which nothing was read yet, and of which no join knows.
    pub(super) fn again(&self) -> ScanExec {
        ScanExec {
            table: self.table.clone(),
            request: self.request.clone(),
            layout: self.layout.clone(),
            keys: Vec::new(),
            join_lookup_rows_min: self.join_lookup_rows_min,
            properties: Arc::clone(&self.properties),
            statistics: Arc::clone(&self.statistics),
            parts: Arc::default(),
        }
    }

    /// A scan that need only give what may be among the first rows by one of its columns, all of whose rows it would give;
    /// `None` where no index has that order, and more rows are chosen than are compared.
    pub(crate) fn with_first(&self, column: usize, order: Order, rows: usize) -> Option<ScanExec> {
        let request = &self.request;
        let is_free = request.first.is_none() && request.limit.is_none() && request.bounds.is_empty();
        if !is_free || self.layout.leaves_out() {
            return None;
        }
        let column = self.layout.plain(column)?;
        let spec = self.table.spec().columns.get(column)?;
        // NaN and minus zero have places of their own in DataFusion's order; a list has none in an index.
        let has_order = !matches!(spec.column_type, ColumnType::Float | ColumnType::TextList);
        let chosen = match (&request.rows, &request.hits) {
            (Some(rows), _) => Some(rows.len()),
            (None, hits) => hits.as_ref().map(|hits| hits.rows().len()),
        };
        let are_few = chosen.is_some_and(|chosen| chosen <= FIRST_CHOSEN_MAX);
        let is_long = matches!(spec.column_type, ColumnType::Text | ColumnType::Bytes);
        if !has_order || !(are_few && !is_long || self.table.has_index(&spec.name)) {
            return None;
        }
        let request =
            ScanRequest { first: Some(First { column, order, rows, ties: None }), ..request.clone() };
        let known = self.statistics.num_rows.get_value().map_or(rows, |known| rows.min(*known));
        let statistics = Statistics::clone(&self.statistics).to_inexact();
        let statistics = Arc::new(Statistics { num_rows: Precision::Inexact(known), ..statistics });
        Some(ScanExec { request, statistics, ..self.again() })
    }

    fn partitions(&self) -> usize {
        self.properties.partitioning.partition_count()
    }

    fn access(&self) -> &'static str {
        match (&self.request.rows, &self.request.hits) {
            (None, None) => "columns",
            (Some(_), None) if !self.layout.is_chosen => "columns",
            (Some(_), None) => "index",
            (None, Some(_)) => "text",
            (Some(_), Some(_)) => "text and index",
        }
    }
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanExec").field("table", &self.table.spec().name).finish_non_exhaustive()
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            self.layout.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "ObjectScan: {}, access={}", self.table.spec().name, self.access())?;
        write!(f, ", columns=[{}]", names.join(", "))?;
        // How many there are beside those that are seen is not told.
        match self.layout.hides || self.layout.is_loose {
            true => write!(f, ", rows=Absent")?,
            false => write!(f, ", rows={:?}", self.statistics.num_rows)?,
        }
        if !self.request.bounds.is_empty() {
            write!(f, ", bounds={}", self.request.bounds.len())?;
        }
        // Whether some are not seen is not told by how the others are read.
        let is_told = !self.layout.hides || self.layout.is_chosen;
        if let Some(First { column, order, rows, .. }) = self.request.first.filter(|_| is_told) {
            let name = self.table.spec().columns.get(column).map_or("", |column| &column.name);
            let direction = if order.is_descending { " DESC" } else { "" };
            write!(f, ", first={rows} by {name}{direction}")?;
        }
        if !self.keys.is_empty() {
            let name =
                |keyed: &Keyed| self.table.spec().columns.get(keyed.column()).map(|of| of.name.clone());
            let names: Vec<_> = self.keys.iter().filter_map(name).collect();
            write!(f, ", joined by [{}]", names.join(", "))?;
        }
        match self.request.limit {
            Some(limit) => write!(f, ", limit={limit}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "ObjectScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    /// A join looks here whether anybody wants to know its keys.
    fn apply_expressions(
        &self,
        look: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for keyed in &self.keys {
            if look(&keyed.known())? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    /// What a join knew of one run is not so of the next.
    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.again()))
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        if args.partition().is_none() || self.partitions() == 1 {
            return Ok(Arc::clone(&self.statistics));
        }
        let whole = self.statistics.num_rows.get_value().copied().unwrap_or_default();
        Ok(Arc::new(statistics(self.layout.output.len(), to_u64(whole / self.partitions()), false)))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.layout.account(context.memory_pool());
        let reading = Reading {
            table: self.table.clone(),
            request: self.request.clone(),
            layout: self.layout.clone(),
            keys: self.keys.clone(),
            always_looks_up: self.join_lookup_rows_min == 0,
            parts: Arc::clone(&self.parts),
            share: (partition, self.partitions()),
        };
        if self.keys.is_empty() {
            return Ok(reading.begin());
        }
        // The keys are known when the first row is asked for.
        let schema = Arc::clone(&self.layout.schema);
        let rows = stream::once(async move { reading.begin() }).flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// One partition's share of a scan.
struct Reading {
    table: TableSnapshot,
    request: ScanRequest,
    layout: Layout,
    keys: Vec<Keyed>,
    always_looks_up: bool,
    parts: Arc<Parts>,
    share: (usize, usize),
}

impl Reading {
    /// Begins to read, on a thread of its own.
    fn begin(self) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.layout.schema);
        let mut builder = RecordBatchReceiverStreamBuilder::new(schema, BATCHES_WAITING_MAX);
        let sender = builder.tx();
        builder.spawn_blocking(move || {
            let external = |error| DataFusionError::External(Box::new(error));
            for part in self.parts()? {
                for batch in part {
                    let batch = self.layout.apply(&batch.map_err(external)?)?;
                    if batch.num_rows() == 0 {
                        continue;
                    }
                    if sender.blocking_send(Ok(batch)).is_err() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        });
        builder.build()
    }

    fn parts(&self) -> Result<Vec<ScanPart>> {
        self.parts.take(self.share, || {
            let request = keys::narrowed(&self.table, &self.request, (&self.keys, self.always_looks_up))?;
            self.table.scan(request).map_err(|error| DataFusionError::External(Box::new(error)))
        })
    }
}
