//! The language, plainly: every record is looked at, every predicate by itself.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

use super::records::{Holds, Record, Records, fields, to_many, to_one};

/// A value that can be compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Text(String),
    /// Hundredths of exact numbers, whole numbers as they are.
    Number(i64),
    Flag(bool),
    List(Vec<String>),
}

/// The answer, as the planner's is written.
pub fn answer(records: &Records, question: &Json) -> Json {
    let object = question["object"].as_str().unwrap();
    let all: Vec<&Record> = records
        .of(object)
        .iter()
        .filter(|record| question.get("where").is_none_or(|filter| holds(records, object, record, filter)))
        .collect();
    let rows = match question.get("aggregations") {
        Some(_) => groups(records, object, &all, question),
        None => list(records, object, all, question),
    };
    let count = rows.len();
    let offset = usize::try_from(question["offset"].as_u64().unwrap_or(0)).unwrap();
    let limit = usize::try_from(question["limit"].as_u64().unwrap_or(u64::MAX)).unwrap();
    let mut told = Map::new();
    told.insert("records".into(), rows.into_iter().skip(offset).take(limit).collect());
    if question.get("count").is_some() {
        told.insert("count".into(), count.into());
    }
    Json::Object(told)
}

/// The record at the end of a path, its object, and the last name.
fn follow<'r>(
    records: &'r Records,
    object: &'static str,
    record: &'r Record,
    path: &str,
) -> (&'static str, Option<&'r Record>, String) {
    let Some((relation, rest)) = path.split_once('.') else { return (object, Some(record), path.to_owned()) };
    let (_, field, target) = to_one(object).iter().find(|(name, ..)| *name == relation).unwrap();
    let id = record.get(*field);
    match records.of(target).iter().find(|other| other.get("id") == id && id.is_some()) {
        Some(found) => follow(records, target, found, rest),
        None => (end_of(target, rest), None, rest.rsplit('.').next().unwrap().to_owned()),
    }
}

/// The object at the end of a path that leads nowhere.
fn end_of(object: &'static str, path: &str) -> &'static str {
    match path.split_once('.') {
        Some((relation, rest)) => {
            end_of(to_one(object).iter().find(|(name, ..)| *name == relation).unwrap().2, rest)
        }
        None => object,
    }
}

fn kind(object: &str, name: &str) -> Holds {
    fields(object).iter().find(|(known, _)| *known == name).unwrap().1
}

fn known(object: &str) -> &'static str {
    ["account", "contact", "order"].into_iter().find(|name| *name == object).unwrap()
}

fn value_at(records: &Records, object: &str, record: &Record, path: &str) -> (Holds, Option<Value>) {
    let (object, record, name) = follow(records, known(object), record, path);
    let holds = kind(object, &name);
    (holds, record.and_then(|record| record.get(&name)).and_then(|value| of_json(holds, value)))
}

fn of_json(holds: Holds, value: &Json) -> Option<Value> {
    Some(match (holds, value) {
        (_, Json::Null) => return None,
        (Holds::Exact, value) => {
            let text = value.as_str().unwrap();
            Value::Number(text.replace('.', "").parse().unwrap())
        }
        (Holds::Whole, value) => Value::Number(value.as_i64().unwrap()),
        (Holds::Flag, value) => Value::Flag(value.as_bool().unwrap()),
        (_, Json::Array(items)) => {
            Value::List(items.iter().map(|item| item.as_str().unwrap().to_owned()).collect())
        }
        (_, value) => Value::Text(value.as_str().unwrap().to_owned()),
    })
}

fn holds(records: &Records, object: &str, record: &Record, filter: &Json) -> bool {
    filter.as_object().unwrap().iter().all(|(key, value)| {
        let each = || value.as_array().unwrap().iter().map(|part| holds(records, object, record, part));
        match key.as_str() {
            "$and" => each().all(|part| part),
            "$or" => each().any(|part| part),
            "$nor" => !each().any(|part| part),
            "$not" => !holds(records, object, record, value),
            path => {
                let (operator, operand) = value.as_object().unwrap().iter().next().unwrap();
                match operator.as_str() {
                    "$some" | "$every" | "$none" => {
                        related(records, object, record, (path, operator, operand))
                    }
                    operator => compares(records, object, record, (path, operator, operand)),
                }
            }
        }
    })
}

