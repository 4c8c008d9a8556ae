//! A question for groups: keys, aggregates, which groups, in which order.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use datafusion::{
    common::Column,
    functions_aggregate::expr_fn::count,
    logical_expr::{
        Aggregate, Expr, GroupingSet, LogicalPlan, LogicalPlanBuilder, SortExpr, cast, ident, lit,
    },
};
use quarry_storage::TextQuery;

use super::{
    aggregates::aggregate,
    bucket,
    direct::{Direct, Read, grouped::DirectGroups},
    filter::{Filters, Names},
    formula,
    member::{Member, Outer},
    records::{Resolving, size},
    scope::{At, Scope, Subject},
    search, windows,
};
use crate::{
    coerce::Class,
    error::{Error, ErrorKind, Result},
    nearest,
    objectql::{GroupKey, Order, Query},
    policy::Seeing,
    view::{ObjectView, Restriction},
};

/// The column that tells totals apart: a bit for each key that does not stand in the row, the first key's the highest.
const GROUPING: &str = "_grouping";

/// A resolved question for groups.
pub(crate) struct Groups {
    scope: Scope,
    filter: Option<Expr>,
    text: Option<TextQuery>,
    keys: Vec<Member>,
    aggregates: Vec<Member>,
    having: Option<Expr>,
    rollup: bool,
    windows: Vec<Member>,
    sort: Vec<SortExpr>,
    limit: Option<u64>,
    offset: u64,
    /// Names of the answer's columns, in order.
    columns: Vec<String>,
}

impl Groups {
    /// Resolves a grouped query.
    ///
    /// # Errors
    ///
    /// As [`super::records::Records::resolve`].
    pub(crate) fn resolve(with: Resolving<'_>, view: &Arc<ObjectView>, query: &Query) -> Result<Groups> {
        if !query.expand.is_empty() {
            return Err(Error::invalid(
                "INVALID_QUERY",
                "expand",
                "a grouped query can't expand: group by paths",
            ));
        }
        if query.after.is_some() || query.before.is_some() || query.after_values.is_some() {
            return Err(Error::invalid("INVALID_CURSOR", "after", "groups have no cursors: use \"offset\""));
        }
        let text = query.search.as_ref().map(|search| search::text_query(view, search)).transpose()?;
        let depth_max = with.options.depth_max;
        let views = Arc::clone(&with.context.views);
        let mut scope = Scope::new(views, Arc::clone(view), depth_max, text.is_some(), with.context.clock());
        formula::resolve(&mut scope, &query.formulas)?;
        let predicate = |filter: &crate::objectql::Filter, scope: &mut Scope| {
            Filters { names: scope, with }.predicate(filter)
        };
        let filter = query.filter.as_ref().map(|filter| predicate(filter, &mut scope)).transpose()?;
        let mut keys = Vec::new();
        for (index, key) in query.group_by.iter().enumerate() {
            keys.push(group_key(&mut scope, key, index, with.context.time_zone)?);
        }
        let mut aggregates = Vec::new();
        for (index, aggregation) in query.aggregations.iter().enumerate() {
            let only = aggregation.filter.as_ref().map(|filter| predicate(filter, &mut scope)).transpose()?;
            aggregates.push(aggregate(&mut scope, aggregation, index, only)?);
        }
        check_orders(&aggregates)?;
        if query.rollup {
            aggregates.push(Member::plain(GROUPING, lit(0i64), Class::Int));
        }
        let mut members = Members(keys.iter().chain(&aggregates).collect());
        let having = query.having.as_ref();
        let having =
            having.map(|having| Filters { names: &mut members, with }.predicate(having)).transpose()?;
        let windows = windows::resolve(&mut members, &query.windows)?;
        members.0.extend(&windows);
        members.check_names()?;
        let sort = members.sort_keys(&query.order_by, keys.len(), query.rollup)?;
        let columns = members.columns(query)?;
        if query.rollup {
            aggregates.pop();
        }
        let (limit, offset, rollup) = (query.limit, query.offset.unwrap_or(0), query.rollup);
        Ok(Groups {
            scope,
            filter,
            text,
            keys,
            aggregates,
            having,
            rollup,
            windows,
            sort,
            limit,
            offset,
            columns,
        })
    }

