//! A question as it is written for each door.

use serde_json::{Map, Value, json};

use super::question::{Filter, Kind, Question, way};

pub fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
}

pub fn plural(object: &str) -> &'static str {
    if object == "company" { "companies" } else { "deals" }
}

/// The question in ObjectQL, without its object.
pub fn objectql(question: &Question) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(filter) = &question.filter {
        body.insert("where".into(), filter.objectql());
    }
    if let Some(words) = question.search {
        body.insert("search".into(), words.into());
    }
    match &question.kind {
        Kind::List { paths, order, page } => {
            body.insert("fields".into(), json!(paths));
            let mut keys: Vec<String> = order
                .iter()
                .map(|(path, falls)| format!("{}{path}", if *falls { "-" } else { "" }))
                .collect();
            keys.push("id".into());
            body.insert("orderBy".into(), json!(keys));
            body.insert("count".into(), true.into());
            if let Some((limit, offset)) = page {
                body.insert("limit".into(), (*limit).into());
                body.insert("offset".into(), (*offset).into());
            }
        }
        Kind::Groups { keys, sums } => {
            if !keys.is_empty() {
                body.insert("groupBy".into(), json!(keys));
            }
            let sum = |(at, (function, field)): (usize, &(&str, &str))| match field.is_empty() {
                true => json!({ "function": function, "as": format!("a{at}") }),
                false => json!({ "function": function, "field": field, "as": format!("a{at}") }),
            };
            body.insert("aggregations".into(), sums.iter().enumerate().map(sum).collect());
        }
        Kind::Expand { relation, fields } => {
            body.insert("fields".into(), json!(["id"]));
            body.insert("orderBy".into(), json!(["id"]));
            let mut inner = json!({ "fields": fields });
            if way(question.object, relation).2 {
                inner["orderBy"] = json!(["id"]);
            }
            body.insert("expand".into(), json!({ *relation: inner }));
        }
    }
    body
}

/// A selection of paths: `{ id partner { name } }`.
fn selected(paths: &[&str]) -> String {
    let nested = |path: &&str| {
        let names: Vec<String> = path.split('.').map(camel).collect();
        names.iter().rev().fold(String::new(), |inner, name| match inner.is_empty() {
            true => name.clone(),
            false => format!("{name} {{ {inner} }}"),
        })
    };
    paths.iter().map(nested).collect::<Vec<_>>().join(" ")
}

/// A path around a value: `{partner: {name: …}}`.
fn around(path: &str, value: &str) -> String {
    path.split('.').rev().fold(value.to_owned(), |inner, name| format!("{{{}: {inner}}}", camel(name)))
}

pub fn graphql(question: &Question) -> String {
    let mut arguments = Vec::new();
    if let Some(filter) = &question.filter {
        arguments.push(format!("where: {}", filter.graphql()));
    }
    if let Some(words) = question.search {
        arguments.push(format!("search: {}", json!(words)));
    }
    let many = plural(question.object);
    let with = |arguments: &[String]| match arguments.is_empty() {
        true => String::new(),
        false => format!("({})", arguments.join(", ")),
    };
    match &question.kind {
        Kind::List { paths, order, page } => {
            let mut keys: Vec<String> =
                order.iter().map(|(path, falls)| around(path, if *falls { "DESC" } else { "ASC" })).collect();
            keys.push("{id: ASC}".into());
            arguments.push(format!("orderBy: [{}]", keys.join(", ")));
            if let Some((limit, offset)) = page {
                arguments.push(format!("first: {limit}, offset: {offset}"));
            }
            format!("{{ {many}{} {{ totalCount nodes {{ {} }} }} }}", with(&arguments), selected(paths))
        }
        Kind::Groups { keys, sums } => {
            let sum = |(function, field): &(&str, &str)| match *function {
                "count" => "count".to_owned(),
                "count_distinct" => format!("countDistinct {{ {} }}", camel(field)),
                other => format!("{other} {{ {} }}", camel(field)),
            };
            let sums = sums.iter().map(sum).collect::<Vec<_>>().join(" ");
            let by = keys.iter().map(|key| around(key, "VALUE")).collect::<Vec<_>>().join(", ");
            match keys.is_empty() {
                true => format!("{{ {many}{} {{ aggregate {{ {sums} }} }} }}", with(&arguments)),
                false => format!(
                    "{{ {many}{} {{ groups(by: [{by}], first: 1000) {{ keys {sums} }} }} }}",
                    with(&arguments)
                ),
            }
        }
        Kind::Expand { relation, fields } => {
            arguments.push("orderBy: [{id: ASC}]".into());
            let inner = match way(question.object, relation).2 {
                true => format!("{relation}(orderBy: [{{id: ASC}}]) {{ nodes {{ {} }} }}", selected(fields)),
                false => format!("{relation} {{ {} }}", selected(fields)),
            };
            format!("{{ {many}{} {{ nodes {{ id {inner} }} }} }}", with(&arguments))
        }
    }
}

