//! A question for records: which, in which order, with which columns and which related records.

use std::{cell::Cell, sync::Arc};

use arrow::datatypes::{Fields, Schema, SchemaRef};
use datafusion::{
    functions_aggregate::expr_fn::count,
    logical_expr::{EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit},
};
use indexmap::IndexMap;
use quarry_storage::TextQuery;

use super::{
    attach::Attach,
    building::Building,
    cursor::{self, Key, Pager, Side},
    direct::{Direct, Read, Told},
    filter::{Filters, Names},
    formula,
    member::Member,
    order,
    scope::{At, Scope, Subject},
    search, windows,
};
use crate::{
    context::QueryContext,
    error::{Error, Result},
    objectql::Query,
    planner::PlannerOptions,
    policy::Seeing,
    view::{ObjectView, Restriction},
};

/// Up to so many records, columns of related objects are fetched by key afterwards; past it they are joined.
const FETCHED_ROWS_MAX: u64 = 1_000;

/// No limit or offset is larger in a plan; nor are two of them together.
pub(super) const ROWS_MAX: u64 = u64::MAX / 4;

/// How a query stands in the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Root,
    ToOne,
    ToMany,
}

/// A column of the answer.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// A column of the plan.
    Column(usize),
    /// What an attach brings: a struct, or a list of structs.
    Attached(usize),
    /// One column of the record that a to-one attach brings.
    Inner { attach: usize, column: usize },
    /// How many records a to-many attach would bring without limit and offset.
    Count(usize),
}

/// A resolved question for records.
pub(crate) struct Records {
    scope: Scope,
    /// The scope as the filter alone needs it.
    filter_scope: Scope,
    filter: Option<Expr>,
    text: Option<TextQuery>,
    windows: Vec<Member>,
    sort: Vec<SortExpr>,
    /// Only what is behind a cursor.
    beyond: Option<Expr>,
    /// On which side of the cursor's record.
    side: Option<Side>,
    /// What a cursor is made of, and where it stands among the columns; of a page only.
    page: Option<(Vec<Key>, Vec<usize>)>,
    /// The caller can tell the order: it gave one, or pages.
    sorted: bool,
    /// At most so many (for a to-many level: per parent, kept by the attach).
    pub(crate) limit: Option<u64>,
    pub(crate) offset: u64,
    level: Level,
    columns: Vec<Expr>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) attaches: Vec<Attach>,
    /// The answer's columns.
    pub(crate) schema: SchemaRef,
}

impl Names for Scope {
    fn subject(&mut self, path: &str, at: &str) -> Result<Subject> {
        Scope::subject(self, path, At { code: "INVALID_FILTER", place: at })
    }

    fn scope(&mut self) -> Option<&mut Scope> {
        Some(self)
    }
}

/// What resolving one level needs.
#[derive(Clone, Copy)]
pub(crate) struct Resolving<'a> {
    pub(crate) context: &'a QueryContext,
    pub(crate) options: &'a PlannerOptions,
    pub(crate) level: Level,
    pub(crate) depth: usize,
    /// Relations brought along so far, on all levels.
    pub(crate) expands: &'a Cell<usize>,
}

impl<'a> Resolving<'a> {
    pub(super) fn below(self, level: Level) -> Result<Resolving<'a>> {
        if self.depth >= self.options.depth_max {
            let message = format!("relations are expanded at most {} levels deep", self.options.depth_max);
            return Err(Error::limited("expand", message));
        }
        Ok(Resolving { level, depth: self.depth + 1, ..self.further("expand")? })
    }

    /// One relation more.
    ///
    /// # Errors
    ///
    /// `Limited` past `expands_max`.
    pub(super) fn further(self, place: &str) -> Result<Resolving<'a>> {
        self.expands.set(self.expands.get() + 1);
        if self.expands.get() > self.options.expands_max {
            let most = self.options.expands_max;
            let message =
                format!("a question brings along at most {most} relations (expands_max): ask for less");
            return Err(Error::limited(place, message));
        }
        Ok(self)
    }
}