    /// The plan; its columns are the answer's.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn plan(&self, seeing: &Seeing) -> Result<LogicalPlan> {
        let mut plan = self.all(seeing)?;
        let (limit, offset) = (self.limit.map(size), size(self.offset));
        if limit == Some(0) {
            plan = plan.filter(lit(false))?;
        } else {
            let fetch = limit.map(|limit| limit.saturating_add(offset));
            if !self.sort.is_empty() {
                plan = plan.sort_with_limit(self.sort.clone(), fetch)?;
            }
            if limit.is_some() || offset > 0 {
                plan = plan.limit(offset, limit)?;
            }
        }
        Ok(plan.project(self.columns.iter().map(ident).collect::<Vec<_>>())?.build()?)
    }

    /// The question around the general executor; none where it asks for more than groups of records and what lookups lead to.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn direct(&self, seeing: &Seeing, rows_max: u64) -> Result<Option<DirectGroups<'_>>> {
        let is_ordered =
            self.aggregates.iter().any(|member| !member.order.is_empty() || sorts(&member.inner));
        if self.rollup || !self.windows.is_empty() || self.limit == Some(0) || is_ordered {
            return Ok(None);
        }
        let Some((read, far)) = self.scope.with_far() else { return Ok(None) };
        let read = Read::new(self.scope.view(), read)?;
        let rows = Direct {
            view: Arc::clone(self.scope.view()),
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
        };
        Ok(Some(DirectGroups {
            rows,
            keys: &self.keys,
            aggregates: &self.aggregates,
            having: self.having.as_ref(),
            sort: &self.sort,
            limit: self.limit.map(size),
            offset: size(self.offset),
            columns: &self.columns,
        }))
    }

    fn restriction(&self) -> Restriction {
        self.text.clone().map_or(Restriction::None, Restriction::Text)
    }

    /// The plan that counts the groups.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn count_plan(&self, seeing: &Seeing) -> Result<LogicalPlan> {
        let plan = self.all(seeing)?;
        Ok(plan.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("n")])?.build()?)
    }

    /// All groups that `having` leaves, each member under its name in the answer.
    fn all(&self, seeing: &Seeing) -> Result<LogicalPlanBuilder> {
        let mut plan = self.scope.plan(seeing, self.restriction())?;
        if let Some(filter) = &self.filter {
            plan = plan.filter(filter.clone())?;
        }
        let inner =
            |members: &[Member]| members.iter().map(|member| member.inner.clone()).collect::<Vec<_>>();
        let mut keys = inner(&self.keys);
        if self.rollup {
            // A grouping set takes columns: keys become such first.
            let before = plan.schema().columns().into_iter().map(Expr::Column);
            plan = plan.project(before.chain(keys).collect::<Vec<_>>())?;
            let columns = (0..self.keys.len()).map(|index| ident(format!("k{index}"))).collect();
            keys = vec![Expr::GroupingSet(GroupingSet::Rollup(columns))];
        }
        let mut made = inner(&self.aggregates);
        made.extend(self.aggregates.iter().filter_map(|member| member.beside.clone()));
        plan = plan.aggregate(keys, made)?;
        let schema = Arc::clone(plan.schema());
        let id = Aggregate::INTERNAL_GROUPING_ID;
        let fields = schema.fields().iter().filter(|field| field.name() != id);
        let mut outer = Vec::new();
        for (member, field) in self.keys.iter().chain(&self.aggregates).zip(fields) {
            let value = Expr::Column(Column::new_unqualified(field.name()));
            outer.push(member.outer(value, field.data_type())?.alias(member.name.clone()));
        }
        outer.extend(self.rollup.then(|| cast(ident(id), DataType::Int64).alias(GROUPING)));
        plan = plan.project(outer)?;
        if let Some(having) = &self.having {
            plan = plan.filter(having.clone())?;
        }
        windows::add(plan, &self.windows, |_, window| window.name.clone())
    }
}

/// Records come to the aggregates of a question in one order, or, which is as good, in its reverse.
fn check_orders(aggregates: &[Member]) -> Result<()> {
    let mut orders = aggregates.iter().map(|member| &member.order).filter(|order| !order.is_empty());
    let Some(first) = orders.next() else { return Ok(()) };
    let reversed: Vec<SortExpr> =
        first.iter().map(|key| key.expr.clone().sort(!key.asc, !key.nulls_first)).collect();
    if orders.all(|order| order == first || *order == reversed) {
        return Ok(());
    }
    let message = "\"first\", \"last\", \"array_agg\" and \"string_agg\" of one question see the records in one order \
                   (distinct values in their own): ask for the others in another one";
    Err(Error::not_supported("aggregations", message))
}

/// Whether an aggregate sees the records in an order of its own.
fn sorts(aggregate: &Expr) -> bool {
    match aggregate {
        Expr::Alias(alias) => sorts(&alias.expr),
        Expr::AggregateFunction(aggregate) => !aggregate.params.order_by.is_empty(),
        _ => true,
    }
}