/// The names of the joins that paths go through.
const JOINS: [&str; 2] = ["one", "two"];

/// A path as a column of a statement whose table is `t`.
fn column(table: &str, path: &str) -> String {
    let steps: Vec<&str> = path.split('.').collect();
    match steps.len() {
        1 => format!("{table}.{path}"),
        many => format!("{}.{}", JOINS[many - 2], steps[many - 1]),
    }
}

/// The joins that paths go through, where a path asks for them: a join names what it joins by.
fn joins(question: &Question) -> String {
    let mut paths = Vec::new();
    if let Some(filter) = &question.filter {
        filter.paths(&mut paths);
    }
    match &question.kind {
        Kind::List { paths: shown, order, .. } => {
            paths.extend(shown.iter().copied().chain(order.iter().map(|(path, _)| *path)))
        }
        Kind::Groups { keys, .. } => paths.extend(keys),
        Kind::Expand { .. } => {}
    }
    let link = if question.object == "company" { "partner_id" } else { "company_id" };
    let one = format!(" LEFT JOIN company one ON one.id = t.{link}");
    match paths.iter().map(|path| path.matches('.').count()).max() {
        None | Some(0) => String::new(),
        Some(1) => one,
        Some(_) => one + " LEFT JOIN company two ON two.id = one.partner_id",
    }
}

pub fn sql(question: &Question) -> String {
    let object = question.object;
    let table = match question.search {
        Some(words) => format!("search('{object}', '{words}')"),
        None => object.to_owned(),
    };
    let joins = joins(question);
    let filter = question.filter.as_ref().map(|filter| format!(" WHERE {}", filter.sql("t", object)));
    let filter = filter.unwrap_or_default();
    match &question.kind {
        Kind::List { paths, order, page } => {
            let shown: Vec<String> = paths.iter().map(|path| column("t", path)).collect();
            let key = |(path, falls): &(&str, bool)| {
                format!("{} {} NULLS LAST", column("t", path), if *falls { "DESC" } else { "ASC" })
            };
            let keys: Vec<String> = order.iter().map(key).chain(["t.id".to_owned()]).collect();
            let page =
                page.map(|(limit, offset)| format!(" LIMIT {limit} OFFSET {offset}")).unwrap_or_default();
            format!(
                "SELECT {} FROM {table} t{joins}{filter} ORDER BY {}{page}",
                shown.join(", "),
                keys.join(", ")
            )
        }
        Kind::Groups { keys, sums } => {
            let sum = |(function, field): &(&str, &str)| match *function {
                "count" => "count(*)".to_owned(),
                "sum" => format!("coalesce(sum(t.{field}), 0)"),
                "count_distinct" => format!("count(DISTINCT t.{field})"),
                other => format!("{other}(t.{field})"),
            };
            let columns: Vec<String> = keys.iter().map(|key| column("t", key)).collect();
            let shown: Vec<String> = columns.iter().cloned().chain(sums.iter().map(sum)).collect();
            let by =
                if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", columns.join(", ")) };
            format!("SELECT {} FROM {table} t{joins}{filter}{by}", shown.join(", "))
        }
        Kind::Expand { relation, fields } => {
            let (target, link, is_theirs) = way(object, relation);
            let shown: Vec<String> = fields.iter().map(|field| format!("o.{field}")).collect();
            let on = match is_theirs {
                true => format!("JOIN {target} o ON o.{link} = t.id"),
                false => format!("LEFT JOIN {target} o ON o.id = t.{link}"),
            };
            format!(
                "SELECT t.id, {} FROM {table} t{joins} {on}{filter} ORDER BY t.id, o.id",
                shown.join(", ")
            )
        }
    }
}

