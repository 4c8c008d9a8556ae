//! ObjectQL: the one query tree. Built from JSON by [`Query::parse`], or directly by a door (GraphQL).

mod parse;

use indexmap::IndexMap;

use crate::error::Result;

/// A question, before its names are resolved.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The object; empty in an expand, where the relation says it.
    pub object: String,
    /// What to return; empty: every field that the session may see (grouped queries: keys and aggregates).
    pub fields: Vec<Selection>,
    /// Formulas of its own, which can then be named as fields are.
    pub formulas: Vec<Formula>,
    /// Which records.
    pub filter: Option<Filter>,
    /// Full-text search.
    pub search: Option<Search>,
    /// In which order; ties are broken by id.
    pub order_by: Vec<Order>,
    /// At most so many.
    pub limit: Option<u64>,
    /// After so many.
    pub offset: Option<u64>,
    /// Behind the record that a cursor of an answer names.
    pub after: Option<String>,
    /// Before the record that a cursor of an answer names: the last ones before it.
    pub before: Option<String>,
    /// Behind the record with these values of the fields that are sorted by.
    pub after_values: Option<serde_json::Map<String, serde_json::Value>>,
    /// Related records to bring along, by relation name; the result column is named by the key (`alias: relation`
    /// through [`Expand::relation`]).
    pub expand: IndexMap<String, Expand>,
    /// Group keys.
    pub group_by: Vec<GroupKey>,
    /// Aggregates.
    pub aggregations: Vec<Aggregation>,
    /// Which groups: over aliases and keys.
    pub having: Option<Filter>,
    /// Totals too: for every leading part of the keys, down to none. A column `_grouping` tells them apart.
    pub rollup: bool,
    /// Values computed over other rows of the answer, before it is cut off.
    pub windows: Vec<Window>,
    /// Also count all that match.
    pub count: bool,
    /// On a past state instead of the newest.
    pub as_of: Option<AsOf>,
}

/// Which past state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The one after this commit number.
    Csn(u64),
    /// The last one at this instant, microseconds UTC.
    Time(i64),
}

/// One returned column: a field or a path through to-one relations.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// `name`, `account.owner.email`.
    pub path: String,
    /// The name in the answer; default the path.
    pub alias: Option<String>,
}

/// A formula that a question brings itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// What it is called.
    pub name: String,
    /// CEL, over the question's object.
    pub text: String,
    /// Its place in the question, for errors.
    pub at: String,
}

/// A relation to bring along.
#[derive(Clone, Debug, PartialEq)]
pub struct Expand {
    /// The relation (or lookup) name.
    pub relation: String,
    /// What of it; a to-one takes `fields` and `expand` only.
    pub query: Query,
}

/// Full-text search over an object's searchable fields.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// What was typed.
    pub text: String,
    /// Narrowed to these fields; empty: all searchable ones.
    pub fields: Vec<String>,
}

/// One sort key. `_score` sorts by rank when the query searches.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// A field, path, alias or aggregate.
    pub path: String,
    /// Largest first.
    pub descending: bool,
    /// Nulls first; default last in both directions.
    pub nulls_first: bool,
}

/// One group key.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupKey {
    /// A field or path.
    pub path: String,
    /// For dates.
    pub granularity: Option<Granularity>,
    /// For instants; default the session's.
    pub time_zone: Option<chrono_tz::Tz>,
    /// The name in the answer; default the path.
    pub alias: Option<String>,
}

/// How fine a date key is. Answers are labels: `2024-01-15T13`, `2024-01-15`, `2024-W03`, `2024-01`, `2024-Q1`, `2024`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Granularity {
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// One aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregation {
    /// Which.
    pub function: AggregateFunction,
    /// Over which field or path; none: rows (count only).
    pub path: Option<String>,
    /// Only these records.
    pub filter: Option<Filter>,
    /// The name in the answer; default `function_path` with dots as underscores, or `count`.
    pub alias: Option<String>,
    /// Each value once.
    pub distinct: bool,
    /// In which order `first`, `last`, `array_agg` and `string_agg` see the records; ties are broken by id.
    pub order_by: Vec<Order>,
    /// Of `percentile`: from 0 to 1.
    pub percent: Option<f64>,
    /// Of `string_agg`: what stands between the texts; default `, `.
    pub separator: Option<String>,
}

impl Aggregation {
    /// A function over a field or path, or over rows.
    pub fn new(function: AggregateFunction, path: Option<String>) -> Aggregation {
        Aggregation {
            function,
            path,
            filter: None,
            alias: None,
            distinct: false,
            order_by: Vec::new(),
            percent: None,
            separator: None,
        }
    }

    /// Its name in the answer: `sum_amount`, `count_distinct_account_name`, `count`, or the one that it was given.
    pub fn name(&self) -> String {
        let function = self.function.name();
        match (&self.alias, &self.path) {
            (Some(alias), _) => alias.clone(),
            (None, Some(path)) => format!("{function}_{}", path.replace('.', "_")),
            (None, None) => function.to_owned(),
        }
    }
}

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AggregateFunction {
    Count,
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
    Median,
    /// Of a sample; with fewer than two values there is none.
    StdDev,
    /// Of a sample; with fewer than two values there is none.
    Variance,
    /// Interpolated between the two values around it.
    Percentile,
    First,
    Last,
    ArrayAgg,
    StringAgg,
    BoolAnd,
    BoolOr,
}

impl AggregateFunction {
    /// Its name.
    pub fn name(self) -> &'static str {
        use AggregateFunction as F;
        match self {
            F::Count => "count",
            F::CountDistinct => "count_distinct",
            F::Sum => "sum",
            F::Avg => "avg",
            F::Min => "min",
            F::Max => "max",
            F::Median => "median",
            F::StdDev => "stddev",
            F::Variance => "variance",
            F::Percentile => "percentile",
            F::First => "first",
            F::Last => "last",
            F::ArrayAgg => "array_agg",
            F::StringAgg => "string_agg",
            F::BoolAnd => "bool_and",
            F::BoolOr => "bool_or",
        }
    }
}

