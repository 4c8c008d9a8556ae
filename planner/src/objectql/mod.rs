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
    /// Related records to bring along, by relation name; the result column is named by the key (`alias: relation`
    /// through [`Expand::relation`]).
    pub expand: IndexMap<String, Expand>,
    /// Group keys.
    pub group_by: Vec<GroupKey>,
    /// Aggregates.
    pub aggregations: Vec<Aggregation>,
    /// Which groups: over aliases and keys.
    pub having: Option<Filter>,
    /// Also count all that match.
    pub count: bool,
}

/// One returned column: a field or a path through to-one relations.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// `name`, `account.owner.email`.
    pub path: String,
    /// The name in the answer; default the path.
    pub alias: Option<String>,
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
