//! Which names are taken for which.

use std::path::PathBuf;

use quarry_engine::{Query, Views};
use quarry_metadata::Registry;
use serde_json::{Value, json};

use super::Names;

fn shop() -> Views {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folders = [here.join("../../packages/core"), here.join("../../engine/fixtures/shop")];
    Views::new(Registry::load(&folders).unwrap_or_else(|issues| panic!("{issues}")).into())
}

fn named(question: Value) -> Query {
    let views = shop();
    let mut query = Query::parse(&question).unwrap_or_else(|error| panic!("{question}: {error}"));
    Names::of(&views).question(&mut query).unwrap_or_else(|problem| panic!("{question}: {problem:?}"));
    query
}

#[test]
fn all_of_a_question_is_in_our_names() {
    let asked = json!({
        "object": "Product", "fields": ["Name", "Maker.Name", "SeenAt"],
        "where": { "$and": [{ "MakerId": "a" }, { "Maker": { "ParentId": { "$ne": null } } }, { "$not": { "STOCK": { "$gt": { "$field": "Weight" } } } }] },
        "orderBy": ["-SeenAt", "name"], "search": { "query": "x", "fields": ["About"] },
        "expand": { "Maker": { "fields": ["ParentId"] } },
    });
    let ours = json!({
        "object": "product", "fields": ["name", "maker.name", "seen_at"],
        "where": { "$and": [{ "maker_id": "a" }, { "maker": { "parent_id": { "$ne": null } } }, { "$not": { "stock": { "$gt": { "$field": "weight" } } } }] },
        "orderBy": ["-seen_at", "name"], "search": { "query": "x", "fields": ["about"] },
        "expand": { "maker": { "fields": ["parent_id"] } },
    });
    let mut ours = Query::parse(&ours).unwrap_or_else(|error| panic!("{error}"));
    let mut asked = named(asked);
    // Places are those of what the client wrote.
    for query in [&mut ours, &mut asked] {
        query.filter.iter_mut().for_each(forget_places);
    }
    assert_eq!(asked, ours);
}

fn forget_places(filter: &mut quarry_engine::objectql::Filter) {
    use quarry_engine::objectql::Filter;
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter_mut().for_each(forget_places),
        Filter::Not(part) => forget_places(part),
        Filter::Compare { at, .. } | Filter::Related { at, .. } => at.clear(),
    }
}

#[test]
fn names_of_the_question_itself_and_unknown_ones_stay() {
    let query = named(json!({
        "object": "PRODUCT", "groupBy": ["Size"],
        "aggregations": [{ "function": "sum", "field": "Stock", "as": "Price" }], "orderBy": ["-Price", "Nothing"],
        "having": { "Price": { "$gt": 1 } },
    }));
    assert_eq!((query.object.as_str(), query.group_by[0].path.as_str()), ("product", "size"));
    assert_eq!(query.aggregations[0].path.as_deref(), Some("stock"));
    let order: Vec<&str> = query.order_by.iter().map(|key| key.path.as_str()).collect();
    assert_eq!(order, ["Price", "Nothing"]);
}

#[test]
fn the_fields_of_a_record_are_named_once() {
    let views = shop();
    let names = Names::of(&views);
    let view = names.object("Product").unwrap_or_else(|problem| panic!("{problem:?}"));
    let object = |json: Value| json.as_object().cloned().unwrap_or_default();
    let data = names.data(view, object(json!({ "Name": "Lamp", "MakerId": "a", "nonsense": 1 })));
    let data = data.unwrap_or_else(|problem| panic!("{problem:?}"));
    assert_eq!(Value::Object(data), json!({ "name": "Lamp", "maker_id": "a", "nonsense": 1 }));
    let twice = names.data(view, object(json!({ "Name": "Lamp", "name": "Desk" })));
    assert_eq!(twice.map_err(|problem| problem.code), Err("INVALID_REQUEST"));
    assert_eq!(names.object("Prodcut").map(|_| ()).map_err(|problem| problem.status.as_u16()), Err(404));
}