/// A value computed over other rows of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Which.
    pub function: WindowFunction,
    /// Over which field, path, key or aggregate.
    pub path: Option<String>,
    /// Only rows that are alike in these.
    pub partition_by: Vec<String>,
    /// In this order. Sums and the like then run from the first row to the last that is no different.
    pub order_by: Vec<Order>,
    /// Of `lag` and `lead`: how many rows away.
    pub offset: u64,
    /// Which rows around this one aggregates, `first_value` and `last_value` see; default: see `docs/objectql.md`.
    pub frame: Option<Frame>,
    /// The name in the answer.
    pub alias: String,
}

/// The rows around one that a window's function sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What is counted.
    pub unit: FrameUnit,
    /// The first of them.
    pub start: FrameBound,
    /// The last of them.
    pub end: FrameBound,
}

/// What the bounds of a frame count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameUnit {
    /// Rows.
    Rows,
    /// All that are no different in the order, together with the row.
    Range,
    /// Groups of rows that are no different in the order.
    Groups,
}

/// A bound of a frame, from the first to the last that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum FrameBound {
    UnboundedPreceding,
    /// So many away, from 1.
    Preceding(std::cmp::Reverse<u64>),
    CurrentRow,
    Following(u64),
    UnboundedFollowing,
}

/// The functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    /// Count, sum, average, least or greatest.
    Aggregate(AggregateFunction),
}

/// A predicate. Two-valued: see `docs/objectql.md`.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of them; empty: true.
    And(Vec<Filter>),
    /// Any of them; empty: false.
    Or(Vec<Filter>),
    /// Not it (null counts as false before the not).
    Not(Box<Filter>),
    /// A comparison of a path with a value.
    Compare {
        /// A field, a path, or (in `having`) an alias.
        path: String,
        /// How they are compared.
        operator: Operator,
        /// With what.
        operand: Operand,
        /// The comparison's place in the question, for errors.
        at: String,
    },
    /// Whether records are related, by a to-many relation, of which a filter is true.
    Related {
        /// The relation, or a path that ends with one.
        path: String,
        /// How many of them.
        quantifier: Quantifier,
        /// What is asked of them.
        filter: Box<Filter>,
        /// Its place in the question, for errors.
        at: String,
    },
}

/// Of how many related records a filter is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// At least one.
    Some,
    /// All, also when there are none.
    Every,
    /// Not one.
    None,
}

/// What a path is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A JSON value as a person wrote it (a list for in/between; a string of the form `{token}` is resolved).
    Value(serde_json::Value),
    /// A JSON value that a record holds or held: it stands for itself, whatever it looks like.
    Literal(serde_json::Value),
    /// Another field or path of the same record.
    Field(String),
}

/// The operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    Between,
    In,
    Nin,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    IContains,
    IStartsWith,
    IEndsWith,
    IEq,
    Like,
    ILike,
    /// Operand true: is null; false: is not null.
    Null,
    /// Operand true: null, "" or []; false: none of these.
    Empty,
    Has,
    HasAny,
    HasAll,
    /// A period: `this_quarter`.
    Within,
}

impl Operator {
    /// Its name in the object form.
    pub fn name(self) -> &'static str {
        match self {
            Operator::Eq => "$eq",
            Operator::Ne => "$ne",
            Operator::Gt => "$gt",
            Operator::Gte => "$gte",
            Operator::Lt => "$lt",
            Operator::Lte => "$lte",
            Operator::Between => "$between",
            Operator::In => "$in",
            Operator::Nin => "$nin",
            Operator::Contains => "$contains",
            Operator::NotContains => "$notContains",
            Operator::StartsWith => "$startsWith",
            Operator::EndsWith => "$endsWith",
            Operator::IContains => "$icontains",
            Operator::IStartsWith => "$istartsWith",
            Operator::IEndsWith => "$iendsWith",
            Operator::IEq => "$ieq",
            Operator::Like => "$like",
            Operator::ILike => "$ilike",
            Operator::Null => "$null",
            Operator::Empty => "$empty",
            Operator::Has => "$has",
            Operator::HasAny => "$hasAny",
            Operator::HasAll => "$hasAll",
            Operator::Within => "$within",
        }
    }
}

impl Query {
    /// Reads a question from JSON: every spelling of the family, strictly: what is not understood is an error that
    /// names it and its place.
    ///
    /// # Errors
    ///
    /// `Invalid`.
    pub fn parse(json: &serde_json::Value) -> Result<Query> {
        parse::query(json)
    }
}

impl Filter {
    /// The record of this id.
    pub fn id(id: impl Into<String>) -> Filter {
        Filter::literal("id", Operator::Eq, id.into().into())
    }

    /// The records of these ids.
    pub fn ids(ids: Vec<String>) -> Filter {
        Filter::literal("id", Operator::In, ids.into())
    }

    /// A comparison with what records hold: no token in it is resolved. For values that come from an answer, not from
    /// a person.
    pub fn literal(path: &str, operator: Operator, value: serde_json::Value) -> Filter {
        let (path, operand, at) = (path.to_owned(), Operand::Literal(value), path.to_owned());
        Filter::Compare { path, operator, operand, at }
    }

    /// Reads a filter from JSON: object form, array form, old AST nodes.
    ///
    /// # Errors
    ///
    /// `Invalid`.
    pub fn parse(json: &serde_json::Value) -> Result<Filter> {
        parse::whole_filter(json)
    }
}
