//! Numbers over many records: `aggregate` and `groups`.

use std::collections::HashMap;

use async_graphql::Value;
use quarry_planner::{
    Query,
    objectql::{AggregateFunction, Aggregation, Granularity, GroupKey, Order},
};

use super::{
    Arguments, Compiler, Item, ObjectPlan,
    filter::{Place, direction, enum_name, invalid, single},
    key_bytes, text_bytes, unknown_field,
};
use crate::{
    collect::Asked,
    error::{Failure, Fault, Result},
    model::{Kind, Member, ObjectType},
    schema::aggregate_type,
};

/// The column of a parent's id in numbers per parent.
pub(crate) const PARENT: &str = "parent";
/// The column of the number of records.
pub(crate) const COUNT: &str = "count";

/// A question for numbers, and how one row of its answer is written.
pub(crate) struct AggregatePlan {
    pub query: Query,
    pub object: ObjectPlan,
}

/// Aggregates asked so far; the same one asked twice is one column.
#[derive(Default)]
pub(crate) struct Aggregates {
    aggregations: Vec<Aggregation>,
    columns: HashMap<(String, String), String>,
}

impl Aggregates {
    pub fn is_empty(&self) -> bool {
        self.aggregations.is_empty()
    }

    /// The question; it always counts, so that it is never empty.
    pub fn finish(mut self) -> Query {
        self.count();
        Query { aggregations: self.aggregations, ..Query::default() }
    }

    fn count(&mut self) -> String {
        self.add(AggregateFunction::Count, "count", None)
    }

    fn add(&mut self, function: AggregateFunction, name: &str, path: Option<&str>) -> String {
        let key = (name.to_owned(), path.unwrap_or("").to_owned());
        if let Some(column) = self.columns.get(&key) {
            return column.clone();
        }
        let column = match path {
            None => COUNT.to_owned(),
            Some(_) => format!("a{}", self.columns.len()),
        };
        self.columns.insert(key, column.clone());
        let alias = Some(column.clone());
        self.aggregations.push(Aggregation { alias, ..Aggregation::new(function, path.map(str::to_owned)) });
        column
    }

    fn over(&mut self, name: &str, object: &ObjectType, field: &str) -> Result<(String, Kind)> {
        let unknown = || unknown_field(&object.type_name, field);
        let function = function(name).ok_or_else(|| unknown_field(&object.type_name, name))?;
        let field = object.field(field).ok_or_else(unknown)?;
        let ty = aggregate_type(name, &field.kind).ok_or_else(unknown)?;
        let kind = if ty == "Int" { Kind::Int } else { field.kind.clone() };
        Ok((self.add(function, name, Some(field.name.as_str())), kind))
    }
}

impl<'a> Compiler<'a> {
    /// An `AccountAggregate`.
    ///
    /// # Errors
    ///
    /// `Validation` for a field that can't be aggregated so.
    pub fn aggregate(
        &self,
        object: &ObjectType,
        asked: &Asked<'a>,
        aggregates: &mut Aggregates,
    ) -> Result<ObjectPlan> {
        self.numbers(object, asked, "Aggregate", aggregates)
    }

    /// An `AccountGroup` with its question; the caller says of which records.
    ///
    /// # Errors
    ///
    /// `Value` for keys, order and time zone; `Limit` for too many groups.
    pub fn groups(&self, object: &ObjectType, asked: &Asked<'a>) -> Result<AggregatePlan> {
        let mut arguments = Arguments::of(self, asked);
        let place = Place { object, prefix: "", at: "by" };
        let zone = arguments.text("timeZone")?.map(|name| time_zone(&name)).transpose()?;
        let mut keys = Vec::new();
        let mut kinds = Vec::new();
        for (index, value) in arguments.list("by").iter().enumerate() {
            let (key, kind) = self.group_key(place, value)?;
            let alias = format!("k{index}");
            let label = key.granularity.is_some();
            kinds.push((alias.clone(), if label { Kind::Text } else { kind }));
            keys.push(GroupKey { alias: Some(alias), time_zone: zone, ..key });
        }
        if keys.is_empty() {
            return Err(invalid(
                "\"by\": name at least one key; for one number over all records use aggregate".into(),
            ));
        }
        let limit = arguments.count("first")?.unwrap_or(self.limits.first_max);
        if limit > self.limits.first_max {
            let allowed = self.limits.first_max;
            return Err(Failure::new(Fault::Limit, format!("groups: {limit} asked, {allowed} allowed")));
        }
        let mut aggregates = Aggregates::default();
        let orders = arguments.list("orderBy");
        arguments.finish()?;
        let mut order_by = Vec::new();
        for value in &orders {
            order_by.push(group_order(object, value, keys.len(), &mut aggregates)?);
        }
        // The keys settle ties, so that the order is total.
        let settled = kinds.iter().map(|(alias, _)| ascending(alias));
        let missing: Vec<Order> =
            settled.filter(|order| order_by.iter().all(|other: &Order| other.path != order.path)).collect();
        order_by.extend(missing);
        let object = self.group(object, asked, &kinds, &mut aggregates)?;
        let query = Query { group_by: keys, order_by, limit: Some(limit), ..aggregates.finish() };
        Ok(AggregatePlan { query, object })
    }

    fn group(
        &self,
        object: &ObjectType,
        asked: &Asked<'a>,
        keys: &[(String, Kind)],
        aggregates: &mut Aggregates,
    ) -> Result<ObjectPlan> {
        let mut plan = self.numbers(object, asked, "Group", aggregates)?;
        for (_, item) in &mut plan.items {
            if let Item::List(columns) = item {
                columns.extend(keys.iter().cloned());
            }
        }
        Ok(plan)
    }

