//! Reading questions: every spelling of a thing gives the same tree.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod coverage;

use serde_json::{Value, json};

use super::operators::{ARRAY_FORM, Meaning, OBJECT_FORM};
use crate::objectql::{Filter, Operand, Operator, Query};

/// Places in the question differ between spellings; all else must be the same.
fn without_places(filter: Filter) -> Filter {
    match filter {
        Filter::And(all) => Filter::And(all.into_iter().map(without_places).collect()),
        Filter::Or(any) => Filter::Or(any.into_iter().map(without_places).collect()),
        Filter::Not(inner) => Filter::Not(Box::new(without_places(*inner))),
        Filter::Compare { path, operator, operand, .. } => {
            Filter::Compare { path, operator, operand, at: String::new() }
        }
        Filter::Related { path, quantifier, filter, .. } => {
            let filter = Box::new(without_places(*filter));
            Filter::Related { path, quantifier, filter, at: String::new() }
        }
    }
}

fn parsed(question: &Value) -> Query {
    let mut query = Query::parse(question).unwrap_or_else(|error| panic!("{question}: {error}"));
    query.filter = query.filter.map(without_places);
    query
}

#[test]
fn spellings_of_a_question_are_one_question() {
    let canonical = parsed(&json!({
        "object": "deal", "fields": ["id", "name"], "where": {"stage": "won"}, "orderBy": ["-amount"], "limit": 5,
        "offset": 10, "expand": {"owner": {}}, "count": true, "search": {"query": "x", "fields": ["name"]}
    }));
    let others = [
        json!({"object": "deal", "select": "id,name", "filters": [["stage", "=", "won"]], "sort": "amount desc", "top": 5,
               "skip": 10, "expand": ["owner"], "$count": true, "search": "x", "searchFields": "name"}),
        json!({"object": "deal", "$select": ["id", "name"], "$filter": "{\"stage\":\"won\"}", "$orderby": [["amount", "desc"]],
               "$top": 5, "$skip": 10, "$expand": "owner", "$count": true, "$search": "x", "$searchFields": ["name"]}),
        json!({"object": "deal", "fields": ["id", {"field": "name"}], "filter": ["stage", "==", "won"],
               "where": null, "orderBy": {"amount": -1}, "limit": 5, "top": 5, "offset": 10, "populate": {"owner": true},
               "count": true, "search": {"text": "x", "fields": ["name"]}}),
    ];
    for other in others {
        assert_eq!(parsed(&other), canonical, "{other}");
    }
}

#[test]
fn spellings_of_an_aggregation_are_one_aggregation() {
    let canonical = parsed(
        &json!({"object": "deal", "groupBy": [{"field": "closes", "granularity": "month", "as": "m"}],
        "aggregations": [{"function": "sum", "field": "amount", "as": "total"}]}),
    );
    let others = [
        json!({"object": "deal", "groupBy": {"field": "closes", "dateGranularity": "month", "alias": "m"},
               "aggregate": {"func": "sum", "field": "amount", "alias": "total"}}),
        json!({"object": "deal", "group_by": [{"field": "closes", "interval": "MONTH", "as": "m"}],
               "aggregate": [{"method": "SUM", "field": "amount", "as": "total"}]}),
    ];
    for other in others {
        assert_eq!(parsed(&other), canonical, "{other}");
    }
}

#[test]
fn every_operator_of_every_dialect_is_read_or_refused_by_name() {
    for (name, meaning) in OBJECT_FORM {
        let operand = if matches!(meaning, Meaning::Relates(_)) { json!({}) } else { json!(true) };
        let filter = json!({"f": {*name: operand}});
        if let Err(error) = Filter::parse(&filter) {
            assert!(error.message.contains(&format!("{name:?}")), "{name}: {error}");
        }
    }
    for (name, _) in ARRAY_FORM {
        for spelling in
            [(*name).to_owned(), name.to_uppercase(), name.replace('_', ""), name.replace('_', " ")]
        {
            if let Err(error) = Filter::parse(&json!(["f", spelling, true])) {
                assert!(!error.message.contains("unknown operator"), "{spelling}: {error}");
            }
        }
    }
}

#[test]
fn a_place_leads_to_the_mistake() {
    let cases = [
        (json!({"object": "a", "where": {"$or": [{"x": 1}, {"y": {"$foo": 1}}]}}), "where.$or[1].y.$foo"),
        (json!({"object": "a", "where": [["x", "=", 1], ["y", "foo", 1]]}), "where[1]"),
        (json!({"object": "a", "expand": {"b": {"expand": {"c": {"limt": 1}}}}}), "expand.b.expand.c.limt"),
        (
            json!({"object": "a", "aggregations": [{"function": "sum", "field": "x", "filtr": {}}]}),
            "aggregations[0].filtr",
        ),
    ];
    for (question, place) in cases {
        let error = Query::parse(&question).expect_err("a mistake");
        assert_eq!(error.path, place, "{error}");
    }
}

#[test]
fn a_comparison_keeps_its_place_and_its_exact_number() {
    let question =
        serde_json::from_str(r#"{"object": "a", "where": {"x": {"$gt": 12345678901234567890.123}}}"#)
            .unwrap();
    let query = Query::parse(&question).unwrap();
    let Some(Filter::Compare { path, operator, operand: Operand::Value(value), at }) = query.filter else {
        panic!("one comparison");
    };
    assert_eq!((path.as_str(), operator, at.as_str()), ("x", Operator::Gt, "where.x.$gt"));
    assert_eq!(value.to_string(), "12345678901234567890.123");
}

#[test]
fn changing_connectors_nest_and_are_bounded() {
    let chain = |pairs: usize| {
        let mut items = vec![json!(["x", "=", 1])];
        for _ in 0..pairs {
            items.extend([json!("and"), json!(["x", "=", 1]), json!("or"), json!(["x", "=", 1])]);
        }
        Query::parse(&json!({"object": "a", "where": items}))
    };
    assert!(chain(20).is_ok());
    assert_eq!(chain(100_000).expect_err("too deep").code, "LIMIT_EXCEEDED");
}
