//! Random questions.

use serde_json::{Map, Value as Json, json};

use super::records::{
    Holds, INDUSTRIES, Records, STAGES, TAGS, WORDS, day, exact, fields, one, to_many, to_one,
};
use crate::dice::Dice;

const OBJECTS: [&str; 3] = ["account", "contact", "order"];

/// A question for records or for groups.
pub fn question(dice: &mut Dice, records: &Records) -> Json {
    let object = one(dice, &OBJECTS);
    let mut asked = Map::new();
    asked.insert("object".into(), object.into());
    if dice.roll(5) > 0 {
        asked.insert("where".into(), filter(dice, records, object, 3));
    }
    match dice.roll(3) {
        0 => groups(dice, records, object, &mut asked),
        _ => list(dice, object, &mut asked),
    }
    if dice.roll(3) == 0 {
        asked.insert("limit".into(), dice.roll(6).into());
    }
    if dice.roll(4) == 0 {
        asked.insert("offset".into(), dice.roll(4).into());
    }
    if dice.roll(4) == 0 {
        asked.insert("count".into(), true.into());
    }
    Json::Object(asked)
}

fn list(dice: &mut Dice, object: &str, asked: &mut Map<String, Json>) {
    let mut names: Vec<String> = vec!["id".into()];
    for _ in 0..dice.roll(4) {
        let (path, _) = path(dice, object, 2);
        if !names.contains(&path) {
            names.push(path);
        }
    }
    asked.insert("fields".into(), names.into());
    let mut order: Vec<Json> = Vec::new();
    for _ in 0..dice.roll(3) {
        let (path, holds) = path(dice, object, 2);
        if holds != Holds::Choices && order.iter().all(|known| known["field"] != path.as_str()) {
            order.push(sorted(dice, &path));
        }
    }
    if order.is_empty() {
        order.push(sorted(dice, "id"));
    }
    asked.insert("orderBy".into(), order.into());
}

fn sorted(dice: &mut Dice, path: &str) -> Json {
    json!({"field": path, "order": one(dice, &["asc", "desc"]), "nulls": one(dice, &["first", "last"])})
}

fn groups(dice: &mut Dice, records: &Records, object: &str, asked: &mut Map<String, Json>) {
    let mut keys: Vec<Json> = Vec::new();
    for at in 0..dice.roll(3) {
        let (path, holds) = path(dice, object, 2);
        let mut key = json!({"field": path, "as": format!("k{at}")});
        match holds {
            Holds::Choices => continue,
            Holds::Day if dice.roll(2) == 0 => {
                key["granularity"] = one(dice, &["day", "month", "quarter", "year"]).into();
            }
            _ => {}
        }
        keys.push(key);
    }
    let mut aggregates = vec![json!({"function": "count", "as": "n"})];
    for at in 0..dice.roll(4) {
        if dice.roll(4) == 0 && !to_many(object).is_empty() {
            aggregates.push(over_many(dice, records, object, &format!("a{at}")));
            continue;
        }
        let (path, holds) = path(dice, object, 2);
        let fitting: &[&str] = match holds {
            Holds::Choices => &["count"],
            Holds::Exact | Holds::Whole => &["count", "count_distinct", "sum", "min", "max", "median"],
            Holds::Flag => &["count", "count_distinct", "sum", "bool_and", "bool_or"],
            Holds::Text | Holds::Industry | Holds::Stage | Holds::Day | Holds::Link => {
                &["count", "count_distinct", "min", "max"]
            }
        };
        let mut aggregate = json!({"function": one(dice, fitting), "field": path, "as": format!("a{at}")});
        if dice.roll(3) == 0 {
            aggregate["filter"] = filter(dice, records, object, 1);
        }
        aggregates.push(aggregate);
    }
    if !keys.is_empty() {
        if dice.roll(3) == 0 {
            asked.insert("having".into(), json!({"n": {"$gte": 1 + dice.roll(3)}}));
        }
        if dice.roll(4) == 0 {
            asked.insert("rollup".into(), true.into());
        }
        asked.insert("groupBy".into(), keys.into());
    }
    if dice.roll(2) == 0 {
        asked.insert("orderBy".into(), vec![sorted(dice, "n")].into());
    }
    asked.insert("aggregations".into(), aggregates.into());
}