fn related(
    records: &Records,
    object: &str,
    record: &Record,
    (relation, operator, filter): (&str, &str, &Json),
) -> bool {
    let (_, target, link) = to_many(object).iter().find(|(name, ..)| *name == relation).unwrap();
    let own = records.of(target).iter().filter(|other| other.get(*link) == record.get("id"));
    let mut verdicts = own.map(|other| holds(records, target, other, filter));
    match operator {
        "$some" => verdicts.any(|is| is),
        "$every" => verdicts.all(|is| is),
        _ => !verdicts.any(|is| is),
    }
}

fn compares(
    records: &Records,
    object: &str,
    record: &Record,
    (path, operator, operand): (&str, &str, &Json),
) -> bool {
    let (kind, have) = value_at(records, object, record, path);
    let other = operand.get("$field").and_then(Json::as_str);
    let wanted = |operand: &Json| match other {
        Some(path) => value_at(records, object, record, path).1,
        None => of_json(kind, operand),
    };
    let among = || operand.as_array().unwrap().iter().any(|one| have == of_json(kind, one));
    let list: Vec<String> = match &have {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    let has = |option: &Json| list.iter().any(|item| item == option.as_str().unwrap());
    let equal = |operand: &Json| match (other, &have, wanted(operand)) {
        // Two fields without a value are not alike; asking for null is asking for no value.
        (Some(_), have, wanted) => have.is_some() && *have == wanted,
        (None, have, wanted) => *have == wanted,
    };
    let ordered = |operand: &Json, fits: fn(Ordering) -> bool| match (&have, wanted(operand)) {
        (Some(have), Some(wanted)) => fits(have.cmp(&wanted)),
        _ => false,
    };
    let text = match &have {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let texts = |fits: fn(&str, &str) -> bool, fold: bool| {
        let folded = |text: &str| if fold { text.to_lowercase() } else { text.to_owned() };
        text.is_some_and(|have| fits(&folded(have), &folded(operand.as_str().unwrap())))
    };
    match operator {
        "$eq" => equal(operand),
        "$ne" => !equal(operand),
        "$in" => among(),
        "$nin" => !among(),
        "$gt" => ordered(operand, Ordering::is_gt),
        "$gte" => ordered(operand, Ordering::is_ge),
        "$lt" => ordered(operand, Ordering::is_lt),
        "$lte" => ordered(operand, Ordering::is_le),
        "$between" => ordered(&operand[0], Ordering::is_ge) && ordered(&operand[1], Ordering::is_le),
        "$null" => have.is_none() == operand.as_bool().unwrap(),
        "$exists" => have.is_some() == operand.as_bool().unwrap(),
        "$empty" => {
            let is_empty = have.is_none() || text == Some("") || have == Some(Value::List(Vec::new()));
            is_empty == operand.as_bool().unwrap()
        }
        "$has" => has(operand),
        "$hasAny" => operand.as_array().unwrap().iter().any(has),
        // Of a record without a value nothing is known, also when nothing is asked for.
        "$hasAll" => operand.as_array().unwrap().iter().all(has),
        "$contains" if kind == Holds::Choices => has(operand),
        "$notContains" if kind == Holds::Choices => !has(operand),
        "$contains" => texts(|have, part| have.contains(part), false),
        "$notContains" => !texts(|have, part| have.contains(part), false),
        "$startsWith" => texts(|have, part| have.starts_with(part), false),
        "$endsWith" => texts(|have, part| have.ends_with(part), false),
        "$icontains" => texts(|have, part| have.contains(part), true),
        "$istartsWith" => texts(|have, part| have.starts_with(part), true),
        "$iendsWith" => texts(|have, part| have.ends_with(part), true),
        "$ieq" => texts(|have, part| have == part, true),
        other => panic!("{other}"),
    }
}

/// By a key as a question sorts: missing values where it says.
fn by(left: &Option<Value>, right: &Option<Value>, order: &Json) -> Ordering {
    let nulls_first = order["nulls"] == "first";
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => {
            if nulls_first {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (Some(_), None) => {
            if nulls_first {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (Some(left), Some(right)) if order["order"] == "desc" => right.cmp(left),
        (Some(left), Some(right)) => left.cmp(right),
    }
}

fn list(records: &Records, object: &str, mut all: Vec<&Record>, question: &Json) -> Vec<Json> {
    let orders = question["orderBy"].as_array().unwrap();
    all.sort_by(|left, right| {
        let keys = orders.iter().map(|order| {
            let at = |record: &Record| value_at(records, object, record, order["field"].as_str().unwrap()).1;
            by(&at(left), &at(right), order)
        });
        keys.fold(Ordering::Equal, Ordering::then)
            .then_with(|| left["id"].as_str().cmp(&right["id"].as_str()))
    });
    let row = |record: &&Record| {
        let cell = |path: &Json| {
            let path = path.as_str().unwrap();
            let (kind, value) = value_at(records, object, record, path);
            (path.to_owned(), written(value, scale(kind)))
        };
        Json::Object(question["fields"].as_array().unwrap().iter().map(cell).collect())
    };
    all.iter().map(row).collect()
}

/// Digits behind the point.
fn scale(holds: Holds) -> usize {
    if holds == Holds::Exact { 2 } else { 0 }
}

fn written(value: Option<Value>, scale: usize) -> Json {
    match value {
        None => Json::Null,
        Some(Value::Text(text)) => text.into(),
        Some(Value::Flag(flag)) => flag.into(),
        Some(Value::List(items)) => items.into(),
        Some(Value::Number(number)) => digits(number, scale),
    }
}

/// A number with a fixed count of digits behind the point.
fn digits(number: i64, scale: usize) -> Json {
    if scale == 0 {
        return number.into();
    }
    let all = format!("{:0width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, rest) = all.split_at(all.len() - scale);
    let sign = if number < 0 { "-" } else { "" };
    serde_json::from_str(&format!("{sign}{whole}.{rest}")).unwrap()
}

struct Group<'r> {
    keys: Vec<Option<Value>>,
    /// Keys that are left out, as bits; the first one's is the highest.
    left_out: i64,
    members: Vec<&'r Record>,
}

fn groups(records: &Records, object: &str, all: &[&Record], question: &Json) -> Vec<Json> {
    let none = Vec::new();
    let keys = question.get("groupBy").map_or(&none, |keys| keys.as_array().unwrap());
    let is_rollup = question.get("rollup").is_some();
    let mut found: Vec<Group<'_>> = Vec::new();
    let fewest = if is_rollup { 0 } else { keys.len() };
    for kept in fewest..=keys.len() {
        let left_out = (1_i64 << (keys.len() - kept)) - 1;
        let mut level: Vec<Group<'_>> = Vec::new();
        for record in all {
            let at = |(place, key)| (place < kept).then(|| key_of(records, object, record, key)).flatten();
            let values: Vec<Option<Value>> = keys.iter().enumerate().map(at).collect();
            match level.iter_mut().find(|group| group.keys == values) {
                Some(group) => group.members.push(record),
                None => level.push(Group { keys: values, left_out, members: vec![record] }),
            }
        }
        if level.is_empty() && kept == 0 {
            level.push(Group { keys: vec![None; keys.len()], left_out, members: Vec::new() });
        }
        found.extend(level);
    }
    if let Some(least) = question["having"]["n"]["$gte"].as_u64() {
        found.retain(|group| group.members.len() as u64 >= least);
    }
    let asc = serde_json::json!({"order": "asc", "nulls": "last"});
    found.sort_by(|left, right| {
        let by_count = question.get("orderBy").map_or(Ordering::Equal, |orders| {
            let count = |group: &Group<'_>| Some(Value::Number(i64::try_from(group.members.len()).unwrap()));
            by(&count(left), &count(right), &orders[0])
        });
        let keys = left.keys.iter().zip(&right.keys).map(|(left, right)| by(left, right, &asc));
        by_count.then(keys.fold(Ordering::Equal, Ordering::then)).then(left.left_out.cmp(&right.left_out))
    });
    let row = |group: &Group<'_>| {
        let mut row = Map::new();
        for (key, value) in keys.iter().zip(&group.keys) {
            let (kind, _) = kind_of(object, key["field"].as_str().unwrap());
            row.insert(key["as"].as_str().unwrap().into(), written(value.clone(), scale(kind)));
        }
        for aggregate in question["aggregations"].as_array().unwrap() {
            let name = aggregate["as"].as_str().unwrap();
            row.insert(name.into(), aggregated(records, object, &group.members, aggregate));
        }
        if is_rollup {
            row.insert("_grouping".into(), group.left_out.into());
        }
        Json::Object(row)
    };
    found.iter().map(row).collect()
}

fn kind_of(object: &str, path: &str) -> (Holds, String) {
    let end = end_of(known(object), path);
    let name = path.rsplit('.').next().unwrap().to_owned();
    (kind(end, &name), name)
}

fn key_of(records: &Records, object: &str, record: &Record, key: &Json) -> Option<Value> {
    let value = value_at(records, object, record, key["field"].as_str().unwrap()).1?;
    let Some(granularity) = key["granularity"].as_str() else { return Some(value) };
    let Value::Text(day) = value else { panic!("{value:?} is no day") };
    let month: u32 = day[5..7].parse().unwrap();
    Some(Value::Text(match granularity {
        "day" => day,
        "month" => day[..7].to_owned(),
        "quarter" => format!("{}-Q{}", &day[..4], month.div_ceil(3)),
        _ => day[..4].to_owned(),
    }))
}

/// The values at the end of a path, of all members; a path to many leads to those of each record that refers to one of them.
fn all_at(records: &Records, object: &str, members: &[&&Record], path: &str) -> (Holds, Vec<Value>) {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some((_, target, link)) = to_many(object).iter().find(|(name, ..)| *name == first) else {
        let values = members.iter().filter_map(|record| value_at(records, object, record, path).1);
        return (kind_of(object, path).0, values.collect());
    };
    let mut values = Vec::new();
    for member in members {
        let own = records.of(target).iter().filter(|other| other.get(*link) == member.get("id"));
        values.extend(own.filter_map(|other| value_at(records, target, other, rest).1));
    }
    (kind_of(target, rest).0, values)
}

fn aggregated(records: &Records, object: &str, members: &[&Record], aggregate: &Json) -> Json {
    let counts = |record: &&&Record| {
        aggregate.get("filter").is_none_or(|filter| holds(records, object, record, filter))
    };
    let members: Vec<&&Record> = members.iter().filter(counts).collect();
    let Some(path) = aggregate["field"].as_str() else { return members.len().into() };
    let (kind, mut values) = all_at(records, object, &members, path);
    values.sort();
    let number = |value: &Value| match value {
        Value::Number(number) => *number,
        Value::Flag(flag) => i64::from(*flag),
        other => panic!("{other:?}"),
    };
    match aggregate["function"].as_str().unwrap() {
        "count" => values.len().into(),
        "count_distinct" => {
            values.dedup();
            values.len().into()
        }
        "sum" => digits(values.iter().map(number).sum(), scale(kind)),
        "min" => written(values.first().cloned(), scale(kind)),
        "max" => written(values.last().cloned(), scale(kind)),
        "median" => match values.len() {
            0 => Json::Null,
            count => {
                let at = |place: usize| number(&values[place]);
                digits((at((count - 1) / 2) + at(count / 2)) * 5, scale(kind) + 1)
            }
        },
        "bool_and" | "bool_or" if values.is_empty() => Json::Null,
        "bool_and" => values.iter().all(|value| number(value) == 1).into(),
        "bool_or" => values.iter().any(|value| number(value) == 1).into(),
        other => panic!("{other}"),
    }
}
