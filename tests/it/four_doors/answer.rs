//! The answer to a question by plain evaluation over the records that someone sees.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    question::{Filter, Kind, Question, way},
    world::{Record, Seen},
};

/// Rows as texts; none where the question was refused.
pub type Rows = Option<Vec<Vec<Option<String>>>>;

/// A value as every door's is compared: numbers without zeros at their end, truths by their names.
pub fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(shortened(&number.to_string())),
        Value::String(text) => Some(shortened(text)),
        other => Some(other.to_string()),
    }
}

/// A decimal without the zeros behind its point; any other text as it is.
pub fn shortened(text: &str) -> String {
    let is_number =
        text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || b".-".contains(&byte));
    match is_number {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

/// What a path leads to from a record.
fn at(seen: &Seen, object: &str, record: &Record, path: &str) -> Value {
    match path.split_once('.') {
        None => record[path].clone(),
        Some((relation, rest)) => {
            let (target, link, _) = way(object, relation);
            seen.find(target, &record[link]).map_or(Value::Null, |found| at(seen, target, found, rest))
        }
    }
}

/// By value: numbers as such, texts by code points, false before true.
fn compare(one: &Value, other: &Value) -> std::cmp::Ordering {
    let number = |value: &Value| {
        value.as_f64().or_else(|| value.as_str().filter(|text| text.contains('.'))?.parse().ok())
    };
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => match (one.as_bool(), other.as_bool()) {
            (Some(one), Some(other)) => one.cmp(&other),
            _ => one.as_str().unwrap_or_default().cmp(other.as_str().unwrap_or_default()),
        },
    }
}

fn matches(seen: &Seen, object: &str, record: &Record, filter: &Filter) -> bool {
    let is = |part: &Filter| matches(seen, object, record, part);
    match filter {
        Filter::All(parts) => parts.iter().all(is),
        Filter::Any(parts) => parts.iter().any(is),
        Filter::Not(part) => !is(part),
        Filter::Some(relation, some, part) => {
            let (target, link, _) = way(object, relation);
            let behind = |child: &&Record| child[link] == record["id"] && matches(seen, target, child, part);
            seen.of(target).iter().any(|child| behind(&child)) == *some
        }
        Filter::Is(path, operator, wanted) => {
            let value = at(seen, object, record, path);
            let order = || (!value.is_null()).then(|| compare(&value, wanted));
            match *operator {
                "null" => value.is_null() == *wanted.as_bool().as_ref().unwrap(),
                "eq" => value == *wanted,
                "ne" => value != *wanted,
                "gt" => order().is_some_and(std::cmp::Ordering::is_gt),
                "lte" => order().is_some_and(std::cmp::Ordering::is_le),
                "in" => wanted.as_array().unwrap().contains(&value),
                "startsWith" => value.as_str().is_some_and(|text| text.starts_with(wanted.as_str().unwrap())),
                other => panic!("{other}"),
            }
        }
    }
}

/// Whether all words stand in what is searched of a record.
fn is_found(record: &Record, words: &str) -> bool {
    let text = ["name", "notes"]
        .iter()
        .filter_map(|name| record.get(name)?.as_str())
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase();
    words.split(' ').all(|word| text.split(' ').any(|known| known == word))
}

/// The rows, and how many there are without a page.
pub fn answer(seen: &Seen, question: &Question) -> (Vec<Vec<Option<String>>>, usize) {
    let object = question.object;
    let is_asked = |record: &&Record| {
        question.filter.as_ref().is_none_or(|filter| matches(seen, object, record, filter))
            && question.search.is_none_or(|words| is_found(record, words))
    };
    let mut records: Vec<&Record> = seen.of(object).iter().filter(is_asked).collect();
    let total = records.len();
    let rows = match &question.kind {
        Kind::List { paths, order, page } => {
            sort(seen, object, &mut records, order);
            let (limit, offset) = page.unwrap_or((usize::MAX, 0));
            let shown =
                |record: &&Record| paths.iter().map(|path| plain(&at(seen, object, record, path))).collect();
            records.iter().skip(offset).take(limit).map(shown).collect()
        }
        Kind::Groups { keys, sums } => groups(seen, object, &records, (keys, sums)),
        Kind::Expand { relation, fields } => {
            let (target, link, is_theirs) = way(object, relation);
            let row = |record: &Record, other: Option<&Record>| {
                let shown = fields.iter().map(|field| other.and_then(|other| plain(&other[field])));
                std::iter::once(plain(&record["id"])).chain(shown).collect::<Vec<_>>()
            };
            let of = |record: &&Record| -> Vec<Vec<Option<String>>> {
                match is_theirs {
                    false => vec![row(record, seen.find(target, &record[link]))],
                    true => {
                        let own = |child: &&Record| child[link] == record["id"];
                        seen.of(target).iter().filter(own).map(|child| row(record, Some(child))).collect()
                    }
                }
            };
            records.iter().flat_map(of).collect()
        }
    };
    (rows, total)
}

/// By the keys, what has no value last whichever way; then by id.
fn sort(seen: &Seen, object: &str, records: &mut [&Record], order: &[(&'static str, bool)]) {
    records.sort_by(|one, other| {
        let by = |(path, falls): &(&'static str, bool)| {
            let (one, other) = (at(seen, object, one, path), at(seen, object, other, path));
            let missing = one.is_null().cmp(&other.is_null());
            let order = compare(&one, &other);
            missing.then(if *falls { order.reverse() } else { order })
        };
        let ids = || compare(&one["id"], &other["id"]);
        order.iter().map(by).find(|order| order.is_ne()).unwrap_or_else(ids)
    });
}

fn groups(
    seen: &Seen,
    object: &str,
    records: &[&Record],
    (keys, sums): (&[&'static str], &[(&'static str, &'static str)]),
) -> Vec<Vec<Option<String>>> {
    let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Record>> = BTreeMap::new();
    if keys.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for record in records {
        let key = keys.iter().map(|path| plain(&at(seen, object, record, path))).collect();
        groups.entry(key).or_default().push(record);
    }
    let sum = |of: &[&Record], (function, field): &(&str, &str)| -> Value {
        let values = || of.iter().filter_map(|record| record[*field].as_i64());
        let maybe = |value: Option<i64>| value.map_or(Value::Null, |value| json!(value));
        match *function {
            "count" => json!(of.len()),
            "sum" => json!(values().sum::<i64>()),
            "min" => maybe(values().min()),
            "max" => maybe(values().max()),
            _ => json!(values().collect::<std::collections::BTreeSet<_>>().len()),
        }
    };
    let row = |(key, of): (Vec<Option<String>>, Vec<&Record>)| {
        let told = sums.iter().map(|each| plain(&sum(&of, each))).collect::<Vec<_>>();
        [key, told].concat()
    };
    groups.into_iter().map(row).collect()
}
