//! Formulas that an index finds: kept in a column, and in step with what they are computed of.

use std::collections::BTreeMap;

use futures::StreamExt;
use quarry_metadata::Bundle;

use super::*;
use crate::Query;

const ITEM: &str = "
fields:
  name: { type: text }
  price: { type: currency }
  pieces: { type: number, scale: 0 }
";

fn bring(shop: &Shop, version: &str, more: &str) {
    let package = format!("name: store\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let files = BTreeMap::from([
        ("package.yml".to_owned(), package),
        ("item.object.yml".to_owned(), format!("{ITEM}{more}")),
    ]);
    let bundle = Bundle::of_files("store", &files).unwrap_or_else(|issues| panic!("{issues}"));
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
}

/// How many records a question finds.
async fn found(shop: &Shop, filter: Json) -> usize {
    let query = Query::parse(&json!({ "object": "item", "where": filter, "orderBy": ["-worth"] })).unwrap();
    let mut batches = shop.session.query(&query).await.unwrap().batches;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        rows += batch.unwrap().num_rows();
    }
    rows
}

const PLAIN: &str = "  worth: { type: formula, returnType: currency, expression: price * pieces }\n";
const KEPT: &str =
    "  worth: { type: formula, returnType: currency, index: true, expression: price * pieces }\n";
const OTHER: &str =
    "  worth: { type: formula, returnType: currency, index: true, expression: price * (pieces + 1) }\n";

#[tokio::test]
async fn it_is_in_step_with_what_it_is_computed_of() {
    let shop = Shop::open();
    bring(&shop, "1.0.0", KEPT);
    let worth = |id: &str| shop.field("item", id, "worth").unwrap();
    let item = shop.create("item", json!({ "name": "Lamp", "price": "2.50", "pieces": 4 })).await.unwrap();
    let none = shop.create("item", json!({ "name": "None", "pieces": 4 })).await.unwrap();
    assert_eq!((worth(&item), worth(&none)), (Value::Decimal(1_000), Value::Null));
    assert!(shop.engine.store().snapshot().table("item").unwrap().has_index("worth"));
    shop.change(vec![update("item", &item, json!({ "pieces": 5 }))]).await.unwrap();
    assert_eq!(worth(&item), Value::Decimal(1_250));
    for (filter, count) in [
        (json!({ "worth": "12.50" }), 1),
        (json!({ "worth": { "$gt": 12, "$lt": 13 } }), 1),
        (json!({ "worth": { "$lt": 12 } }), 0),
        (json!({ "worth": null }), 1),
        (json!({}), 2),
    ] {
        assert_eq!(found(&shop, filter.clone()).await, count, "{filter}");
    }
    let mut transaction = shop.session.begin();
    transaction.apply(vec![update("item", &item, json!({ "price": 1 }))]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(found(&shop, json!({ "worth": 5 })).await, 1);
    let written = shop.change(vec![update("item", &item, json!({ "worth": 1 }))]).await.unwrap_err();
    assert_eq!(told(&written), ["0 item.worth readonly"]);
}

#[tokio::test]
async fn it_is_computed_for_records_that_are_there_when_its_index_comes_or_its_formula_is_another() {
    let shop = Shop::open();
    bring(&shop, "1.0.0", PLAIN);
    let item = shop.create("item", json!({ "name": "Lamp", "price": "2.50", "pieces": 4 })).await.unwrap();
    assert_eq!(found(&shop, json!({ "worth": 10 })).await, 1);
    let worth = || shop.field("item", &item, "worth").unwrap();
    bring(&shop, "1.1.0", KEPT);
    assert_eq!((worth(), found(&shop, json!({ "worth": 10 })).await), (Value::Decimal(1_000), 1));
    bring(&shop, "1.2.0", OTHER);
    assert_eq!(worth(), Value::Decimal(1_250));
    shop.session.rollback("store").unwrap();
    assert_eq!(worth(), Value::Decimal(1_000));
    shop.session.activate(&["store@1.0.0".to_owned()]).unwrap();
    shop.change(vec![update("item", &item, json!({ "pieces": 10 }))]).await.unwrap();
    assert_eq!(found(&shop, json!({ "worth": 25 })).await, 1, "computed when it is read");
    shop.session.activate(&["store@1.2.0".to_owned()]).unwrap();
    assert_eq!((worth(), found(&shop, json!({ "worth": "27.50" })).await), (Value::Decimal(2_750), 1));
}
