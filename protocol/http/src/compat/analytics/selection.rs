//! What an analytics question selects, as a grouped question. Its members are fields and paths (`stage`, `account.industry`) and what
//! is made of them (`count`, `amount_sum`), with the cube's name before them or without.

use std::collections::HashSet;

use quarry_engine::{Query, Views};
use serde_json::{Map, Value, json};

use super::{
    super::{many::within, question},
    period,
};
use crate::{administration::known, problem::Problem};

/// What measures of a field are called behind its name, and the functions that make them; longer ones first.
pub(super) const SUFFIXES: [(&str, &str); 5] = [
    ("_count_distinct", "count_distinct"),
    ("_sum", "sum"),
    ("_avg", "avg"),
    ("_min", "min"),
    ("_max", "max"),
];
/// The measure that counts records.
pub(super) const COUNT: &str = "count";

/// A question, and what it was made of.
pub(super) struct Asked {
    pub query: Query,
    /// The columns that are times.
    pub times: HashSet<String>,
    /// Where keys come from.
    places: Places,
}

/// Where the parts of a grouped question stand in what was sent.
#[derive(Default)]
struct Places {
    keys: Vec<String>,
    conditions: Vec<String>,
}

/// Puts a question together while its parts are read.
struct Builder<'a> {
    cube: &'a str,
    keys: Vec<Value>,
    /// The names of columns, by their names without the cube's.
    columns: Vec<(String, String)>,
    conditions: Vec<Value>,
    places: Places,
    times: HashSet<String>,
}

/// Reads a question.
///
/// # Errors
///
/// What is not known or has no sense, by its name and place.
pub(super) fn read(views: &Views, given: Map<String, Value>) -> Result<Asked, Problem> {
    if given.contains_key("query") {
        let message = "the members of query stand beside cube: {cube, measures, dimensions, …}";
        return Err(Problem::invalid(message).at("query"));
    }
    let keys = ["cube", "measures", "dimensions", "where", "timeDimensions", "order", "limit", "offset"];
    known(&given, &keys)?;
    let Some(cube) = given.get("cube").and_then(Value::as_str) else {
        return Err(Problem::invalid("cube is needed: the name of an object").at("cube"));
    };
    let mut builder = Builder {
        cube,
        keys: Vec::new(),
        columns: Vec::new(),
        conditions: Vec::new(),
        places: Places::default(),
        times: HashSet::new(),
    };
    if let Some(filter) = given.get("where").filter(|filter| !filter.is_null()) {
        builder.conditions.push(filter.clone());
        builder.places.conditions.push("where".into());
    }
    builder.dimensions(&given)?;
    let measures = builder.measures(&given)?;
    if builder.columns.is_empty() {
        return Err(Problem::invalid("measures or dimensions are needed").at("measures"));
    }
    let order = builder.order(given.get("order"))?;
    let mut question = Map::new();
    question.insert("groupBy".into(), builder.keys.into());
    question.insert("aggregations".into(), measures.into());
    question.insert("orderBy".into(), order.into());
    question.insert("where".into(), json!({ "$and": builder.conditions }));
    for key in ["limit", "offset"] {
        question.extend(given.get(key).map(|value| (key.to_owned(), value.clone())));
    }
    let Builder { places, times, .. } = builder;
    let query = question::of_body(views, cube, question).map_err(|problem| places.told(problem))?;
    Ok(Asked { query, times, places })
}

impl Asked {
    /// A problem with its place in what was sent.
    pub fn told(&self, problem: Problem) -> Problem {
        self.places.told(problem)
    }
}

impl Places {
    fn told(&self, problem: Problem) -> Problem {
        let path = problem.path.clone();
        let moved = |from: &str, to: &dyn Fn(usize) -> Option<String>| {
            let (index, rest) = path.strip_prefix(from)?.split_once(']')?;
            Some(format!("{}{rest}", to(index.parse().ok()?)?))
        };
        let told = moved("groupBy[", &|at| self.keys.get(at).cloned())
            .or_else(|| moved("where.$and[", &|at| self.conditions.get(at).cloned()))
            .or_else(|| moved("aggregations[", &|at| Some(format!("measures[{at}]"))))
            .or_else(|| moved("orderBy[", &|_| Some("order".into())));
        match told {
            Some(path) => problem.at(path),
            None => problem,
        }
    }
}

