//! A question for groups: keys, aggregates, which groups, in which order.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use datafusion::{
    common::{Column, ScalarValue},
    functions::core::expr_fn::coalesce,
    functions_aggregate::expr_fn::{avg, count, count_distinct, max, min, sum},
    logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, SortExpr, cast, ident, lit},
};
use quarry_storage::{Snapshot, TextQuery};

use super::{
    bucket,
    filter::{Filters, Names},
    records::Resolving,
    scope::{At, Scope, Subject},
    search,
};
use crate::{
    coerce::{Class, decimal::DIGITS_MAX},
    error::{Error, ErrorKind, Result},
    nearest,
    objectql::{AggregateFunction, Aggregation, GroupKey, Order, Query},
    view::{ObjectView, Restriction},
};

/// Digits of an Int64: integers are summed and averaged as exact decimals.
const INT_AS_DECIMAL: DataType = DataType::Decimal128(19, 0);

/// A column of the answer: a key or an aggregate.
#[derive(Clone, Debug)]
struct Member {
    /// Its name in the answer.
    name: String,
    /// The path it was made of, which also names a key.
    path: Option<String>,
    /// What makes it, inside the aggregate.
    inner: Expr,
    /// What makes the answer's value of it, above the aggregate.
    outer: Outer,
    class: Class,
}

/// What is done with a group's value afterwards.
#[derive(Clone, Debug)]
enum Outer {
    Plain,
    Label(crate::objectql::Granularity),
    /// An empty sum is 0; a sum of integers is one again.
    Sum {
        integer: bool,
    },
}

/// A resolved question for groups.
pub(crate) struct Groups {
    scope: Scope,
    filter: Option<Expr>,
    text: Option<TextQuery>,
    keys: Vec<Member>,
    aggregates: Vec<Member>,
    having: Option<Expr>,
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
        let text = query.search.as_ref().map(|search| search::text_query(view, search)).transpose()?;
        let depth_max = with.options.depth_max;
        let views = Arc::clone(&with.context.views);
        let mut scope = Scope::new(views, Arc::clone(view), depth_max, text.is_some(), with.context.clock());
        let predicate = |filter: &crate::objectql::Filter, scope: &mut Scope| {
            Filters { names: scope, context: with.context, depth_max }.predicate(filter)
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
        let mut members = Members(keys.iter().chain(&aggregates).collect());
        members.check_names()?;
        let having = match &query.having {
            Some(having) => {
                Some(Filters { names: &mut members, context: with.context, depth_max }.predicate(having)?)
            }
            None => None,
        };
        let sort = members.sort_keys(&query.order_by, keys.len())?;
        let columns = members.columns(query)?;
        let (limit, offset) = (query.limit, query.offset.unwrap_or(0));
        Ok(Groups { scope, filter, text, keys, aggregates, having, sort, limit, offset, columns })
    }

    /// The plan; its columns are the answer's.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn plan(&self, snapshot: &Snapshot) -> Result<LogicalPlan> {
        let mut plan = self.all(snapshot)?;
        let limit = self.limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
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

