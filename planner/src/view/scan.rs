//! The scan: where a DataFusion table provider meets a storage snapshot.
//!
//! Planning asks the indexes first: predicates that row sets answer ([`super::access`]) are resolved off the async
//! threads, so the physical plan knows how many rows it will read. Reading runs on blocking threads, a thread per
//! partition, through a channel of few batches: a slow reader slows the scan, a reader that goes away ends it.

mod exec;
mod few;
mod keys;
mod layout;
mod statistics;

use std::{collections::BTreeMap, fmt, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    common::{
        Column, ColumnStatistics, DataFusionError, Result, Statistics,
        tree_node::{Transformed, TreeNode},
    },
    logical_expr::{Expr, TableProviderFilterPushDown, TableType},
    physical_plan::ExecutionPlan,
};
use quarry_storage::{ColumnBound, Effort, RowSet, ScanRequest, TableSnapshot, TextHits};

pub(super) use exec::ScanExec;
pub(crate) use few::{FEW_ROWS_MAX, Few, Foremost, Wanted};
pub(super) use keys::JoinKey;
use layout::Layout;
use statistics::{known_columns, statistics};

use super::{Columns, Restriction, SCORE, access::Access, narrow, shape::Shape};
use crate::policy::{Guard, Policy, Seeing};

/// What a guard sees is looked up in an index where it is at most one row in so many: past that share a scan costs less.
const GUARD_SHARE: u64 = 16;
/// Which rows are seen is decided for all of a table where a plan would read one in so many of them.
const DECIDED_SHARE: u64 = 8;
/// So many rows of segments are decided about for one plan, which takes some milliseconds, and so many others: the rest is done ahead.
const DECIDED_MAX: u64 = 1 << 16;

/// What a session's configuration carries for scans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanSizes {
    /// Rows up to which one partition is used.
    pub(crate) single_partition_rows: u64,
    /// Rows from which on those of a join are looked up by its keys, where these are few; 0: they always are.
    pub(crate) join_lookup_rows_min: u64,
}

/// A view's table: the visible columns, in the view's order; with a text question also `_score`.
pub(super) struct ScanTable {
    table: TableSnapshot,
    columns: Arc<Columns>,
    schema: SchemaRef,
    restriction: Restriction,
    /// Whose rows and values are seen; all where there is none.
    guarded: Option<Guarded>,
}

/// A policy, and who looks at which state.
struct Guarded {
    policy: Arc<Policy>,
    seeing: Seeing,
    /// Positions of the stored columns that are not shown as they are, and whether values are only hidden there.
    altered: BTreeMap<usize, bool>,
}

impl ScanTable {
    pub(super) fn new(
        table: TableSnapshot,
        columns: Arc<Columns>,
        restriction: Restriction,
        policy: Option<(Arc<Policy>, Seeing)>,
    ) -> ScanTable {
        let guarded = policy.map(|(policy, seeing)| {
            let altered = policy.sights.iter().filter_map(|(name, sight)| {
                let column = policy.object.field(name.as_str())?.column();
                Some((table.spec().position(column)?, sight.only_hides()))
            });
            Guarded { altered: altered.collect(), policy, seeing }
        });
        let mut schema = Arc::clone(&columns.schema);
        if matches!(restriction, Restriction::Text(_)) {
            let score = Arc::new(Field::new(SCORE, DataType::Float32, true));
            let fields = schema.fields().iter().cloned().chain([score]);
            schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        }
        ScanTable { table, columns, schema, restriction, guarded }
    }