impl Filter {
    fn objectql(&self) -> Value {
        let all = |parts: &[Filter]| parts.iter().map(Filter::objectql).collect::<Vec<_>>();
        match self {
            Filter::All(parts) => json!({ "$and": all(parts) }),
            Filter::Any(parts) => json!({ "$or": all(parts) }),
            Filter::Not(part) => json!({ "$not": part.objectql() }),
            Filter::Is(path, operator, value) => json!({ *path: { format!("${operator}"): value } }),
            Filter::Some(relation, some, part) => {
                json!({ *relation: { if *some { "$some" } else { "$none" }: part.objectql() } })
            }
        }
    }

    fn graphql(&self) -> String {
        let list = |parts: &[Filter]| parts.iter().map(Filter::graphql).collect::<Vec<_>>().join(", ");
        match self {
            Filter::All(parts) => format!("{{and: [{}]}}", list(parts)),
            Filter::Any(parts) => format!("{{or: [{}]}}", list(parts)),
            Filter::Not(part) => format!("{{not: {}}}", part.graphql()),
            Filter::Some(relation, some, part) => {
                format!("{{{relation}: {{{}: {}}}}}", if *some { "some" } else { "none" }, part.graphql())
            }
            Filter::Is(path, operator, value) => {
                let operator = if *operator == "null" { "isNull" } else { operator };
                let value = match path.ends_with("region") && operator != "isNull" {
                    true => value.to_string().replace('"', ""),
                    false => value.to_string(),
                };
                around(path, &format!("{{{operator}: {value}}}"))
            }
        }
    }

    /// The paths of the record itself that it looks at.
    fn paths(&self, paths: &mut Vec<&'static str>) {
        match self {
            Filter::All(parts) | Filter::Any(parts) => parts.iter().for_each(|part| part.paths(paths)),
            Filter::Not(part) => part.paths(paths),
            Filter::Is(path, ..) => paths.push(path),
            Filter::Some(..) => {}
        }
    }

    fn sql(&self, table: &str, object: &str) -> String {
        let list = |parts: &[Filter], word: &str| {
            parts.iter().map(|part| format!("({})", part.sql(table, object))).collect::<Vec<_>>().join(word)
        };
        match self {
            Filter::All(parts) => list(parts, " AND "),
            Filter::Any(parts) => list(parts, " OR "),
            Filter::Not(part) => format!("NOT coalesce(({}), false)", part.sql(table, object)),
            Filter::Some(relation, some, part) => {
                let (target, link, _) = way(object, relation);
                let mut paths = Vec::new();
                part.paths(&mut paths);
                let far = paths.iter().map(|path| path.matches('.').count()).max().unwrap_or(0);
                let first = if target == "company" { "partner_id" } else { "company_id" };
                let mut from = format!("{target} c");
                if far > 0 {
                    from += &format!(" LEFT JOIN company one ON one.id = c.{first}");
                }
                if far > 1 {
                    from += " LEFT JOIN company two ON two.id = one.partner_id";
                }
                let within = format!(
                    "SELECT c.{link} FROM {from} WHERE c.{link} IS NOT NULL AND ({})",
                    part.sql("c", target)
                );
                format!("{table}.id {} ({within})", if *some { "IN" } else { "NOT IN" })
            }
            Filter::Is(path, operator, value) => {
                let column = column(table, path);
                let written = |value: &Value| match value {
                    Value::String(text) if path.ends_with("worth") => text.clone(),
                    Value::String(text) => format!("'{text}'"),
                    other => other.to_string(),
                };
                match *operator {
                    "null" if *value == true => format!("{column} IS NULL"),
                    "null" => format!("{column} IS NOT NULL"),
                    "eq" => format!("{column} = {}", written(value)),
                    "ne" => format!("{column} IS DISTINCT FROM {}", written(value)),
                    "gt" => format!("{column} > {}", written(value)),
                    "lte" => format!("{column} <= {}", written(value)),
                    "in" => {
                        let all = value.as_array().unwrap().iter().map(written).collect::<Vec<_>>();
                        format!("{column} IN ({})", all.join(", "))
                    }
                    _ => format!("{column} LIKE '{}%'", value.as_str().unwrap()),
                }
            }
        }
    }
}
