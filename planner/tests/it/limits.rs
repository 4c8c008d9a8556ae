//! Every limit is met with its error, and work ends when nobody waits for it.

use std::time::Duration;

use arrow::array::RecordBatch;
use futures::{StreamExt, TryStreamExt};
use quarry_planner::{Error, ErrorKind, PlannerOptions, Query, sql::SqlExtras};
use serde_json::{Value as Json, json};

use crate::fixture::{Kept, Shop, to_json};

fn chain(depth: usize, leaf: Json, wrap: impl Fn(Json) -> Json) -> Json {
    (0..depth).fold(leaf, |inner, _| wrap(inner))
}

#[tokio::test]
async fn depth_is_limited_in_filters_paths_and_expands() {
    let shop = Shop::filled(Kept::Delta);
    let cases = [
        json!({"object": "account", "where": chain(120, json!({"name": "x"}), |inner| json!({"$not": inner}))}),
        json!({"object": "account", "where": chain(40, json!({"name": "x"}), |inner| json!({"$not": inner}))}),
        json!({"object": "account", "where": chain(120, json!("x"), |inner| json!({"parent": inner}))}),
        json!({"object": "account", "fields": [format!("{}name", "parent.".repeat(100))]}),
        json!({"object": "account", "expand": chain(40, json!({}), |inner| json!({"parent": {"expand": inner}}))}),
        json!({"object": "account", "expand": "parent.".repeat(5000) + "parent"}),
    ];
    for question in cases {
        let error = shop.ask(&shop.context(), &question).await.expect_err("too deep");
        let shown: String = question.to_string().chars().take(80).collect();
        assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"), "{shown}: {error:?}");
    }
}

#[tokio::test]
async fn a_long_list_of_alternatives_is_no_depth() {
    let shop = Shop::filled(Kept::Delta);
    let alternatives: Vec<Json> = (0..3000).map(|n| json!({"name": format!("n{n}")})).collect();
    let question = json!({"object": "account", "fields": ["id"], "where": {"$or": alternatives}});
    assert_eq!(shop.ask(&shop.context(), &question).await.unwrap(), json!({"records": []}));
}

#[tokio::test]
async fn an_expand_brings_no_more_records_than_allowed() {
    let shop = Shop::empty(PlannerOptions { expand_rows_max: 10, ..PlannerOptions::default() });
    shop.insert("account", &[json!({"id": "acc_1", "name": "x"})]);
    let contacts = |count: u32| -> Vec<Json> {
        (0..count).map(|n| json!({"id": format!("con_{n:03}"), "name": "y", "account_id": "acc_1"})).collect()
    };
    shop.insert("contact", &contacts(11));
    let all = json!({"object": "account", "expand": {"contacts": {"fields": ["id"]}}});
    let error = shop.ask(&shop.context(), &all).await.expect_err("eleven");
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"));
    let page = json!({"object": "account", "fields": ["id"], "expand": {"contacts": {"fields": ["id"], "offset": 9,
                      "limit": 10, "count": true}}});
    let got = shop.ask(&shop.context(), &page).await.unwrap();
    let expected =
        json!([{"id": "acc_1", "contacts": [{"id": "con_009"}, {"id": "con_010"}], "contacts@count": 11}]);
    assert_eq!(got["records"], expected);
}

#[tokio::test]
async fn all_expands_of_a_question_count_together() {
    let shop =
        Shop::empty(PlannerOptions { expand_rows_max: 10, expands_max: 4, ..PlannerOptions::default() });
    shop.insert("account", &[json!({"id": "acc_1", "name": "x"})]);
    let contacts: Vec<Json> =
        (0..6).map(|n| json!({"id": format!("con_{n}"), "name": "y", "account_id": "acc_1"})).collect();
    shop.insert("contact", &contacts);
    let brings = |names: &[&str]| -> Json {
        let expand = names.iter().map(|name| ((*name).to_owned(), json!({"relation": "contacts"})));
        json!({"object": "account", "expand": Json::Object(expand.collect())})
    };
    assert!(shop.ask(&shop.context(), &brings(&["a"])).await.is_ok());
    let nested =
        json!({"object": "account", "expand": {"contacts": {"expand": {"account": {"expand": "contacts"}}}}});
    let paths = json!({"object": "account", "fields": ["parent.name"], "limit": 1,
                       "expand": {"a": {"relation": "parent", "expand": {"parent": {"expand": {"parent": {"expand": "parent"}}}}}}});
    let cases = [
        (brings(&["a", "b"]), "expand_rows_max"),
        (nested, "expand_rows_max"),
        (brings(&["a", "b", "c", "d", "e"]), "expands_max"),
        (paths, "expands_max"),
    ];
    for (question, limit) in cases {
        let error = shop.ask(&shop.context(), &question).await.expect_err("too many");
        assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"), "{question}");
        assert!(error.message.contains(limit), "{question}: {}", error.message);
    }
}

