//! Questions of ObjectQL. (GraphQL compiles to these.)

use serde_json::{Value as Json, json};

use super::{ANSWERED, Case, LIMIT, TIMEOUT, object};

/// As deep as a door's parser lets through, about: it takes 128 levels.
fn nested(depth: usize, leaf: Json, wrap: impl Fn(Json) -> Json) -> Json {
    (0..depth).fold(leaf, |inner, _| wrap(inner))
}

fn filtered(filter: Json) -> Json {
    json!({"object": "account", "fields": ["id"], "where": filter, "limit": 5})
}

fn grouped(aggregation: Json) -> Json {
    json!({"object": "account", "aggregations": [aggregation]})
}

pub fn filters() -> Vec<Case> {
    let alternatives =
        |count: usize| -> Vec<Json> { (0..count).map(|n| json!({"name": format!("n{n}")})).collect() };
    let ids = |count: usize| -> Vec<String> { (0..count).map(|n| format!("acc_{n:09}")).collect() };
    let texts = |count: usize| -> Vec<String> { (0..count).map(|n| format!("text {n}")).collect() };
    let like = |count: usize| format!("{}z", "%a".repeat(count));
    let words: Vec<Json> = (0..5_000)
        .flat_map(|n| [json!(["name", "=", format!("x{n}")]), json!("or")])
        .chain([json!(["name", "=", "y"])])
        .collect();
    vec![
        object("a deep $not", filtered(nested(120, json!({"name": "x"}), |f| json!({"$not": f}))), &[LIMIT]),
        object(
            "a deep mix of $or and $and",
            filtered(nested(40, json!({"name": "x"}), |f| json!({"$or": [{"$and": [f, {"name": "y"}]}]}))),
            &[LIMIT],
        ),
        object(
            "a deep $some",
            filtered(nested(40, json!({"name": "x"}), |f| json!({"contacts": {"$some": {"account": f}}}))),
            &[LIMIT],
        ),
        object(
            "many $some",
            filtered(json!({"$and": vec![json!({"contacts": {"$some": {"name": "y"}}}); 2_000]})),
            &[LIMIT],
        ),
        object("a wide $or", filtered(json!({"$or": alternatives(5_000)})), &[ANSWERED, TIMEOUT]),
        object("a wide $nor", filtered(json!({"$nor": alternatives(5_000)})), &[ANSWERED, TIMEOUT]),
        object("a huge list of ids", filtered(json!({"id": {"$in": ids(50_000)}})), &[ANSWERED, TIMEOUT]),
        object("a huge list of others", filtered(json!({"id": {"$nin": ids(50_000)}})), &[ANSWERED, TIMEOUT]),
        object(
            "a huge list of texts",
            filtered(json!({"notes": {"$in": texts(50_000)}})),
            &[ANSWERED, TIMEOUT],
        ),
        object("a long pattern", filtered(json!({"notes": {"$like": like(40)}})), &[ANSWERED]),
        object(
            "a very long pattern",
            filtered(json!({"notes": {"$like": like(50_000)}})),
            &[ANSWERED, LIMIT, "EXPRESSION_FAILED"],
        ),
        object("a long needle", filtered(json!({"notes": {"$icontains": "a".repeat(1 << 20)}})), &[ANSWERED]),
        object("a long path", filtered(json!({"parent.".repeat(10_000) + "name": "x"})), &[LIMIT]),
        object(
            "a long chain of words",
            json!({"object": "account", "where": words, "limit": 1}),
            &[ANSWERED, TIMEOUT],
        ),
        object(
            "many words to search for",
            json!({"object": "account", "search": "data ".repeat(20_000), "limit": 5}),
            &[ANSWERED, LIMIT, "INVALID_QUERY"],
        ),
    ]
}