impl Records {
    /// Resolves a query against the session's views.
    ///
    /// # Errors
    ///
    /// `Missing` for a name that is not in the view, `Invalid` for what does not fit, `Limited` past the depth.
    pub(crate) fn resolve(with: Resolving<'_>, view: &Arc<ObjectView>, query: &Query) -> Result<Records> {
        check_level(with.level, query)?;
        let text = query.search.as_ref().map(|search| search::text_query(view, search)).transpose()?;
        let views = Arc::clone(&with.context.views);
        let (depth_max, clock) = (with.options.depth_max, with.context.clock());
        let mut scope = Scope::new(views, Arc::clone(view), depth_max, text.is_some(), clock);
        formula::resolve(&mut scope, &query.formulas)?;
        let filter = query.filter.as_ref();
        let filter =
            filter.map(|filter| Filters { names: &mut scope, with }.predicate(filter)).transpose()?;
        let filter_scope = scope.clone();
        let windows = windows::resolve(&mut scope, &query.windows)?;
        let (sort, keys) = order::keys(&mut scope, query, &windows)?;
        let side = side(query)?;
        let beyond = match (side, &keys) {
            (None, _) => None,
            (Some(side), Some(keys)) => Some(beyond(query, keys, side, with.context)?),
            (Some(_), None) => {
                let message = "what a search's rank or a window sorts has no cursors: use \"offset\"";
                return Err(Error::invalid("INVALID_CURSOR", "after", message));
            }
        };
        let paged = query.limit.is_some() || query.offset.is_some();
        let few = query.limit.is_some_and(|limit| limit <= FETCHED_ROWS_MAX);
        let mut building = Building {
            with,
            scope,
            columns: Vec::new(),
            attaches: Vec::new(),
            named: IndexMap::new(),
            fetch_late: with.level != Level::Root || few,
        };
        building.select(&query.fields)?;
        building.expand(&query.expand)?;
        building.windows(&windows)?;
        let page = keys.filter(|_| with.level == Level::Root && query.limit.is_some_and(|limit| limit > 0));
        let page = page.map(|keys| {
            let columns = keys.iter().map(|key| building.column(key.expr.clone())).collect();
            (keys, columns)
        });
        let (outputs, fields): (Vec<_>, Vec<_>) = building.named.into_values().unzip();
        Ok(Records {
            filter_scope,
            filter,
            windows,
            sort,
            beyond,
            side,
            page,
            sorted: text.is_some() || paged || !query.order_by.is_empty(),
            text,
            limit: query.limit,
            offset: query.offset.unwrap_or(0),
            level: with.level,
            scope: building.scope,
            columns: building.columns,
            outputs,
            attaches: building.attaches,
            schema: Arc::new(Schema::new(Fields::from(fields))),
        })
    }

    /// The object's name, which is also its table's.
    pub(crate) fn table(&self) -> &str {
        self.scope.view().object.table()
    }

    /// Of what records are asked for.
    pub(super) fn view(&self) -> &Arc<ObjectView> {
        self.scope.view()
    }

    /// What the scan of the root is restricted to.
    pub(crate) fn restriction(&self) -> Restriction {
        self.text.clone().map_or(Restriction::None, Restriction::Text)
    }

    /// The plan; its columns are those that the outputs point to. Without an order asked, `small` inputs are still
    /// sorted by id.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn plan(&self, seeing: &Seeing, restriction: Restriction, small: bool) -> Result<LogicalPlan> {
        let plan = self.filtered(&self.scope, seeing, restriction)?;
        let mut plan = windows::add(plan, &self.windows, |index, _| windows::column(index))?;
        if let Some(beyond) = &self.beyond {
            plan = plan.filter(beyond.clone())?;
        }
        let window = if self.level == Level::Root { self.limit.map(size) } else { None };
        let offset = if self.level == Level::Root { size(self.offset) } else { 0 };
        if self.level != Level::ToOne && (self.sorted || small) {
            plan = plan.sort_with_limit(self.order(), window.map(|limit| limit.saturating_add(offset)))?;
        }
        if window.is_some() || offset > 0 {
            plan = plan.limit(offset, window)?;
        }
        if self.is_backwards() {
            plan = plan.sort(self.sort.clone())?;
        }
        let columns = (0..)
            .zip(&self.columns)
            .map(|(index, column): (usize, _)| column.clone().alias(format!("c{index}")));
        let plan = plan.project(columns.collect::<Vec<_>>())?.build()?;
        if window == Some(0) {
            let schema = Arc::clone(plan.schema());
            return Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema }));
        }
        Ok(plan)
    }

    /// The page lies before a record: its records are found from there on backwards, and turned round.
    pub(crate) fn is_backwards(&self) -> bool {
        self.side == Some(Side::Before)
    }

    /// The order in which a page is found.
    fn order(&self) -> Vec<SortExpr> {
        let mut order = self.sort.clone();
        if self.is_backwards() {
            for key in &mut order {
                (key.asc, key.nulls_first) = (!key.asc, !key.nulls_first);
            }
        }
        order
    }

    /// The question around the general executor; none where more is read than this object and what lookups lead to.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn direct(
        &self,
        seeing: &Seeing,
        restriction: Restriction,
        rows_max: u64,
    ) -> Result<Option<Direct>> {
        let Some((read, far)) = self.scope.with_far().filter(|_| self.windows.is_empty()) else {
            return Ok(None);
        };
        let read = Read::new(self.scope.view(), read)?;
        let (limit, offset) = match self.level {
            Level::Root => (self.limit.map(size), size(self.offset)),
            Level::ToOne | Level::ToMany => (None, 0),
        };
        let filters = self.filter.iter().chain(&self.beyond).cloned();
        Ok(Some(Direct {
            view: Arc::clone(self.scope.view()),
            seeing: seeing.clone(),
            restriction,
            told: Told::all(&read, &self.columns),
            read,
            far,
            rows_max,
            filter: filters.reduce(Expr::and),
            sort: if self.level == Level::ToOne { Vec::new() } else { self.order() },
            limit,
            offset,
        }))
    }

    /// As [`Self::direct`], for [`Self::count_plan`].
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn direct_count(&self, seeing: &Seeing, rows_max: u64) -> Result<Option<Direct>> {
        let Some((read, far)) = self.filter_scope.with_far() else { return Ok(None) };
        let read = Read::new(self.filter_scope.view(), read)?;
        Ok(Some(Direct {
            view: Arc::clone(self.filter_scope.view()),
            seeing: seeing.clone(),
            restriction: self.restriction(),
            read,
            far,
            rows_max,
            filter: self.filter.clone(),
            sort: Vec::new(),
            limit: None,
            offset: 0,
            told: Arc::default(),
        }))
    }

    /// Who watches the page go by; none when there are no pages.
    pub(crate) fn pager(&self) -> Option<Pager> {
        Some(Pager::new(self.page.clone()?, self.limit?, self.side))
    }

    /// The plan that counts all that match.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn count_plan(&self, seeing: &Seeing) -> Result<LogicalPlan> {
        let plan = self.filtered(&self.filter_scope, seeing, self.restriction())?;
        Ok(plan.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("n")])?.build()?)
    }

    fn filtered(
        &self,
        scope: &Scope,
        seeing: &Seeing,
        restriction: Restriction,
    ) -> Result<LogicalPlanBuilder> {
        let plan = scope.plan(seeing, restriction)?;
        match &self.filter {
            Some(filter) => Ok(plan.filter(filter.clone())?),
            None => Ok(plan),
        }
    }
}