    /// A predicate by the names that storage knows.
    fn stored(&self, filter: &Expr) -> Result<Expr> {
        let renamed = filter.clone().transform(|expr| {
            let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
            let at = self.schema.index_of(&column.name).ok();
            let at = at.and_then(|at| self.table.spec().columns.get(*self.columns.positions.get(at)?));
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
        let mut is_loose = false;
        for filter in filters {
            match self.reach(filter)? {
                Reach::Exact(access) => accesses.push(access),
                Reach::Loose(access) => {
                    accesses.push(access);
                    is_loose = true;
                }
                Reach::Bounds(own) => bounds.extend(own),
            }
        }
        let (table, restriction) = (self.table.clone(), self.restriction.clone());
        let guarded =
            self.guarded.as_ref().map(|guarded| (Arc::clone(&guarded.policy), guarded.seeing.clone()));
        tokio::task::spawn_blocking(move || {
            let mut found = Found::find(&table, &restriction, &accesses)?;
            found.rows = narrow::rows_within(&table, &bounds, found.rows)?;
            found.columns = known_columns(&table, &columns)?;
            found.bounds = bounds;
            found.is_loose = is_loose;
            if let Some((policy, seeing)) = guarded {
                let guard = Guard::new(&policy, &seeing, &table)?;
                let effort = found.effort(&guard, &table);
                found.guard((&policy, &seeing, &table), guard, Some(effort))?;
            }
            Ok(found)
        })
        .await
        .map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
        .map_err(|error: crate::error::Error| DataFusionError::External(Box::new(error)))
    }

    /// What a predicate may be answered or narrowed by. Values that are not shown as they are decide nothing that is not looked at again:
    /// where they are only hidden, those that are asked for are among those that are there.
    fn reach(&self, filter: &Expr) -> Result<Reach> {
        let filter = self.stored(filter)?;
        let altered = match &self.guarded {
            Some(guarded) => guarded.concerns(&filter, &self.table),
            None => Altered::Not,
        };
        let access = Access::of(&filter, &self.table);
        Ok(match (altered, access) {
            (Altered::Not, Some(access)) => Reach::Exact(access),
            (Altered::Not, None) => Reach::Bounds(narrow::bounds_of(&filter, &self.table)),
            (Altered::Hidden, Some(access)) if !access.asks_for_null() => Reach::Loose(access),
            (Altered::Hidden | Altered::Otherwise, _) => Reach::Bounds(Vec::new()),
        })
    }

    /// Whether a column, by its position in the table, is shown as it is stored.
    fn is_shown(&self, position: usize) -> bool {
        self.guarded.as_ref().is_none_or(|guarded| !guarded.altered.contains_key(&position))
    }
}

/// What a predicate may be answered or narrowed by.
enum Reach {
    /// An index gives just the rows.
    Exact(Access),
    /// An index gives all of the rows, and perhaps others.
    Loose(Access),
    /// What other rows can't be.
    Bounds(Vec<ColumnBound>),
}

/// Whether a predicate looks at values that are not shown as they are.
enum Altered {
    Not,
    Hidden,
    Otherwise,
}

impl Guarded {
    fn concerns(&self, filter: &Expr, table: &TableSnapshot) -> Altered {
        let named = filter.column_refs().into_iter().filter_map(|column| table.spec().position(&column.name));
        let mut altered = Altered::Not;
        for hides in named.filter_map(|position| self.altered.get(&position)) {
            match (hides, &altered) {
                (true, Altered::Not) => altered = Altered::Hidden,
                (true, _) => {}
                (false, _) => return Altered::Otherwise,
            }
        }
        altered
    }
}

/// What is known before the scan.
struct Found {
    rows: Option<RowSet>,
    hits: Option<Arc<TextHits>>,
    bounds: Vec<ColumnBound>,
    /// Of the stored columns that the plan wants, in all rows of the table.
    columns: Vec<ColumnStatistics>,
    /// Every row comes past it.
    guard: Option<Arc<Guard>>,
    /// An index was asked for values that are not shown: how many it found is not told.
    is_loose: bool,
    /// Rows that are not seen were left out already.
    is_decided: bool,
    /// An index or a search chose rows.
    is_chosen: bool,
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
        let is_chosen = rows.is_some() || hits.is_some();
        let (bounds, columns) = (Vec::new(), Vec::new());
        Ok(Found { rows, hits, bounds, columns, guard: None, is_loose: false, is_decided: false, is_chosen })
    }

    /// How many rows may be decided about while it is planned: of those that would be read anyway, where no other table is looked at.
    fn effort(&self, guard: &Guard, table: &TableSnapshot) -> Effort {
        let are_most = self.count(table).0.saturating_mul(DECIDED_SHARE) >= table.statistics().rows;
        match guard.looks_elsewhere() {
            true => Effort { segments: 0, others: DECIDED_MAX / 32 },
            false => Effort { segments: if are_most { DECIDED_MAX } else { 0 }, others: DECIDED_MAX },
        }
    }

    /// Takes a guard. Where it is known which rows are seen, or indexes say so, the others are not read at all.
    fn guard(
        &mut self,
        (policy, seeing, table): (&Arc<Policy>, &Seeing, &TableSnapshot),
        mut guard: Guard,
        effort: Option<Effort>,
    ) -> crate::error::Result<()> {
        let decided = effort.map(|effort| guard.decide((seeing, table), self.wanted().as_ref(), effort));
        if let Some(seen) = decided.transpose()?.flatten() {
            let (all, exact) = self.count(table);
            // Where all are seen, it is as if there were no guard.
            if !exact || seen.len() != all {
                self.is_chosen |= self.rows.is_some();
                self.rows = Some(seen);
                self.is_decided = true;
            }
            self.guard = Some(Arc::new(guard));
            return Ok(());
        }
        if effort.is_some() {
            guard.note_undecided(policy, seeing, table);
        }
        let access = match self.count(table).0 > few::FEW_ROWS_MAX {
            true => guard.predicate().and_then(|predicate| Access::of(&predicate, table)),
            false => None,
        };
        if let Some(access) = access
            && access.estimate(table)?.saturating_mul(GUARD_SHARE) <= self.count(table).0
        {
            let seen = access.rows(table)?;
            self.rows = Some(self.rows.take().map_or_else(|| seen.clone(), |rows| rows.and(&seen)));
            self.is_chosen = true;
        }
        self.guard = Some(Arc::new(guard));
        Ok(())
    }

    /// Rows that are given may be left out later.
    fn leaves_out(&self) -> bool {
        self.guard.as_ref().is_some_and(|guard| guard.leaves_out())
    }

    /// There may be rows that are not seen.
    fn hides(&self) -> bool {
        self.is_decided || self.leaves_out()
    }

    /// What a plan may count on: of all rows of the table as it is known, of some of them as an estimate.
    fn statistics(&self, table: &TableSnapshot, limit: Option<usize>) -> Statistics {
        let (rows, exact) = self.count(table);
        let exact = exact && self.bounds.is_empty() && !self.leaves_out() && !self.is_loose;
        let given = limit.map_or(rows, |limit| rows.min(to_u64(limit)));
        let mut known = statistics(0, given, exact);
        known.column_statistics.clone_from(&self.columns);
        let is_whole = self.rows.is_none()
            && self.hits.is_none()
            && self.bounds.is_empty()
            && !self.leaves_out()
            && given == rows;
        if is_whole { known } else { Statistics { num_rows: known.num_rows, ..known.to_inexact() } }
    }

    /// The rows that are wanted so far, where not all are.
    fn wanted(&self) -> Option<RowSet> {
        match (&self.rows, &self.hits) {
            (Some(rows), Some(hits)) => Some(rows.and(hits.rows())),
            (Some(rows), None) => Some(rows.clone()),
            (None, hits) => hits.as_ref().map(|hits| hits.rows().clone()),
        }
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
        let positions = wanted.iter().filter_map(|at| self.columns.positions.get(*at).copied());
        let found = self.find(filters, positions.collect()).await?;
        let mut layout = Layout::new(self, wanted, found.guard.clone())?;
        layout.is_loose = found.is_loose;
        layout.is_chosen = found.is_chosen;
        // Rows that are left out later are not among those that are wanted.
        let limit = limit.filter(|_| !found.leaves_out());
        let (rows, _) = found.count(&self.table);
        let mut statistics = found.statistics(&self.table, limit);
        let mut known = std::mem::take(&mut statistics.column_statistics).into_iter();
        // Nothing is known of a score; what is known of a column is known of it as it is stored.
        let of = |at: &usize| {
            let known = if *at < self.columns.positions.len() { known.next() } else { None };
            let is_shown = self.columns.positions.get(*at).is_some_and(|position| self.is_shown(*position));
            // Of rows that are not seen nothing is told.
            let is_shown = is_shown && !found.hides() && !found.is_loose;
            known.filter(|_| is_shown && self.columns.shapes.get(*at).is_some_and(Shape::is_stored))
        };
        statistics.column_statistics =
            wanted.iter().map(of).map(|known| known.unwrap_or_else(ColumnStatistics::new_unknown)).collect();
        let options = &state.config_options().execution;
        let sizes = state.config().get_extension::<ScanSizes>();
        let large = sizes.as_ref().is_none_or(|sizes| rows > sizes.single_partition_rows);
        let join_lookup_rows_min = sizes.map_or(u64::MAX, |sizes| sizes.join_lookup_rows_min);
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
        let scan = ScanExec::new(self.table.clone(), request, layout, partitions, statistics);
        Ok(Arc::new(scan.with_join_lookups_from(join_lookup_rows_min)))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let judge = |filter: &&Expr| {
            Ok(match self.reach(filter)? {
                Reach::Exact(_) => TableProviderFilterPushDown::Exact,
                Reach::Bounds(bounds) if bounds.is_empty() => TableProviderFilterPushDown::Unsupported,
                Reach::Loose(_) | Reach::Bounds(_) => TableProviderFilterPushDown::Inexact,
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

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
