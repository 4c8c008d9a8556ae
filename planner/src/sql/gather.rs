//! What a plan over one table does, gathered from its nodes: columns, conditions, an order, a page.
//!
//! From the top down, each projection and alias on the way is written into what was gathered above it, until all of it speaks of
//! the table's own columns.

use std::sync::Arc;

use datafusion::{
    common::{
        Column, DFSchema, Result as PlanResult,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, LogicalPlan, SortExpr, TableSource},
};

use crate::error::Result;

/// Nodes that columns may be written out to, at each step. `x + x` of `x + x` of … grows with every step: such a plan is left
/// alone, where each step is computed once.
const NODES_MAX: usize = 4_096;

/// Whether a plan has no other nodes than those that are gathered.
pub(super) fn has_shape(plan: &LogicalPlan) -> bool {
    let mut node = plan;
    loop {
        node = match node {
            LogicalPlan::Projection(projection) => &projection.input,
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::Sort(sort) => &sort.input,
            LogicalPlan::Filter(filter) => &filter.input,
            LogicalPlan::Limit(limit) => &limit.input,
            LogicalPlan::TableScan(_) => return true,
            _ => return false,
        };
    }
}

/// What was gathered.
pub(super) struct Gathered {
    pub(super) columns: Vec<Expr>,
    /// All of them hold.
    pub(super) filters: Vec<Expr>,
    pub(super) sort: Option<Vec<SortExpr>>,
    pub(super) skip: Option<Expr>,
    pub(super) fetch: Option<Expr>,
    /// What it is read of.
    pub(super) source: Arc<dyn TableSource>,
}

impl Gathered {
    /// Walks down a plan; none where one of its nodes can't be moved into one question.
    ///
    /// # Errors
    ///
    /// `Internal`, for a plan whose names do not fit.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Option<Gathered>> {
        let columns = plan.schema().columns().into_iter().map(Expr::Column).collect();
        let mut gathering =
            Gathering { columns, filters: Vec::new(), sort: None, skip: None, fetch: None, is_paged: false };
        let mut node = plan;
        loop {
            node = match node {
                LogicalPlan::Projection(projection) => {
                    if !gathering.write_out(&projection.schema, &projection.expr)? {
                        return Ok(None);
                    }
                    &projection.input
                }
                LogicalPlan::SubqueryAlias(alias) => {
                    let inner: Vec<_> =
                        alias.input.schema().columns().into_iter().map(Expr::Column).collect();
                    if !gathering.write_out(&alias.schema, &inner)? {
                        return Ok(None);
                    }
                    &alias.input
                }
                // Of two orders the outer one counts.
                LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
                    gathering.sort.get_or_insert_with(|| sort.expr.clone());
                    &sort.input
                }
                LogicalPlan::Filter(filter) => {
                    gathering.filters.push(filter.predicate.clone());
                    &filter.input
                }
                // What was gathered above it is done with its rows only.
                LogicalPlan::Limit(limit) if gathering.takes_a_page() => {
                    gathering.is_paged = true;
                    gathering.skip = limit.skip.as_deref().cloned();
                    gathering.fetch = limit.fetch.as_deref().cloned();
                    &limit.input
                }
                LogicalPlan::TableScan(scan) if scan.filters.is_empty() && scan.fetch.is_none() => {
                    return Ok(gathering.end(&scan.source));
                }
                _ => return Ok(None),
            };
        }
    }

    /// All its expressions but those of the page.
    pub(super) fn exprs(&self) -> impl Iterator<Item = &Expr> {
        let keys = self.sort.iter().flatten().map(|key| &key.expr);
        self.columns.iter().chain(&self.filters).chain(keys)
    }

    /// With what each of the table's columns is made of; none where that is too much.
    ///
    /// # Errors
    ///
    /// Those of `column`.
    pub(super) fn written_out(
        mut self,
        mut column: impl FnMut(&str) -> Result<Expr>,
    ) -> Result<Option<Gathered>> {
        let mut room = Room(NODES_MAX);
        let keys = self.sort.iter_mut().flatten().map(|key| &mut key.expr);
        for expr in self.columns.iter_mut().chain(&mut self.filters).chain(keys) {
            room.replace(expr, |name| Ok(column(&name.name)?))?;
        }
        Ok((room.0 > 0).then_some(self))
    }
}

/// Nodes that there is room for, one at least while all had room.
struct Room(usize);

impl Room {
    /// Puts what stands for its columns into an expression, as long as there is room.
    fn replace(
        &mut self,
        expr: &mut Expr,
        mut column: impl FnMut(&Column) -> PlanResult<Expr>,
    ) -> PlanResult<()> {
        let replaced = std::mem::take(expr).transform_up(|expr| match expr {
            Expr::Column(named) if self.0 > 0 => {
                let with = column(&named)?;
                self.0 = self.0.saturating_sub(nodes_of(&with));
                Ok(Transformed::yes(with))
            }
            other => Ok(Transformed::no(other)),
        })?;
        *expr = replaced.data;
        Ok(())
    }
}

fn nodes_of(expr: &Expr) -> usize {
    let mut nodes = 0;
    let walked = expr.apply(|_| {
        nodes += 1;
        Ok(if nodes < NODES_MAX { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    if walked.is_err() { NODES_MAX } else { nodes }
}

/// What was gathered so far.
struct Gathering {
    columns: Vec<Expr>,
    filters: Vec<Expr>,
    sort: Option<Vec<SortExpr>>,
    skip: Option<Expr>,
    fetch: Option<Expr>,
    is_paged: bool,
}

impl Gathering {
    /// Writes what stands for the columns of a node into what was gathered above it; false where that is too much.
    fn write_out(&mut self, schema: &DFSchema, exprs: &[Expr]) -> PlanResult<bool> {
        let mut room = Room(NODES_MAX);
        let keys = self.sort.iter_mut().flatten().map(|key| &mut key.expr);
        for expr in self.columns.iter_mut().chain(&mut self.filters).chain(keys) {
            room.replace(expr, |column| {
                let expr = exprs.get(schema.index_of_column(column)?).cloned().unwrap_or_default();
                Ok(expr.unalias_nested().data)
            })?;
        }
        Ok(room.0 > 0)
    }

    fn takes_a_page(&self) -> bool {
        !self.is_paged && self.filters.is_empty() && self.sort.is_none()
    }

    fn end(self, source: &Arc<dyn TableSource>) -> Option<Gathered> {
        let Gathering { columns, mut filters, sort, skip, fetch, .. } = self;
        // The innermost first: it keeps from the others what they can't be computed of.
        filters.reverse();
        let gathered = Gathered { columns, filters, sort, skip, fetch, source: Arc::clone(source) };
        let fits = gathered.exprs().all(is_of_a_row);
        fits.then_some(gathered)
    }
}

/// Whether it is computed of one row and nothing else, and is the same however often it is.
fn is_of_a_row(expr: &Expr) -> bool {
    let is_more = |expr: &Expr| {
        Ok(match expr {
            Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::Exists(_)
            | Expr::OuterReferenceColumn(..)
            | Expr::AggregateFunction(_)
            | Expr::WindowFunction(_)
            | Expr::GroupingSet(_)
            | Expr::ScalarVariable(..)
            | Expr::Unnest(_) => true,
            #[expect(deprecated)]
            Expr::Wildcard { .. } => true,
            _ => expr.is_volatile_node(),
        })
    };
    // The closure never fails, and neither does the walk.
    !expr.exists(is_more).unwrap_or(true)
}