/// The columns of a plan's answer, every one nullable.
pub(crate) fn answer_schema(plan: &LogicalPlan) -> SchemaRef {
    let fields = plan
        .schema()
        .fields()
        .iter()
        .map(|field| ArrowField::new(field.name(), field.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn group_key(scope: &mut Scope, key: &GroupKey, index: usize, zone: chrono_tz::Tz) -> Result<Member> {
    let place = format!("groupBy[{index}]");
    let subject = scope.subject(&key.path, At { code: "INVALID_QUERY", place: &place })?;
    let refuse = |what: &str| {
        let message = format!("{:?} is a {} field: {what}", key.path, subject.class.name());
        Err(Error::invalid("INVALID_QUERY", place.clone(), message))
    };
    let (inner, outer, class) = match (key.granularity, &subject.class) {
        (_, class) if !class.is_sortable() || *class == Class::Score => {
            return refuse("it can't be grouped by");
        }
        (None, class) => (subject.expr.clone(), Outer::Plain, class.clone()),
        (Some(crate::objectql::Granularity::Hour), Class::Date) => return refuse("it has no hours"),
        (Some(granularity), Class::Date | Class::DateTime) => {
            let zone = key.time_zone.unwrap_or(zone);
            (bucket::bucket(subject.expr.clone(), granularity, zone), Outer::Label(granularity), Class::Text)
        }
        (Some(_), _) => return refuse("only dates have a granularity"),
    };
    let name = key.alias.clone().unwrap_or_else(|| key.path.clone());
    Ok(Member {
        name,
        path: Some(key.path.clone()),
        inner: inner.alias(format!("k{index}")),
        beside: None,
        outer,
        class,
        order: Vec::new(),
    })
}

/// Keys, aggregates and windows by name: what `having`, `orderBy` and `fields` may name.
struct Members<'a>(Vec<&'a Member>);

impl Names for Members<'_> {
    fn subject(&mut self, path: &str, at: &str) -> Result<Subject> {
        let member = self.find(path, at)?;
        Ok(Subject { expr: ident(member.name.as_str()), class: member.class.clone() })
    }

    fn scope(&mut self) -> Option<&mut Scope> {
        None
    }
}

impl Members<'_> {
    fn find(&self, name: &str, at: &str) -> Result<&Member> {
        let by_name = self.0.iter().find(|member| member.name == name);
        let found = by_name.or_else(|| self.0.iter().find(|member| member.path.as_deref() == Some(name)));
        found.copied().ok_or_else(|| {
            let hint = nearest::hint(name, self.0.iter().map(|member| member.name.as_str()));
            let message = format!("{name:?} is neither a group key nor an aggregate of this query{hint}");
            Error::new(ErrorKind::Missing, "INVALID_FIELD", at, message)
        })
    }

    fn check_names(&self) -> Result<()> {
        for (index, member) in self.0.iter().enumerate() {
            if self.0.iter().take(index).any(|before| before.name == member.name) {
                let message =
                    format!("{:?} is asked twice: give one of them another name with \"as\"", member.name);
                return Err(Error::invalid("INVALID_QUERY", "aggregations", message));
            }
        }
        Ok(())
    }

    /// The order asked for; ties are broken by the group keys (totals come behind what they are of), so that pages are stable.
    fn sort_keys(&self, orders: &[Order], keys: usize, rollup: bool) -> Result<Vec<SortExpr>> {
        let mut sort = Vec::new();
        let mut named = Vec::new();
        for order in orders {
            let member = self.find(&order.path, &format!("orderBy.{}", order.path))?;
            named.push(member.name.as_str());
            sort.push(ident(member.name.as_str()).sort(!order.descending, order.nulls_first));
        }
        for key in self.0.iter().take(keys).filter(|key| !named.contains(&key.name.as_str())) {
            sort.push(ident(key.name.as_str()).sort(true, false));
        }
        sort.extend(rollup.then(|| ident(GROUPING).sort(true, false)));
        Ok(sort)
    }

    /// `fields` may choose and order; without it keys come first, then aggregates.
    fn columns(&self, query: &Query) -> Result<Vec<String>> {
        if query.fields.is_empty() {
            return Ok(self.0.iter().map(|member| member.name.clone()).collect());
        }
        let mut columns: Vec<String> = Vec::new();
        for selection in &query.fields {
            let at = format!("fields.{}", selection.path);
            let member = self.find(&selection.path, &at)?;
            if selection.alias.as_ref().is_some_and(|alias| *alias != member.name) {
                return Err(Error::invalid(
                    "INVALID_QUERY",
                    at,
                    "give it its name where it is grouped or aggregated",
                ));
            }
            if columns.contains(&member.name) {
                return Err(Error::invalid("INVALID_QUERY", at, format!("{:?} is asked twice", member.name)));
            }
            columns.push(member.name.clone());
        }
        Ok(columns)
    }
}