/// On which side of a record the page lies.
fn side(query: &Query) -> Result<Option<Side>> {
    if query.before.is_none() {
        let is_after = query.after.is_some() || query.after_values.is_some();
        return Ok(is_after.then_some(Side::After));
    }
    let refuse = |message: &str| Err(Error::invalid("INVALID_CURSOR", "before", message));
    match (query.limit, query.offset.unwrap_or(0)) {
        (None, _) => refuse("the page before a record needs a \"limit\""),
        (_, 1..) => refuse("the page before a record takes no \"offset\""),
        (Some(_), 0) => Ok(Some(Side::Before)),
    }
}

/// The records on that side of the cursor.
fn beyond(query: &Query, keys: &[Key], side: Side, context: &QueryContext) -> Result<Expr> {
    match (&query.after_values, query.after.as_ref().or(query.before.as_ref())) {
        (Some(values), _) => cursor::beyond_values(keys, values, context),
        (None, Some(text)) => cursor::beyond(keys, text, side),
        (None, None) => Err(Error::internal("a side of no record")),
    }
}

fn check_level(level: Level, query: &Query) -> Result<()> {
    let refuse = |key: &str, why: &str| Err(Error::invalid("INVALID_QUERY", key, format!("{key:?} {why}")));
    if level != Level::Root && (!query.group_by.is_empty() || !query.aggregations.is_empty()) {
        return refuse("groupBy", "can't stand in an expand");
    }
    let cursors = [
        ("after", query.after.is_some()),
        ("before", query.before.is_some()),
        ("cursor", query.after_values.is_some()),
    ];
    if let Some((key, _)) = cursors.iter().find(|(_, there)| level != Level::Root && *there) {
        return refuse(key, "can't stand in an expand");
    }
    if level != Level::Root && query.as_of.is_some() {
        return refuse("asOf", "can't stand in an expand: all of an answer is of one state");
    }
    if level != Level::Root && !query.windows.is_empty() {
        return refuse("windows", "can't stand in an expand");
    }
    if level != Level::Root && query.search.is_some() {
        return Err(Error::not_supported("search", "\"search\" in an expand is not supported"));
    }
    if level == Level::ToOne {
        let one = "can't stand in the expand of a single record: it takes \"fields\" and \"expand\"";
        let keys = [
            ("where", query.filter.is_some()),
            ("orderBy", !query.order_by.is_empty()),
            ("limit", query.limit.is_some()),
            ("offset", query.offset.is_some()),
            ("count", query.count),
        ];
        if let Some((key, _)) = keys.iter().find(|(_, there)| *there) {
            return refuse(key, one);
        }
    }
    Ok(())
}

impl Records {
    /// The position of a column of the root that the attach joins by.
    pub(super) fn key(&mut self, name: &str) -> usize {
        let expr = self.scope.column(name);
        if let Some(position) = self.columns.iter().position(|known| *known == expr) {
            return position;
        }
        self.columns.push(expr);
        self.columns.len() - 1
    }
}

/// As plans have it, which count with a sign.
pub(super) fn size(count: u64) -> usize {
    usize::try_from(count.min(ROWS_MAX)).unwrap_or(usize::MAX)
}
