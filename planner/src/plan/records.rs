//! A question for records: which, in which order, with which columns and which related records.

use std::{cell::Cell, sync::Arc};

use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef};
use datafusion::{
    functions_aggregate::expr_fn::count,
    logical_expr::{EmptyRelation, Expr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit},
};
use indexmap::IndexMap;
use quarry_storage::{Snapshot, TextQuery};

use super::{
    attach::{Attach, Ends},
    filter::{Filters, Names},
    scope::{At, Scope, Subject, unknown},
    search,
};
use crate::{
    context::QueryContext,
    error::{Error, Result},
    lower,
    objectql::{Expand, Order, Query, Selection},
    planner::PlannerOptions,
    view::{ObjectView, Restriction, SCORE},
};

/// Up to so many records, columns of related objects are fetched by key afterwards; past it they are joined.
const FETCHED_ROWS_MAX: u64 = 1_000;

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
    sort: Vec<SortExpr>,
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
    fn below(self, level: Level) -> Result<Resolving<'a>> {
        if self.depth >= self.options.depth_max {
            let message = format!("relations are expanded at most {} levels deep", self.options.depth_max);
            return Err(Error::limited("expand", message));
        }
        self.expands.set(self.expands.get() + 1);
        if self.expands.get() > self.options.expands_max {
            let most = self.options.expands_max;
            let message =
                format!("a question brings along at most {most} relations (expands_max): ask for less");
            return Err(Error::limited("expand", message));
        }
        Ok(Resolving { level, depth: self.depth + 1, ..self })
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
        let filter = match &query.filter {
            Some(filter) => {
                let mut filters =
                    Filters { names: &mut scope, context: with.context, depth_max: with.options.depth_max };
                Some(filters.predicate(filter)?)
            }
            None => None,
        };
        let filter_scope = scope.clone();
        let sort = sort_keys(&mut scope, &query.order_by, text.is_some())?;
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
        let (outputs, fields): (Vec<_>, Vec<_>) = building.named.into_values().unzip();
        Ok(Records {
            filter_scope,
            filter,
            sort,
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
    pub(crate) fn plan(
        &self,
        snapshot: &Snapshot,
        restriction: Restriction,
        small: bool,
    ) -> Result<LogicalPlan> {
        let mut plan = self.filtered(&self.scope, snapshot, restriction)?;
        let window = if self.level == Level::Root { self.limit.map(size) } else { None };
        let offset = if self.level == Level::Root { size(self.offset) } else { 0 };
        if self.level != Level::ToOne && (self.sorted || small) {
            plan =
                plan.sort_with_limit(self.sort.clone(), window.map(|limit| limit.saturating_add(offset)))?;
        }
        if window.is_some() || offset > 0 {
            plan = plan.limit(offset, window)?;
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

    /// The plan that counts all that match.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn count_plan(&self, snapshot: &Snapshot) -> Result<LogicalPlan> {
        let plan = self.filtered(&self.filter_scope, snapshot, self.restriction())?;
        Ok(plan.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("n")])?.build()?)
    }

    fn filtered(
        &self,
        scope: &Scope,
        snapshot: &Snapshot,
        restriction: Restriction,
    ) -> Result<LogicalPlanBuilder> {
        let plan = scope.plan(snapshot, restriction)?;
        match &self.filter {
            Some(filter) => Ok(plan.filter(filter.clone())?),
            None => Ok(plan),
        }
    }
}

