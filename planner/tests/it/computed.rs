//! Formula fields: read, filtered, sorted and grouped like stored ones, in ObjectQL and in SQL.

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use quarry_planner::{PlannerOptions, sql::SqlExtras};
use serde_json::{Value as Json, json};

use crate::fixture::{Shop, to_json};

fn shop() -> Shop {
    let shop = Shop::of("computed", PlannerOptions::default());
    shop.insert(
        "account",
        &[
            json!({"id": "acc_1", "name": "Acme", "discount": "10.0000"}),
            json!({"id": "acc_2", "name": "Bolt"}),
        ],
    );
    shop.insert(
        "deal",
        &[
            json!({"id": "dea_1", "name": "One", "account_id": "acc_1", "quantity": 10, "price": "12.50", "closes": "2020-01-01"}),
            json!({"id": "dea_2", "name": "Two", "account_id": "acc_2", "quantity": 3, "price": "9.99", "closes": "2030-01-01"}),
            json!({"id": "dea_3", "name": "Three", "quantity": 0, "price": "5.00"}),
            json!({"id": "dea_4", "name": "Four", "account_id": "acc_1"}),
        ],
    );
    shop.store.fold().unwrap();
    shop.insert(
        "deal",
        &[json!({"id": "dea_5", "name": "Five", "account_id": "acc_2", "quantity": 100, "price": "2.00"})],
    );
    shop
}

async fn ask(shop: &Shop, question: Json) -> Json {
    let answer = shop.ask(&shop.context(), &question).await;
    plain(answer.unwrap_or_else(|error| panic!("{question}: {error:?}"))["records"].clone())
}

/// Numbers with all the digits that they are told with.
fn plain(answer: Json) -> Json {
    match answer {
        Json::Number(number) => Json::String(number.to_string()),
        Json::Array(items) => items.into_iter().map(plain).collect(),
        Json::Object(members) => members.into_iter().map(|(name, value)| (name, plain(value))).collect(),
        other => other,
    }
}

async fn sql(shop: &Shop, text: &str) -> Json {
    let session = shop.planner.sql(&shop.context(), &SqlExtras::default());
    let batches = session.ask(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    plain(to_json(&batches))
}

#[tokio::test]
async fn formulas_are_read_with_what_they_stand_on() {
    let shop = shop();
    let fields = json!(["id", "amount", "net", "size", "customer", "late", "share"]);
    let got = ask(&shop, json!({"object": "deal", "fields": fields, "orderBy": "id"})).await;
    let expected = json!([
        {"id": "dea_1", "amount": "125.00", "net": "112.50", "size": "large", "customer": "ACME!", "late": true, "share": "1.25"},
        {"id": "dea_2", "amount": "29.97", "net": "29.97", "size": "small", "customer": "BOLT!", "late": false, "share": "3.33"},
        {"id": "dea_3", "amount": "0.00", "net": "0.00", "size": "small", "customer": null, "late": null, "share": null},
        {"id": "dea_4", "amount": null, "net": null, "size": null, "customer": "ACME!", "late": null, "share": null},
        {"id": "dea_5", "amount": "200.00", "net": "200.00", "size": "large", "customer": "BOLT!", "late": null, "share": "0.02"},
    ]);
    assert_eq!(got, expected);
    let names = "id, amount, net, size, customer, late, share";
    assert_eq!(sql(&shop, &format!("select {names} from deal order by id")).await, expected);
    let all = ask(&shop, json!({"object": "deal", "where": {"id": "dea_1"}})).await;
    assert_eq!(
        (&all[0]["net"], &all[0]["customer"]),
        (&json!("112.50"), &json!("ACME!")),
        "among all fields"
    );
    assert_eq!(sql(&shop, "select * from deal where id = 'dea_1'").await[0]["net"], json!("112.50"));
}

#[tokio::test]
async fn formulas_are_filtered_sorted_and_grouped_by() {
    let shop = shop();
    let cases = [
        (
            json!({"object": "deal", "fields": ["id"], "where": {"net": {"$gt": 29.97}}, "orderBy": "-net"}),
            json!(["dea_5", "dea_1"]),
        ),
        (
            json!({"object": "deal", "fields": ["id"], "where": {"customer": "ACME!"}, "orderBy": "id"}),
            json!(["dea_1", "dea_4"]),
        ),
        (
            json!({"object": "deal", "fields": ["id"], "where": {"account.title": "BOLT"}, "orderBy": "id"}),
            json!(["dea_2", "dea_5"]),
        ),
        (
            json!({"object": "deal", "fields": ["id"], "where": {"late": {"$null": true}}, "orderBy": "id"}),
            json!(["dea_3", "dea_4", "dea_5"]),
        ),
        (
            json!({"object": "deal", "fields": ["id"], "orderBy": ["size", "-amount"], "limit": 2}),
            json!(["dea_5", "dea_1"]),
        ),
    ];
    for (question, expected) in cases {
        let got = ask(&shop, question.clone()).await;
        let ids: Vec<&Json> = got.as_array().unwrap().iter().map(|record| &record["id"]).collect();
        assert_eq!(json!(ids), expected, "{question}");
    }
    let question = json!({"object": "deal", "groupBy": ["size"], "aggregations": [{"function": "sum", "field": "net", "as": "net"}], "orderBy": "size"});
    let expected = json!([{"size": "large", "net": "312.50"}, {"size": "small", "net": "29.97"}, {"size": null, "net": "0.00"}]);
    assert_eq!(ask(&shop, question).await, expected);
}

#[tokio::test]
async fn sql_asks_formulas_as_any_column() {
    let shop = shop();
    let cases = [
        (
            "select id from deal where net > 29.97 order by net desc",
            json!([{"id": "dea_5"}, {"id": "dea_1"}]),
        ),
        (
            "select size, sum(net) as net from deal group by size having sum(net) > 100",
            json!([{"size": "large", "net": "312.50"}]),
        ),
        (
            "select d.id from deal d join account a on a.id = d.account_id where d.customer = a.title || '!' and d.quantity > 10",
            json!([{"id": "dea_5"}]),
        ),
        ("select count(*) as n from deal where late", json!([{"n": "1"}])),
        ("select count(*) as n from deal", json!([{"n": "5"}])),
        ("select max(net) as most from deal where id <> 'dea_5'", json!([{"most": "112.50"}])),
        (
            "select id, net from deal order by net desc nulls last limit 1",
            json!([{"id": "dea_5", "net": "200.00"}]),
        ),
        ("select id from search('deal', 'two') where net < 30", json!([{"id": "dea_2"}])),
        (
            "with large as (select * from deal where size = 'large') select count(*) as n from large where account_id = 'acc_1'",
            json!([{"n": "1"}]),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(sql(&shop, text).await, expected, "{text}");
    }
}
