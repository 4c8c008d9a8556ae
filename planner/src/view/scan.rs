//! The scan: where a DataFusion table provider meets a storage snapshot.
//!
//! Planning asks the indexes first: predicates that row sets answer ([`super::access`]) are resolved off the async
//! threads, so the physical plan knows how many rows it will read. Reading runs on blocking threads, a thread per
//! partition, through a channel of few batches: a slow reader slows the scan, a reader that goes away ends it.

mod few;

use std::{fmt, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{
        Column, ColumnStatistics, DataFusionError, Result, Statistics,
        stats::Precision,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        statistics::StatisticsArgs,
        stream::RecordBatchReceiverStreamBuilder,
    },
};
use quarry_storage::{ColumnBound, ColumnType, First, Order, RowSet, ScanRequest, TableSnapshot, TextHits};

use super::{Restriction, SCORE, access::Access, narrow, parts::Parts, shape::Shape};

pub(crate) use few::{Few, Wanted};

/// Batches that may wait between the reading thread and the plan.
const BATCHES_WAITING_MAX: usize = 2;

/// What a session's configuration carries for scans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanSizes {
    /// Rows up to which one partition is used.
    pub(crate) single_partition_rows: u64,
}

/// A view's table: the visible columns, in the view's order; with a text question also `_score`.
pub(super) struct ScanTable {
    table: TableSnapshot,
    columns: Vec<usize>,
    /// What becomes of each of the columns.
    shapes: Vec<Shape>,
    schema: SchemaRef,
    restriction: Restriction,
}

impl ScanTable {
    /// The columns by the names that they go by here, with their positions in the table, and how they are shown.
    pub(super) fn new(
        table: TableSnapshot,
        (columns, shapes): (Vec<(String, usize)>, Vec<Shape>),
        restriction: Restriction,
    ) -> ScanTable {
        let stored = table.schema();
        let shaped = |((name, position), shape): (&(String, usize), &Shape)| {
            let field = shape.field(stored.fields().get(*position)?);
            let same = field.name() == name;
            Some(if same { field } else { Arc::new(field.as_ref().clone().with_name(name)) })
        };
        let mut fields: Vec<Arc<Field>> = columns.iter().zip(&shapes).filter_map(shaped).collect();
        let columns = columns.into_iter().map(|(_, position)| position).collect();
        if matches!(restriction, Restriction::Text(_)) {
            fields.push(Arc::new(Field::new(SCORE, DataType::Float32, true)));
        }
        ScanTable { table, columns, shapes, schema: Arc::new(Schema::new(fields)), restriction }
    }

    /// A predicate by the names that storage knows.
    fn stored(&self, filter: &Expr) -> Result<Expr> {
        let renamed = filter.clone().transform(|expr| {
            let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
            let at = self.schema.index_of(&column.name).ok();
            let at = at.and_then(|at| self.table.spec().columns.get(*self.columns.get(at)?));
            match at.filter(|stored| *stored.name != *column.name) {
                Some(stored) => Ok(Transformed::yes(Expr::Column(Column::from_name(&*stored.name)))),
                None => Ok(Transformed::no(expr)),
            }
        })?;
        Ok(renamed.data)
    }

    /// The rows that restriction and predicates leave, and what is known of the columns, found off the async threads.
    async fn find(&self, filters: &[Expr], columns: Vec<usize>) -> Result<Found> {
        let mut accesses = Vec::new();
        let mut bounds = Vec::new();
        for filter in filters {
            let filter = self.stored(filter)?;
            match Access::of(&filter, &self.table) {
                Some(access) => accesses.push(access),
                None => bounds.extend(narrow::bounds_of(&filter, &self.table)),
            }
        }
        let (table, restriction) = (self.table.clone(), self.restriction.clone());
        tokio::task::spawn_blocking(move || {
            let mut found = Found::find(&table, &restriction, &accesses)?;
            found.rows = narrow::rows_within(&table, &bounds, found.rows)?;
            found.columns = known_columns(&table, &columns)?;
            found.bounds = bounds;
            Ok(found)
        })
        .await
        .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
        .map_err(|error: quarry_storage::Error| DataFusionError::External(Box::new(error)))
    }
}

/// What is known before the scan.
struct Found {
    rows: Option<RowSet>,
    hits: Option<Arc<TextHits>>,
    bounds: Vec<ColumnBound>,
    /// Of the stored columns that the plan wants, in all rows of the table.
    columns: Vec<ColumnStatistics>,
}

impl Found {
    fn find(
        table: &TableSnapshot,
        restriction: &Restriction,
        accesses: &[Access],
    ) -> quarry_storage::Result<Found> {
        let (mut rows, hits) = match restriction {
            Restriction::None => (None, None),
            Restriction::Rows(rows) => (Some(rows.clone()), None),
            Restriction::Text(query) => (None, Some(Arc::new(table.search(query)?))),
        };
        for access in accesses {
            let found = access.rows(table)?;
            rows = Some(rows.map_or_else(|| found.clone(), |before| before.and(&found)));
        }
        Ok(Found { rows, hits, bounds: Vec::new(), columns: Vec::new() })
    }