    fn numbers(
        &self,
        object: &ObjectType,
        asked: &Asked<'a>,
        suffix: &str,
        aggregates: &mut Aggregates,
    ) -> Result<ObjectPlan> {
        let type_name = format!("{}{suffix}", object.type_name);
        let mut items = Vec::new();
        for (key, asked) in self.collector.fields(&type_name, &asked.sets)? {
            let item = match asked.field.name.node.as_str() {
                "__typename" => Item::Text(text_bytes(&type_name)),
                "count" => Item::Count { column: aggregates.count() },
                "keys" => Item::List(Vec::new()),
                name => Item::Inline(self.function(object, name, &asked, aggregates)?),
            };
            items.push((key_bytes(key), item));
        }
        Ok(ObjectPlan { items })
    }

    fn function(
        &self,
        object: &ObjectType,
        name: &str,
        asked: &Asked<'a>,
        aggregates: &mut Aggregates,
    ) -> Result<ObjectPlan> {
        let suffix = crate::schema::AGGREGATES.iter().find(|(known, _)| *known == name);
        let (_, suffix) = suffix.ok_or_else(|| unknown_field(&object.type_name, name))?;
        let type_name = format!("{}{suffix}", object.type_name);
        let mut items = Vec::new();
        for (key, asked) in self.collector.fields(&type_name, &asked.sets)? {
            let item = match asked.field.name.node.as_str() {
                "__typename" => Item::Text(text_bytes(&type_name)),
                field => {
                    let (column, kind) = aggregates.over(name, object, field)?;
                    if name == "sum" { Item::Sum { column, kind } } else { Item::Value { column, kind } }
                }
            };
            items.push((key_bytes(key), item));
        }
        Ok(ObjectPlan { items })
    }

    fn group_key(&self, place: Place<'_>, value: &Value) -> Result<(GroupKey, Kind)> {
        let (name, value) = single(value, place.at)?;
        let at = format!("{}.{name}", place.at);
        match place.object.members.get(name.as_str()) {
            Some(Member::Field(field)) if field.kind.is_sortable() => {
                let granularity = granularity(value, &at)?;
                if granularity.is_some() && !field.kind.is_calendar() {
                    return Err(invalid(format!("\"{at}\": only days and instants have periods; use VALUE")));
                }
                let path = format!("{}{}", place.prefix, field.name);
                Ok((GroupKey { path, granularity, time_zone: None, alias: None }, field.kind.clone()))
            }
            Some(Member::ToOne(way)) => {
                let prefix = format!("{}{}.", place.prefix, way.relation);
                self.group_key(Place { object: self.model.target(way)?, prefix: &prefix, at: &at }, value)
            }
            _ => Err(invalid(format!("\"{at}\": {} can't be grouped by \"{name}\"", place.object.type_name))),
        }
    }
}

/// One entry of a group's order: `{count: DESC}`, `{sum: {amount: DESC}}`, `{key: 0, direction: DESC}`.
fn group_order(
    object: &ObjectType,
    value: &Value,
    keys: usize,
    aggregates: &mut Aggregates,
) -> Result<Order> {
    if let Value::Object(fields) = value
        && let Some(Value::Number(key)) = fields.get("key")
    {
        let known = fields.keys().all(|name| matches!(name.as_str(), "key" | "direction"));
        let index = key.as_u64().and_then(|key| usize::try_from(key).ok()).filter(|key| *key < keys);
        let (Some(index), true) = (index, known) else {
            return Err(invalid(format!("\"orderBy\": {value} names no key of \"by\", or more than a key")));
        };
        let (descending, nulls_first) = match fields.get("direction") {
            None | Some(Value::Null) => (false, false),
            Some(value) => direction(value, "orderBy.direction")?,
        };
        return Ok(Order { path: format!("k{index}"), descending, nulls_first });
    }
    let (name, value) = single(value, "orderBy")?;
    let (path, value) = match name.as_str() {
        "count" => (aggregates.count(), value),
        "key" | "direction" => {
            return Err(invalid(
                "\"orderBy\": key is the position of a key in \"by\", direction goes with it".into(),
            ));
        }
        function => {
            let (field, value) = single(value, &format!("orderBy.{function}"))?;
            (aggregates.over(function, object, field)?.0, value)
        }
    };
    let (descending, nulls_first) = direction(value, &format!("orderBy.{name}"))?;
    Ok(Order { path, descending, nulls_first })
}

fn ascending(path: &str) -> Order {
    Order { path: path.to_owned(), descending: false, nulls_first: false }
}

fn function(name: &str) -> Option<AggregateFunction> {
    Some(match name {
        "sum" => AggregateFunction::Sum,
        "avg" => AggregateFunction::Avg,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        "countDistinct" => AggregateFunction::CountDistinct,
        _ => return None,
    })
}

fn granularity(value: &Value, at: &str) -> Result<Option<Granularity>> {
    Ok(match enum_name(value) {
        Some("VALUE") => None,
        Some("HOUR") => Some(Granularity::Hour),
        Some("DAY") => Some(Granularity::Day),
        Some("WEEK") => Some(Granularity::Week),
        Some("MONTH") => Some(Granularity::Month),
        Some("QUARTER") => Some(Granularity::Quarter),
        Some("YEAR") => Some(Granularity::Year),
        _ => return Err(invalid(format!("\"{at}\": expected VALUE or a period, found {value}"))),
    })
}

fn time_zone(name: &str) -> Result<chrono_tz::Tz> {
    name.parse().map_err(|_| invalid(format!("\"timeZone\": there is no time zone \"{name}\"")))
}