/// An aggregate over the records that refer to each one.
fn over_many(dice: &mut Dice, records: &Records, object: &str, name: &str) -> Json {
    let ways = to_many(object);
    let (relation, target, _) = ways[dice.place(ways.len())];
    let (path, holds) = path(dice, target, 1);
    let fitting: &[&str] = match holds {
        Holds::Choices => &["count"],
        Holds::Exact | Holds::Whole => &["count", "sum", "min", "max"],
        Holds::Flag => &["count", "sum", "bool_and", "bool_or"],
        Holds::Link if path == "id" => &["count", "count_distinct", "min"],
        Holds::Text | Holds::Industry | Holds::Stage | Holds::Day | Holds::Link => &["count", "min", "max"],
    };
    let mut aggregate =
        json!({"function": one(dice, fitting), "field": format!("{relation}.{path}"), "as": name});
    if dice.roll(3) == 0 {
        aggregate["filter"] = filter(dice, records, object, 1);
    }
    aggregate
}

/// A path to a field, through so many records at most.
fn path(dice: &mut Dice, object: &str, far: u64) -> (String, Holds) {
    if far > 0 && dice.roll(3) == 0 {
        let ways = to_one(object);
        let (relation, _, target) = ways[dice.place(ways.len())];
        let (rest, holds) = path(dice, target, far - 1);
        return (format!("{relation}.{rest}"), holds);
    }
    let all = fields(object);
    let (name, holds) = all[dice.place(all.len())];
    (name.to_owned(), holds)
}

pub fn filter(dice: &mut Dice, records: &Records, object: &str, depth: u64) -> Json {
    let list = |dice: &mut Dice| -> Vec<Json> {
        (0..dice.roll(3)).map(|_| filter(dice, records, object, depth - 1)).collect()
    };
    match if depth == 0 { 9 } else { dice.roll(10) } {
        0 => json!({"$and": list(dice)}),
        1 => json!({"$or": list(dice)}),
        2 => json!({"$nor": list(dice)}),
        3 => json!({"$not": filter(dice, records, object, depth - 1)}),
        4 | 5 if !to_many(object).is_empty() => {
            let ways = to_many(object);
            let (relation, target, _) = ways[dice.place(ways.len())];
            let below = filter(dice, records, target, depth - 1);
            json!({relation: {one(dice, &["$some", "$every", "$none"]): below}})
        }
        6 if object == "account" => {
            let operator = one(dice, &["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]);
            json!({"revenue": {operator: {"$field": "budget"}}})
        }
        _ => comparison(dice, records, object),
    }
}

fn comparison(dice: &mut Dice, records: &Records, object: &str) -> Json {
    let (path, holds) = path(dice, object, 2);
    let asks = ["$null", "$exists", "$empty"];
    if dice.roll(8) == 0 {
        return json!({path: {one(dice, &asks): dice.roll(2) == 0}});
    }
    let equal = ["$eq", "$ne", "$in", "$nin"];
    let ordered = ["$eq", "$ne", "$in", "$nin", "$gt", "$gte", "$lt", "$lte", "$between"];
    let text = [
        "$contains",
        "$notContains",
        "$startsWith",
        "$endsWith",
        "$icontains",
        "$istartsWith",
        "$iendsWith",
        "$ieq",
    ];
    let operator = match holds {
        Holds::Choices => one(dice, &["$has", "$hasAny", "$hasAll", "$contains", "$notContains"]),
        Holds::Flag => one(dice, &equal),
        Holds::Text if dice.roll(2) == 0 => one(dice, &text),
        _ => one(dice, &ordered),
    };
    let value = |dice: &mut Dice| value(dice, records, holds);
    let operand = match operator {
        "$in" | "$nin" | "$hasAny" | "$hasAll" => (0..dice.roll(4)).map(|_| value(dice)).collect(),
        "$between" => json!([value(dice), value(dice)]),
        "$eq" | "$ne" if dice.roll(8) == 0 => Json::Null,
        _ => value(dice),
    };
    json!({path: {operator: operand}})
}

fn value(dice: &mut Dice, records: &Records, holds: Holds) -> Json {
    match holds {
        Holds::Text => one(dice, &WORDS).into(),
        Holds::Industry => one(dice, &INDUSTRIES).into(),
        Holds::Stage => one(dice, &STAGES).into(),
        Holds::Choices => one(dice, &TAGS).into(),
        Holds::Exact => exact(dice),
        Holds::Whole => dice.roll(6).into(),
        Holds::Flag => (dice.roll(2) == 0).into(),
        Holds::Day => day(dice),
        Holds::Link => {
            let all = records.of(one(dice, &OBJECTS));
            all[dice.place(all.len())]["id"].clone()
        }
    }
}