    /// What a plan may count on: of all rows of the table as it is known, of some of them as an estimate.
    fn statistics(&self, table: &TableSnapshot, limit: Option<usize>) -> Statistics {
        let (rows, exact) = self.count(table);
        let exact = exact && self.bounds.is_empty();
        let given = limit.map_or(rows, |limit| rows.min(to_u64(limit)));
        let mut known = statistics(0, given, exact);
        known.column_statistics.clone_from(&self.columns);
        let is_whole = self.rows.is_none() && self.hits.is_none() && self.bounds.is_empty() && given == rows;
        if is_whole { known } else { Statistics { num_rows: known.num_rows, ..known.to_inexact() } }
    }

    /// How many rows at most, and whether it is exactly so many.
    fn count(&self, table: &TableSnapshot) -> (u64, bool) {
        match (&self.rows, &self.hits) {
            (None, None) => {
                let known = table.statistics();
                (known.rows, known.exact)
            }
            (Some(rows), None) => (rows.len(), true),
            (None, Some(hits)) => (hits.rows().len(), true),
            (Some(rows), Some(hits)) => (rows.and(hits.rows()).len(), true),
        }
    }
}

impl fmt::Debug for ScanTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanTable").field("table", &self.table.spec().name).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for ScanTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let layout = Layout::new(self, wanted)?;
        let found = self
            .find(filters, wanted.iter().filter_map(|at| self.columns.get(*at).copied()).collect())
            .await?;
        let (rows, _) = found.count(&self.table);
        let mut statistics = found.statistics(&self.table, limit);
        let mut known = std::mem::take(&mut statistics.column_statistics).into_iter();
        // Nothing is known of a score; what is known of a column is known of it as it is stored.
        let of = |at: &usize| {
            let known = if *at < self.columns.len() { known.next() } else { None };
            known.filter(|_| self.shapes.get(*at).is_some_and(Shape::is_stored))
        };
        statistics.column_statistics =
            wanted.iter().map(of).map(|known| known.unwrap_or_else(ColumnStatistics::new_unknown)).collect();
        let options = &state.config_options().execution;
        let large = state
            .config()
            .get_extension::<ScanSizes>()
            .is_none_or(|sizes| rows > sizes.single_partition_rows);
        let partitions = if large { options.target_partitions.max(1) } else { 1 };
        let request = ScanRequest {
            projection: Some(layout.stored.clone()),
            rows: found.rows,
            hits: found.hits,
            bounds: found.bounds,
            first: None,
            limit,
            batch_rows: options.batch_size.get(),
        };
        Ok(Arc::new(ScanExec::new(self.table.clone(), request, layout, partitions, statistics)))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let judge = |filter: &&Expr| {
            let filter = self.stored(filter)?;
            Ok(match Access::of(&filter, &self.table) {
                Some(_) => TableProviderFilterPushDown::Exact,
                None if narrow::bounds_of(&filter, &self.table).is_empty() => {
                    TableProviderFilterPushDown::Unsupported
                }
                None => TableProviderFilterPushDown::Inexact,
            })
        };
        filters.iter().map(judge).collect()
    }

    fn statistics(&self) -> Option<Statistics> {
        let rows = match &self.restriction {
            Restriction::Rows(rows) => rows.len(),
            Restriction::None | Restriction::Text(_) => self.table.statistics().rows,
        };
        Some(statistics(self.schema.fields().len(), rows, false))
    }
}

fn known_columns(table: &TableSnapshot, columns: &[usize]) -> quarry_storage::Result<Vec<ColumnStatistics>> {
    let known = table.column_statistics(columns)?;
    let kinds =
        columns.iter().filter_map(|at| table.spec().columns.get(*at)).map(|column| column.column_type);
    Ok(known.into_iter().zip(kinds).map(|(known, kind)| column_statistics(&known, kind)).collect())
}

fn column_statistics(
    known: &quarry_storage::ColumnStatistics,
    kind: quarry_storage::ColumnType,
) -> ColumnStatistics {
    let value = |value: &Option<quarry_storage::Value>| {
        let value = value.as_ref().and_then(|value| narrow::scalar_of(value, kind));
        value.map_or(Precision::Absent, |value| precision(value, known.exact))
    };
    let count = |count: Option<u64>, exact: bool| {
        let count = count.and_then(|count| usize::try_from(count).ok());
        count.map_or(Precision::Absent, |count| precision(count, exact))
    };
    ColumnStatistics {
        null_count: count(known.nulls, known.exact),
        min_value: value(&known.min),
        max_value: value(&known.max),
        distinct_count: count(known.distinct, false),
        ..ColumnStatistics::new_unknown()
    }
}

fn precision<T: fmt::Debug + Clone + PartialEq + Eq + PartialOrd>(value: T, exact: bool) -> Precision<T> {
    if exact { Precision::Exact(value) } else { Precision::Inexact(value) }
}