pub fn pages() -> Vec<Case> {
    let keys: Vec<Json> = (0..2_000).map(|_| json!("name")).collect();
    let fields: Vec<Json> = (0..5_000).map(|n| json!({"field": "name", "as": format!("f{n}")})).collect();
    let paths: Vec<String> = (0..31).map(|n| "parent.".repeat(n) + "name").collect();
    vec![
        object(
            "a limit of a thousand millions",
            json!({"object": "contact", "fields": ["id"], "orderBy": ["name"], "limit": 1_000_000_000}),
            &[ANSWERED],
        ),
        object(
            "the largest limit and offset",
            json!({"object": "contact", "fields": ["id"], "orderBy": ["name"], "limit": u64::MAX, "offset": u64::MAX}),
            &[ANSWERED],
        ),
        object(
            "a far offset of groups",
            json!({"object": "account", "groupBy": ["name"], "limit": 10, "offset": 1_000_000_000_000_u64}),
            &[ANSWERED],
        ),
        object(
            "a long cursor",
            json!({"object": "account", "limit": 1, "after": "A".repeat(4 << 20)}),
            &["INVALID_CURSOR"],
        ),
        object(
            "a cursor of a thousand keys",
            json!({"object": "account", "orderBy": ["name"], "limit": 1, "after": "eyJvcmRlciI6WyJuYW1lIl0sInZhbHVlcyI6W119"}),
            &["INVALID_CURSOR"],
        ),
        object(
            "an order of many keys",
            json!({"object": "account", "fields": ["id"], "orderBy": keys, "limit": 5}),
            &[ANSWERED, LIMIT, "INVALID_SORT", TIMEOUT],
        ),
        object(
            "many columns",
            json!({"object": "account", "fields": fields, "limit": 5}),
            &[ANSWERED, LIMIT, TIMEOUT],
        ),
        object(
            "many joins",
            json!({"object": "account", "fields": paths, "orderBy": ["parent.name"]}),
            &[ANSWERED, LIMIT, TIMEOUT],
        ),
        object(
            "an expand that comes back to where it began",
            json!({"object": "contact", "expand": nested(12, json!({}), |e| json!({"account": {"expand": {"contacts": {"expand": e}}}}))}),
            &[LIMIT],
        ),
        object(
            "an expand that multiplies",
            json!({"object": "contact", "fields": ["id"], "expand": {"account": {"fields": ["id"], "expand": {"contacts": {"fields": ["id"], "expand": {"account": {"fields": ["id"], "expand": {"contacts": {"fields": ["id"]}}}}}}}}}),
            &[ANSWERED, LIMIT],
        ),
        object(
            "many expands",
            json!({"object": "account", "expand": (0..500).map(|n| (format!("e{n}"), json!({"relation": "contacts"}))).collect::<serde_json::Map<_, _>>()}),
            &[LIMIT],
        ),
    ]
}

pub fn groups() -> Vec<Case> {
    let values: Vec<String> = (0..2_000).map(|n| format!("name {n}")).collect();
    let many: Vec<Json> = (0..1_000)
        .map(|n| json!({"function": "median", "field": "revenue", "as": format!("m{n}")}))
        .collect();
    let windows = |count: usize| -> Vec<Json> {
        (0..count).map(|n| json!({"function": "sum", "field": "revenue", "orderBy": ["name"], "partitionBy": ["industry"], "as": format!("w{n}")})).collect()
    };
    let sum = |depth: usize| format!("{}revenue", "revenue + ".repeat(depth));
    let brackets = |depth: usize| format!("{}revenue{}", "(".repeat(depth), ")".repeat(depth));
    let choices = |depth: usize| format!("{}1.0", "revenue > 1.0 ? 2.0 : ".repeat(depth));
    let formula =
        |text: String| json!({"object": "account", "fields": [{"as": "f", "formula": text}], "limit": 5});
    vec![
        object(
            "huge group keys",
            json!({"object": "account", "groupBy": ["notes", "name"], "aggregations": [{"function": "count"}], "limit": 5}),
            &[ANSWERED, TIMEOUT],
        ),
        object(
            "many aggregates",
            json!({"object": "account", "groupBy": ["name"], "aggregations": many, "limit": 5}),
            &[ANSWERED, LIMIT, TIMEOUT],
        ),
        object(
            "all values as one list",
            grouped(json!({"function": "array_agg", "field": "notes"})),
            &[ANSWERED, LIMIT],
        ),
        object(
            "all values as one text",
            grouped(json!({"function": "string_agg", "field": "notes"})),
            &[ANSWERED, LIMIT],
        ),
        object(
            "all values as one text, far apart",
            grouped(json!({"function": "string_agg", "field": "name", "separator": "-".repeat(1 << 20)})),
            &[ANSWERED, LIMIT],
        ),
        object(
            "a percentile of all",
            grouped(json!({"function": "percentile", "field": "revenue", "p": 0.99})),
            &[ANSWERED],
        ),
        object(
            "a pivot of too many values",
            json!({"object": "account", "aggregations": [{"function": "count"}], "pivot": {"on": "name", "values": values}}),
            &["INVALID_QUERY", LIMIT],
        ),
        object(
            "windows over everything",
            json!({"object": "account", "fields": ["id"], "windows": windows(60), "limit": 5}),
            &[ANSWERED, TIMEOUT],
        ),
        object(
            "too many windows",
            json!({"object": "account", "fields": ["id"], "windows": windows(5_000), "limit": 5}),
            &[LIMIT],
        ),
        object(
            "totals of many keys",
            json!({"object": "account", "groupBy": ["id", "name", "notes", "revenue", "industry", "code"], "rollup": true, "limit": 5}),
            &[ANSWERED, TIMEOUT],
        ),
        object("an enormous formula", formula(sum(20_000)), &["INVALID_FORMULA", LIMIT]),
        object("a formula of brackets", formula(brackets(20_000)), &["INVALID_FORMULA", LIMIT]),
        object("a formula of choices", formula(choices(20_000)), &["INVALID_FORMULA", LIMIT]),
    ]
}