#[tokio::test]
async fn what_an_expand_keeps_is_taken_from_the_memory_of_all_questions() {
    let shop = Shop::empty(PlannerOptions { memory_bytes: 24 << 20, ..PlannerOptions::default() });
    let accounts: Vec<Json> =
        (0..2_000).map(|n| json!({"id": format!("acc_{n:04}"), "notes": "n".repeat(8 << 10)})).collect();
    let contacts: Vec<Json> = (0..2_000)
        .map(|n| json!({"id": format!("con_{n:04}"), "name": "y", "account_id": format!("acc_{n:04}")}))
        .collect();
    shop.insert("account", &accounts);
    shop.insert("contact", &contacts);
    let mut question =
        json!({"object": "contact", "fields": ["id"], "expand": {"account": {"fields": ["notes"]}}});
    let error = shop.ask(&shop.context(), &question).await.expect_err("32 MiB of 24");
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"));
    assert!(error.message.contains("memory_bytes"), "{}", error.message);
    // What was taken is given back: often enough, a part of it would not fit.
    question["limit"] = json!(500);
    for _ in 0..5 {
        assert!(shop.ask(&shop.context(), &question).await.is_ok());
    }
}

#[tokio::test]
async fn a_question_ends_at_its_deadline() {
    let shop = Shop::filled(Kept::Delta);
    let mut context = shop.context();
    context.timeout = Some(Duration::ZERO);
    let query = Query::parse(&json!({"object": "account"})).unwrap();
    let error = match shop.planner.query(&context, &query).await {
        Err(error) => error,
        Ok(mut answer) => loop {
            match answer.batches.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break Error::from(error),
                None => panic!("the question was answered after its deadline"),
            }
        },
    };
    assert_eq!((error.kind, error.code), (ErrorKind::Cancelled, "TIMEOUT"));
}

#[tokio::test]
async fn an_answer_that_nobody_reads_on_is_given_up() {
    let shop = Shop::empty(PlannerOptions::default());
    let accounts: Vec<Json> =
        (0..60_000).map(|n| json!({"id": format!("acc_{n:06}"), "name": "x"})).collect();
    shop.insert("account", &accounts);
    let context = shop.context();
    let query = Query::parse(&json!({"object": "account"})).unwrap();
    let mut answer = shop.planner.query(&context, &query).await.unwrap();
    assert!(answer.batches.next().await.unwrap().unwrap().num_rows() > 0);
    drop(answer);
    let count = Query::parse(&json!({"object": "account", "limit": 0, "count": true})).unwrap();
    assert_eq!(shop.planner.query(&context, &count).await.unwrap().count, Some(60_000));
}

async fn sql(shop: &Shop, text: &str) -> Result<Json, Error> {
    let session = shop.planner.sql(&shop.context(), &SqlExtras::default());
    let batches: Vec<RecordBatch> = session.ask(text).await?.try_collect().await?;
    Ok(to_json(&batches))
}

#[tokio::test]
async fn a_join_without_an_equality_tries_no_more_pairs_than_allowed_whether_or_not_its_rows_are_known() {
    let shop = Shop::empty(PlannerOptions { join_pairs_max: 10_000, ..PlannerOptions::default() });
    let list = |name: &str, rows: u32| format!("(select unnest(range(0, {rows})) as x) as {name}");
    let series = |name: &str, rows: u32| format!("generate_series(1, {rows}) as {name}(x)");
    let days = |name: &str, until: &str| {
        format!("generate_series(date '2000-01-01', date '{until}', interval '1 day') as {name}(x)")
    };
    let cases = [
        (list("a", 100), list("b", 100), true),
        (list("a", 101), list("b", 100), false),
        (list("a", 10_001), list("b", 1), false),
        (series("a", 100), series("b", 100), true),
        (series("a", 3_000_000_000), series("b", 3_000_000_000), false),
        (series("a", 200), list("b", 100), false),
        (days("a", "2000-03-31"), days("b", "2000-03-31"), true),
        (days("a", "2000-06-30"), days("b", "2000-06-30"), false),
    ];
    for (left, right, fits) in cases {
        for condition in ["cross join", "join", "left join", "full join"] {
            // No pair matches, so that nothing comes out that could make room for others.
            let on = if condition == "cross join" { "" } else { "on a.x < b.x and b.x < a.x" };
            let question = format!("select count(*) as n from {left} {condition} {right} {on}");
            match (sql(&shop, &question).await, fits) {
                (Ok(_), true) => {}
                (Err(error), false) => {
                    assert_eq!(
                        (error.kind, error.code),
                        (ErrorKind::Limited, "LIMIT_EXCEEDED"),
                        "{question}"
                    );
                }
                (got, _) => panic!("{question}: {got:?}"),
            }
        }
    }
    let triples =
        format!("select count(*) as n from {}, {}, {}", list("a", 20), list("b", 20), list("c", 20));
    assert_eq!(sql(&shop, &triples).await.unwrap(), json!([{"n": 8_000}]));
}