fn check_level(level: Level, query: &Query) -> Result<()> {
    let refuse = |key: &str, why: &str| Err(Error::invalid("INVALID_QUERY", key, format!("{key:?} {why}")));
    if level != Level::Root && (!query.group_by.is_empty() || !query.aggregations.is_empty()) {
        return refuse("groupBy", "can't stand in an expand");
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

/// The sort keys, ties broken by id; a search without an order gives the best hits first.
fn sort_keys(scope: &mut Scope, orders: &[Order], searched: bool) -> Result<Vec<SortExpr>> {
    let mut keys = Vec::with_capacity(orders.len() + 1);
    for order in orders {
        let place = format!("orderBy.{}", order.path);
        let subject = scope.subject(&order.path, At { code: "INVALID_SORT", place: &place })?;
        if !subject.class.is_sortable() {
            let message = format!("{:?} is a {} field: it has no order", order.path, subject.class.name());
            return Err(Error::invalid("INVALID_SORT", place, message));
        }
        keys.push(subject.expr.sort(!order.descending, order.nulls_first));
    }
    if searched && orders.is_empty() {
        keys.push(scope.column(SCORE).sort(false, false));
    }
    if !orders.iter().any(|order| order.path == "id") {
        keys.push(scope.column("id").sort(true, false));
    }
    Ok(keys)
}

/// Collects the columns of one level.
struct Building<'a> {
    with: Resolving<'a>,
    scope: Scope,
    columns: Vec<Expr>,
    attaches: Vec<Attach>,
    named: IndexMap<String, (Output, ArrowField)>,
    fetch_late: bool,
}

impl Building<'_> {
    /// The position of a column of the plan, added when it is not there.
    fn column(&mut self, expr: Expr) -> usize {
        if let Some(position) = self.columns.iter().position(|known| *known == expr) {
            return position;
        }
        self.columns.push(expr);
        self.columns.len() - 1
    }

    fn put(&mut self, name: &str, output: Output, data_type: DataType) -> Result<()> {
        self.put_field(output, ArrowField::new(name, data_type, true))
    }

    fn put_field(&mut self, output: Output, field: ArrowField) -> Result<()> {
        let name = field.name().clone();
        if self.named.insert(name.clone(), (output, field)).is_some() {
            let message = format!("{name:?} is asked twice: give one of them another name with \"as\"");
            return Err(Error::invalid("INVALID_QUERY", "fields", message));
        }
        Ok(())
    }

    fn select(&mut self, fields: &[Selection]) -> Result<()> {
        if fields.is_empty() {
            let view = Arc::clone(self.scope.view());
            for name in &view.fields {
                self.path(name.as_str(), name.as_str())?;
            }
            return Ok(());
        }
        let mut late: IndexMap<&str, Vec<(&str, &str)>> = IndexMap::new();
        for selection in fields {
            let name = selection.alias.as_deref().unwrap_or(&selection.path);
            match selection.path.split_once('.') {
                Some((relation, rest)) if self.fetch_late && !self.scope.is_composite(relation) => {
                    // Its place among the columns is kept; what stands there is known when all paths are.
                    self.put(name, Output::Column(0), DataType::Null)?;
                    late.entry(relation).or_default().push((name, rest));
                }
                _ => self.path(name, &selection.path)?,
            }
        }
        for (relation, paths) in late {
            self.fetch(relation, &paths)?;
        }
        Ok(())
    }

    fn path(&mut self, name: &str, path: &str) -> Result<()> {
        let place = format!("fields.{path}");
        if path == SCORE {
            let subject = self.scope.subject(path, At { code: "INVALID_FIELD", place: &place })?;
            let position = self.column(subject.expr);
            return self.put(name, Output::Column(position), DataType::Float32);
        }
        let (expr, field) = self.scope.field(path, At { code: "INVALID_FIELD", place: &place })?;
        let position = self.column(expr);
        self.put_field(Output::Column(position), lower::arrow_field(name, &field))
    }

    /// Columns of a related record, fetched by key.
    fn fetch(&mut self, relation: &str, paths: &[(&str, &str)]) -> Result<()> {
        let fields = paths.iter().map(|(_, rest)| Selection { path: (*rest).to_owned(), alias: None });
        let mut query = Query { fields: fields.collect(), ..Query::default() };
        query.fields.dedup();
        let place = format!("fields.{relation}");
        let attach = self.attach(relation, &query, At { code: "INVALID_FIELD", place: &place })?;
        for (name, rest) in paths {
            let Some(inner) = self.attaches.get(attach) else { continue };
            let (column, field) =
                inner.child.schema.column_with_name(rest).ok_or_else(|| {
                    Error::internal(format!("{relation}.{rest} was resolved and is not there"))
                })?;
            let field = field.clone().with_name(*name);
            self.named.insert((*name).to_owned(), (Output::Inner { attach, column }, field));
        }
        Ok(())
    }

    fn expand(&mut self, expands: &IndexMap<String, Expand>) -> Result<()> {
        for (name, expand) in expands {
            let place = format!("expand.{name}");
            let attach =
                self.attach(&expand.relation, &expand.query, At { code: "INVALID_FIELD", place: &place })?;
            let Some(made) = self.attaches.get(attach) else { continue };
            let structure = DataType::Struct(made.child.schema.fields().clone());
            let data_type = match made.ends {
                Ends::One => structure,
                Ends::Several | Ends::Many => {
                    DataType::List(Arc::new(ArrowField::new("item", structure, true)))
                }
            };
            let field = ArrowField::new(name, data_type, true);
            // An expand of the same name as a field stands in its place.
            self.named.insert(name.clone(), (Output::Attached(attach), field));
            if expand.query.count {
                self.put(&format!("{name}@count"), Output::Count(attach), DataType::Int64)?;
            }
        }
        Ok(())
    }

    /// The attach of a relation.
    fn attach(&mut self, name: &str, query: &Query, at: At<'_>) -> Result<usize> {
        let view = Arc::clone(self.scope.view());
        let (relation, lookup, ends) = if let Some((relation, lookup)) = view.to_one(name) {
            (relation, lookup.name.as_str(), Ends::One)
        } else if let Some((relation, list)) = view.to_several(name) {
            (relation, list.name.as_str(), Ends::Several)
        } else if let Some((relation, lookup)) = view.to_many(name) {
            (relation, lookup.as_str(), Ends::Many)
        } else {
            return Err(unknown_relation(&view, name, at));
        };
        if ends != Ends::One && at.place.starts_with("fields") {
            let message = format!("{name:?} leads to several records: use \"expand\"");
            return Err(Error::invalid("INVALID_FIELD", at.place, message));
        }
        let target = self.with.context.views.get(relation.target.as_str());
        let target = target.ok_or_else(|| unknown_relation(&view, name, at))?;
        let named = self.with.context.views.get(&query.object).map(|view| &view.object.name);
        if !query.object.is_empty() && named != Some(&target.object.name) {
            let message = format!("{name:?} leads to {:?}, not to {:?}", relation.target, query.object);
            return Err(Error::invalid("INVALID_QUERY", at.place, message));
        }
        // What a list refers to comes in its order, each record by itself.
        let below = self.with.below(if ends == Ends::Many { Level::ToMany } else { Level::ToOne })?;
        let mut child = Records::resolve(below, target, query).map_err(|error| inside(at.place, error))?;
        let (own, link) = if ends == Ends::Many { ("id", lookup) } else { (lookup, "id") };
        let key = self.scope.column(own);
        let parent_key = self.column(key);
        let child_key = child.key(link);
        let link = target.object.field(link).map_or(link, |field| field.column()).to_owned();
        self.attaches.push(Attach { ends, parent_key, child_key, link, child });
        Ok(self.attaches.len() - 1)
    }
}

impl Records {
    /// The position of a column of the root that the attach joins by.
    fn key(&mut self, name: &str) -> usize {
        let expr = self.scope.column(name);
        if let Some(position) = self.columns.iter().position(|known| *known == expr) {
            return position;
        }
        self.columns.push(expr);
        self.columns.len() - 1
    }
}

fn unknown_relation(view: &ObjectView, name: &str, at: At<'_>) -> Error {
    unknown(view, name, name, at)
}

/// An error of a nested query, with the way to it (a comparison read from JSON knows its whole way already).
fn inside(place: &str, mut error: Error) -> Error {
    if error.path.is_empty() {
        error.path = place.to_owned();
    } else if !error.path.contains(&format!("{place}.")) {
        error.path = format!("{place}.{}", error.path);
    }
    error
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