fn statistics(columns: usize, rows: u64, exact: bool) -> Statistics {
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    Statistics {
        num_rows: precision(rows, exact),
        total_byte_size: Precision::Absent,
        column_statistics: vec![ColumnStatistics::new_unknown(); columns],
    }
}

/// How the columns that storage gives become the columns that the plan wants.
#[derive(Clone, Debug)]
struct Layout {
    /// Positions in the stored table, in the order asked of storage. Never empty: rows are counted by the key.
    stored: Vec<usize>,
    /// For each wanted column its position in a stored batch (`_score` stands behind the stored columns).
    output: Vec<usize>,
    /// What becomes of each wanted column.
    shapes: Vec<Shape>,
    /// The wanted columns.
    schema: SchemaRef,
}

impl Layout {
    fn new(table: &ScanTable, wanted: &[usize]) -> Result<Layout> {
        let ScanTable { columns, shapes, schema, .. } = table;
        let mut stored: Vec<usize> = wanted.iter().filter_map(|index| columns.get(*index).copied()).collect();
        let score = stored.len();
        let mut next = 0..score;
        let output: Vec<usize> = wanted
            .iter()
            .map(|index| if *index < columns.len() { next.next().unwrap_or(score) } else { score.max(1) })
            .collect();
        if stored.is_empty() {
            stored.push(0);
        }
        let shapes = wanted.iter().map(|index| shapes.get(*index).cloned().unwrap_or_default()).collect();
        Ok(Layout { stored, output, shapes, schema: Arc::new(schema.project(wanted)?) })
    }

    fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let gone = || DataFusionError::Internal("storage gave fewer columns than were asked".into());
        let columns = self
            .output
            .iter()
            .zip(&self.shapes)
            .map(|(index, shape)| shape.apply(batch.columns().get(*index).ok_or_else(gone)?))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// The physical scan.
pub(super) struct ScanExec {
    table: TableSnapshot,
    request: ScanRequest,
    layout: Layout,
    properties: Arc<PlanProperties>,
    statistics: Arc<Statistics>,
    parts: Arc<Parts>,
}

impl ScanExec {
    fn new(
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
        ScanExec { table, request, layout, properties, statistics, parts: Arc::default() }
    }

    /// A scan that need only give what may be among the first rows by one of its columns, all of whose rows it would give;
    /// `None` where no index has that order.
    pub(super) fn with_first(&self, column: usize, order: Order, rows: usize) -> Option<ScanExec> {
        let request = &self.request;
        if request.first.is_some() || request.limit.is_some() || !request.bounds.is_empty() {
            return None;
        }
        let column = *self.layout.stored.get(*self.layout.output.get(column)?)?;
        let spec = self.table.spec().columns.get(column)?;
        // NaN and minus zero have places of their own in DataFusion's order; a list has none in an index.
        let has_order = !matches!(spec.column_type, ColumnType::Float | ColumnType::TextList);
        if !has_order || !self.table.has_index(&spec.name) {
            return None;
        }
        let request = ScanRequest { first: Some(First { column, order, rows }), ..request.clone() };
        let (table, layout) = (self.table.clone(), self.layout.clone());
        let (properties, parts) = (Arc::clone(&self.properties), Arc::default());
        let known = self.statistics.num_rows.get_value().map_or(rows, |known| rows.min(*known));
        let statistics = Statistics::clone(&self.statistics).to_inexact();
        let statistics = Arc::new(Statistics { num_rows: Precision::Inexact(known), ..statistics });
        Some(ScanExec { table, request, layout, properties, statistics, parts })
    }

    fn partitions(&self) -> usize {
        self.properties.partitioning.partition_count()
    }

    fn access(&self) -> &'static str {
        match (&self.request.rows, &self.request.hits) {
            (None, None) => "columns",
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
        write!(f, ", columns=[{}], rows={:?}", names.join(", "), self.statistics.num_rows)?;
        if !self.request.bounds.is_empty() {
            write!(f, ", bounds={}", self.request.bounds.len())?;
        }
        if let Some(First { column, order, rows }) = self.request.first {
            let name = self.table.spec().columns.get(column).map_or("", |column| &column.name);
            let direction = if order.is_descending { " DESC" } else { "" };
            write!(f, ", first={rows} by {name}{direction}")?;
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

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
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

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut builder =
            RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.layout.schema), BATCHES_WAITING_MAX);
        let sender = builder.tx();
        let (table, request, layout) = (self.table.clone(), self.request.clone(), self.layout.clone());
        let (parts, share) = (Arc::clone(&self.parts), (partition, self.partitions()));
        builder.spawn_blocking(move || {
            let external = |error| DataFusionError::External(Box::new(error));
            for part in parts.take(&table, &request, share).map_err(external)? {
                for batch in part {
                    let batch = layout.apply(&batch.map_err(external)?)?;
                    if sender.blocking_send(Ok(batch)).is_err() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        });
        Ok(builder.build())
    }
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