    /// The plan that counts the groups.
    ///
    /// # Errors
    ///
    /// `Internal`.
    pub(crate) fn count_plan(&self, snapshot: &Snapshot) -> Result<LogicalPlan> {
        let plan = self.all(snapshot)?;
        Ok(plan.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("n")])?.build()?)
    }

    /// All groups that `having` leaves, each member under its name in the answer.
    fn all(&self, snapshot: &Snapshot) -> Result<LogicalPlanBuilder> {
        let restriction = self.text.clone().map_or(Restriction::None, Restriction::Text);
        let mut plan = self.scope.plan(snapshot, restriction)?;
        if let Some(filter) = &self.filter {
            plan = plan.filter(filter.clone())?;
        }
        let inner =
            |members: &[Member]| members.iter().map(|member| member.inner.clone()).collect::<Vec<_>>();
        plan = plan.aggregate(inner(&self.keys), inner(&self.aggregates))?;
        let schema = Arc::clone(plan.schema());
        let mut outer = Vec::new();
        for (member, field) in self.keys.iter().chain(&self.aggregates).zip(schema.fields()) {
            let value = Expr::Column(Column::new_unqualified(field.name()));
            outer.push(member.outer(value, field.data_type())?.alias(member.name.clone()));
        }
        plan = plan.project(outer)?;
        match &self.having {
            Some(having) => Ok(plan.filter(having.clone())?),
            None => Ok(plan),
        }
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

impl Member {
    fn outer(&self, value: Expr, data_type: &DataType) -> Result<Expr> {
        Ok(match self.outer {
            Outer::Plain => value,
            Outer::Label(granularity) => bucket::label(value, granularity),
            Outer::Sum { integer } => {
                let zero = ScalarValue::new_zero(data_type)?;
                let sum = coalesce(vec![value, lit(zero)]);
                if integer { cast(sum, DataType::Int64) } else { sum }
            }
        })
    }
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
    Ok(Member { name, path: Some(key.path.clone()), inner: inner.alias(format!("k{index}")), outer, class })
}

fn aggregate(
    scope: &mut Scope,
    aggregation: &Aggregation,
    index: usize,
    only: Option<Expr>,
) -> Result<Member> {
    use AggregateFunction as F;
    let place = format!("aggregations[{index}]");
    let function = aggregation.function;
    let subject = match &aggregation.path {
        Some(path) => Some(scope.subject(path, At { code: "INVALID_QUERY", place: &place })?),
        None => None,
    };
    let (expr, class, outer) = match (function, subject) {
        (F::Count, None) => (count(lit(1i64)), Class::Int, Outer::Plain),
        (_, None) => return Err(Error::invalid("INVALID_QUERY", place, "this function needs a field")),
        (function, Some(subject)) => {
            let name = aggregation.path.as_deref().unwrap_or_default();
            over(function, subject, name)
                .map_err(|message| Error::invalid("INVALID_QUERY", place, message))?
        }
    };
    let expr = match only {
        Some(only) => expr.filter(only).build()?,
        None => expr,
    };
    let name =
        aggregation.alias.clone().unwrap_or_else(|| default_name(function, aggregation.path.as_deref()));
    Ok(Member { name, path: None, inner: expr.alias(format!("a{index}")), outer, class })
}

/// An aggregate over a field: the expression, what it gives, and what is done with it above.
fn over(function: AggregateFunction, subject: Subject, name: &str) -> Result<(Expr, Class, Outer), String> {
    use AggregateFunction as F;
    let Subject { expr, class } = subject;
    let refuse =
        || Err(format!("{:?} does not fit {name:?}, a {} field", function_name(function), class.name()));
    let as_decimal = |expr: Expr| cast(expr, INT_AS_DECIMAL);
    let any = Class::Decimal { precision: DIGITS_MAX, scale: 0 };
    Ok(match (function, &class) {
        (F::Count, _) => (count(expr), Class::Int, Outer::Plain),
        (F::CountDistinct, class) if !class.is_sortable() => return refuse(),
        (F::CountDistinct, _) => (count_distinct(expr), Class::Int, Outer::Plain),
        (F::Sum, Class::Int) => (sum(as_decimal(expr)), Class::Int, Outer::Sum { integer: true }),
        (F::Sum, Class::Bool) => {
            (sum(as_decimal(cast(expr, DataType::Int64))), Class::Int, Outer::Sum { integer: true })
        }
        (F::Sum, Class::Decimal { scale, .. }) => (
            sum(expr),
            Class::Decimal { precision: DIGITS_MAX, scale: *scale },
            Outer::Sum { integer: false },
        ),
        (F::Sum, Class::Float) => (sum(expr), Class::Float, Outer::Sum { integer: false }),
        (F::Avg, Class::Float) => (avg(expr), Class::Float, Outer::Plain),
        (F::Avg, Class::Decimal { .. }) => (avg(expr), any, Outer::Plain),
        (F::Avg, Class::Int) => (avg(as_decimal(expr)), any, Outer::Plain),
        (F::Avg, Class::Bool) => (avg(as_decimal(cast(expr, DataType::Int64))), any, Outer::Plain),
        (F::Min | F::Max, ordered) if ordered.is_ordered() => {
            let expr = if function == F::Min { min(expr) } else { max(expr) };
            (expr, class, Outer::Plain)
        }
        _ => return refuse(),
    })
}

/// `sum_amount`, `count_distinct_account_name`, `count`.
fn default_name(function: AggregateFunction, path: Option<&str>) -> String {
    let name = function_name(function);
    path.map_or_else(|| name.to_owned(), |path| format!("{name}_{}", path.replace('.', "_")))
}

fn function_name(function: AggregateFunction) -> &'static str {
    use AggregateFunction as F;
    match function {
        F::Count => "count",
        F::CountDistinct => "count_distinct",
        F::Sum => "sum",
        F::Avg => "avg",
        F::Min => "min",
        F::Max => "max",
    }
}

/// Keys and aggregates by name: what `having`, `orderBy` and `fields` may name.
struct Members<'a>(Vec<&'a Member>);

impl Names for Members<'_> {
    fn subject(&mut self, path: &str, at: &str) -> Result<Subject> {
        let member = self.find(path, at)?;
        Ok(Subject { expr: ident(member.name.as_str()), class: member.class.clone() })
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

    /// The order asked for; ties are broken by the group keys, so that pages are stable.
    fn sort_keys(&self, orders: &[Order], keys: usize) -> Result<Vec<SortExpr>> {
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