impl Builder<'_> {
    /// A member's name without the cube's.
    fn bare<'n>(&self, member: &'n str) -> &'n str {
        member.strip_prefix(self.cube).and_then(|rest| rest.strip_prefix('.')).unwrap_or(member)
    }

    fn column(&mut self, member: &str, at: &str) -> Result<(), Problem> {
        let bare = self.bare(member).to_owned();
        if self.columns.iter().any(|(known, _)| *known == bare) {
            return Err(Problem::invalid(format!("{member:?} is asked twice")).at(at));
        }
        self.columns.push((bare, member.to_owned()));
        Ok(())
    }

    /// Keys of `dimensions` and of those `timeDimensions` that have a granularity; conditions of those that have a range.
    fn dimensions(&mut self, given: &Map<String, Value>) -> Result<(), Problem> {
        let mut dated: Vec<(String, Value)> = Vec::new();
        let times = list(given, "timeDimensions")?;
        for (index, time) in times.iter().enumerate() {
            let at = format!("timeDimensions[{index}]");
            let wrong = |message: &str| Err(Problem::invalid(message).at(&at));
            let Some(time) = time.as_object() else {
                return wrong("a time dimension is an object {dimension, granularity?, dateRange?}");
            };
            known(time, &["dimension", "granularity", "dateRange"])
                .map_err(|problem| within(problem, &at))?;
            let Some(member) = time.get("dimension").and_then(Value::as_str) else {
                return wrong("a time dimension names its dimension");
            };
            let told = |key: &str| time.get(key).filter(|told| !told.is_null());
            // Neither would name it to the question: it would be dropped, whatever it is called.
            if told("dateRange").is_none() && told("granularity").is_none() {
                return wrong("a time dimension needs a granularity, a dateRange or both");
            }
            if let Some(range) = told("dateRange") {
                let condition = period::condition(range, &format!("{at}.dateRange"))?;
                self.conditions.push(json!({ self.bare(member): condition }));
                self.places.conditions.push(at.clone());
            }
            let Some(granularity) = told("granularity") else { continue };
            if dated.iter().any(|(known, _)| known == self.bare(member)) {
                return wrong("it has a granularity already");
            }
            dated.push((self.bare(member).to_owned(), granularity.clone()));
            let is_listed = list(given, "dimensions")?
                .iter()
                .any(|listed| listed.as_str().is_some_and(|listed| self.bare(listed) == self.bare(member)));
            if !is_listed {
                self.key(member, Some(granularity), at)?;
            }
        }
        for (index, member) in list(given, "dimensions")?.iter().enumerate() {
            let at = format!("dimensions[{index}]");
            let Some(member) = member.as_str() else {
                return Err(Problem::invalid(format!("a dimension is a text, not {member}")).at(at));
            };
            let granularity = dated.iter().find(|(known, _)| known == self.bare(member));
            self.key(member, granularity.map(|(_, granularity)| granularity), at)?;
        }
        Ok(())
    }

    fn key(&mut self, member: &str, granularity: Option<&Value>, at: String) -> Result<(), Problem> {
        self.column(member, &at)?;
        let mut key = json!({ "field": self.bare(member), "as": member });
        if let (Some(granularity), Some(key)) = (granularity, key.as_object_mut()) {
            key.insert("granularity".into(), granularity.clone());
            self.times.insert(member.to_owned());
        }
        self.keys.push(key);
        self.places.keys.push(at);
        Ok(())
    }

    fn measures(&mut self, given: &Map<String, Value>) -> Result<Vec<Value>, Problem> {
        let mut measures = Vec::new();
        for (index, member) in list(given, "measures")?.iter().enumerate() {
            let at = format!("measures[{index}]");
            let Some(member) = member.as_str() else {
                return Err(Problem::invalid(format!("a measure is a text, not {member}")).at(at));
            };
            self.column(member, &at)?;
            let bare = self.bare(member);
            let made = SUFFIXES.iter().find_map(|(suffix, function)| {
                let field = bare.strip_suffix(suffix).filter(|field| !field.is_empty())?;
                Some(json!({ "function": function, "field": field, "as": member }))
            });
            measures.push(match made {
                _ if bare == COUNT => json!({ "function": "count", "as": member }),
                Some(made) => made,
                None => {
                    let ends: Vec<String> =
                        SUFFIXES.iter().map(|(suffix, _)| format!("<field>{suffix}")).collect();
                    let message =
                        format!("there is no measure {member:?}; there are count, {}", ends.join(", "));
                    return Err(Problem::invalid(message).at(at));
                }
            });
        }
        Ok(measures)
    }

    /// `{member: asc | desc}`.
    fn order(&self, order: Option<&Value>) -> Result<Vec<Value>, Problem> {
        let members = match order {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(Problem::invalid("order is an object {member: asc or desc}").at("order")),
        };
        let key = |(member, way): (&String, &Value)| {
            let at = format!("order.{member}");
            if !["asc", "desc"].iter().any(|known| way == known) {
                return Err(Problem::invalid(format!("it is asc or desc, not {way}")).at(at));
            }
            match self.columns.iter().find(|(bare, _)| bare == self.bare(member)) {
                Some((_, column)) => Ok(json!({ "field": column, "order": way })),
                None => {
                    let message = format!("{member:?} is none of the measures and dimensions that are asked");
                    Err(Problem::invalid(message).at(at))
                }
            }
        };
        members.iter().map(key).collect()
    }
}

/// A list of a body; empty when it is not there.
fn list<'g>(given: &'g Map<String, Value>, key: &str) -> Result<&'g [Value], Problem> {
    match given.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(_) => Err(Problem::invalid(format!("{key} is a list")).at(key)),
    }
}
