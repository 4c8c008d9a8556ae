//! Summaries over a real store: every way in which what is summed up can change, and against sums made from scratch.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod activation;
mod random;
mod together;

use std::collections::BTreeMap;

use futures::StreamExt;
use quarry_metadata::Bundle;
use serde_json::json;

use crate::{
    ErrorKind, Operation, Value, objectql,
    tests::{Shop, change, create, delete, record, told, update, upsert},
};

const CUSTOMER: &str = "
fields:
  name: { type: text, required: true }
  bill_count: { type: summary, summaryOperations: { relation: bills, function: count } }
  billed: { type: summary, summaryOperations: { relation: bills, function: sum, field: total } }
  earliest: { type: summary, summaryOperations: { relation: bills, function: min, field: first_due } }
  first_tag: { type: summary, summaryOperations: { relation: bills, function: min, field: first_tag } }
";
const BILL: &str = "
fields:
  name: { type: text, required: true }
  customer_id: { type: lookup, reference: customer }
  limit: { type: currency }
  lines_count: { type: summary, index: true, summaryOperations: { relation: lines, function: count } }
  total: { type: summary, summaryOperations: { relation: lines, function: sum, field: net } }
  open: { type: summary, summaryOperations: { relation: lines, function: sum, field: amount, filter: 'status == \"open\" && amount > 1' } }
  first_due: { type: summary, summaryOperations: { relation: lines, function: min, field: due } }
  top: { type: summary, summaryOperations: { relation: lines, function: max, field: amount } }
  first_tag: { type: summary, index: true, summaryOperations: { relation: lines, function: min, field: tag } }
  last_tag: { type: summary, summaryOperations: { relation: lines, function: max, field: lower_tag, filter: 'status == null || status != \"closed\"' } }
  pieces: { type: summary, summaryOperations: { relation: lines, function: sum, field: quantity } }
  mean: { type: summary, scale: 2, summaryOperations: { relation: lines, function: avg, field: quantity } }
  weight: { type: summary, summaryOperations: { relation: lines, function: sum, field: weight } }
  large: { type: formula, expression: total > 1000 }
  seen: { type: currency, readonly: true }
";
const LINE: &str = "
fields:
  code: { type: text, unique: true }
  bill_id: { type: lookup, reference: bill, reverseName: lines, deleteBehavior: cascade }
  other_id: { type: lookup, reference: bill, reverseName: others }
  amount: { type: currency }
  quantity: { type: number, scale: 0 }
  weight: { type: number, dataType: float }
  status: { type: select, options: [open, closed] }
  due: { type: date }
  note: { type: text }
  tag: { type: text }
  lower_tag: { type: formula, returnType: text, expression: 'lower(tag)' }
  net: { type: formula, returnType: currency, expression: 'amount * coalesce(quantity, 1)' }
";
const RULES: &str = "
rules:
  - { name: within, kind: cross_field, condition: limit == null || total <= limit, fields: [total], message: '{total} is more than {limit}' }
";
const TRIGGERS: &str = "
triggers:
  - { name: see, on: [before update], when: changed(\"total\"), steps: [{ set: { seen: total } }] }
";

fn till(version: &str, files: &[(&str, &str)]) -> Bundle {
    let package = format!("name: till\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let mut all = BTreeMap::from([("package.yml".to_owned(), package)]);
    all.extend(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    Bundle::of_files("till", &all).unwrap_or_else(|issues| panic!("{issues}"))
}

fn install(shop: &Shop, bundle: Bundle) {
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
}

fn open() -> Shop {
    let shop = Shop::open();
    let files = [
        ("customer.object.yml", CUSTOMER),
        ("bill.object.yml", BILL),
        ("line.object.yml", LINE),
        ("bill.validation.yml", RULES),
        ("bill.trigger.yml", TRIGGERS),
    ];
    install(&shop, till("1.0.0", &files));
    shop
}

impl Shop {
    /// A summary of a bill; decimals in hundredths.
    fn of(&self, bill: &str, field: &str) -> Value {
        self.field("bill", bill, field).unwrap()
    }

    async fn bill(&self, name: &str) -> String {
        self.create("bill", json!({ "name": name })).await.unwrap()
    }

    async fn line(&self, bill: &str, amount: &str) -> String {
        self.create("line", json!({ "bill_id": bill, "amount": amount })).await.unwrap()
    }
}

#[tokio::test]
async fn a_new_record_begins_with_nothing() {
    let shop = open();
    let bill = shop.bill("Empty").await;
    for (field, expected) in [
        ("lines_count", Value::Int(0)),
        ("total", Value::Decimal(0)),
        ("pieces", Value::Int(0)),
        ("weight", Value::Float(0.0)),
        ("first_due", Value::Null),
        ("top", Value::Null),
        ("mean", Value::Null),
    ] {
        assert_eq!(shop.of(&bill, field), expected, "{field}");
    }
    let written = shop.create("bill", json!({ "name": "Given", "total": 5 })).await.unwrap_err();
    assert_eq!(told(&written), ["0 bill.total readonly"]);
}

#[tokio::test]
async fn it_follows_every_change_of_what_it_is_made_of() {
    let shop = open();
    let (one, two) = (shop.bill("One").await, shop.bill("Two").await);
    let line = json!({ "bill_id": one, "amount": "2.50", "quantity": 4, "weight": 0.5, "status": "open", "due": "2026-05-01" });
    let line = shop.create("line", line).await.unwrap();
    shop.line(&one, "10.00").await;
    assert_eq!(shop.of(&one, "lines_count"), Value::Int(2));
    assert_eq!(shop.of(&one, "total"), Value::Decimal(2_000), "the formula is summed up");
    assert_eq!(shop.of(&one, "open"), Value::Decimal(250));
    assert_eq!(shop.of(&one, "top"), Value::Decimal(1_000));
    assert_eq!(shop.of(&one, "mean"), Value::Decimal(400), "null is no number");
    assert_eq!(shop.of(&one, "weight"), Value::Float(0.5));
    assert_eq!(shop.of(&one, "seen"), Value::Decimal(2_000), "its triggers see it");

    let set = |data: serde_json::Value| shop.change(vec![update("line", &line, data)]);
    set(json!({ "amount": "3.00" })).await.unwrap();
    assert_eq!((shop.of(&one, "total"), shop.of(&one, "open")), (Value::Decimal(2_200), Value::Decimal(300)));
    set(json!({ "status": "closed" })).await.unwrap();
    assert_eq!(shop.of(&one, "open"), Value::Decimal(0), "the filter does not hold any more");
    let revision = shop.of(&one, "revision");
    set(json!({ "note": "nothing is summed up of it" })).await.unwrap();
    assert_eq!(shop.of(&one, "revision"), revision);

    set(json!({ "bill_id": two, "status": "open" })).await.unwrap();
    assert_eq!((shop.of(&one, "lines_count"), shop.of(&two, "lines_count")), (Value::Int(1), Value::Int(1)));
    assert_eq!((shop.of(&one, "first_due"), shop.of(&two, "open")), (Value::Null, Value::Decimal(300)));
    set(json!({ "bill_id": null })).await.unwrap();
    assert_eq!((shop.of(&two, "lines_count"), shop.of(&two, "total")), (Value::Int(0), Value::Decimal(0)));
    set(json!({ "bill_id": one })).await.unwrap();
    shop.change(vec![delete("line", &line)]).await.unwrap();
    assert_eq!((shop.of(&one, "total"), shop.of(&one, "pieces")), (Value::Decimal(1_000), Value::Int(0)));
}

#[tokio::test]
async fn the_least_and_the_greatest_are_found_again_when_they_go() {
    let shop = open();
    let bill = shop.bill("Bill").await;
    let (low, high) = (shop.line(&bill, "1.00").await, shop.line(&bill, "9.00").await);
    shop.line(&bill, "5.00").await;
    assert_eq!(shop.of(&bill, "top"), Value::Decimal(900));
    shop.change(vec![update("line", &high, json!({ "amount": "2.00" }))]).await.unwrap();
    assert_eq!(shop.of(&bill, "top"), Value::Decimal(500));
    shop.change(vec![delete("line", &low), update("line", &high, json!({ "amount": null }))]).await.unwrap();
    assert_eq!(shop.of(&bill, "top"), Value::Decimal(500));
    let filter = objectql::Filter::parse(&json!({ "bill_id": bill })).unwrap();
    shop.change(vec![change("line", Operation::DeleteWhere { filter })]).await.unwrap();
    assert_eq!(shop.of(&bill, "top"), Value::Null);
}

#[tokio::test]
async fn the_first_and_the_last_text_are_kept_in_the_order_of_lists() {
    let shop = open();
    let customer = shop.create("customer", json!({ "name": "Acme" })).await.unwrap();
    let bill = shop.create("bill", json!({ "name": "One", "customer_id": customer })).await.unwrap();
    let text = |text: &str| Value::Text(text.into());
    assert_eq!((shop.of(&bill, "first_tag"), shop.of(&bill, "last_tag")), (Value::Null, Value::Null));
    let mut ids = Vec::new();
    for tag in ["b", "Zebra", "ä", "a", "aa", "é"] {
        let line = json!({ "bill_id": bill, "tag": tag });
        ids.push(shop.create("line", line).await.unwrap());
    }
    // Capitals come before small letters, and letters with marks behind both.
    assert_eq!((shop.of(&bill, "first_tag"), shop.of(&bill, "last_tag")), (text("Zebra"), text("é")));
    assert_eq!(shop.field("customer", &customer, "first_tag"), Some(text("Zebra")));
    let query = json!({ "object": "line", "fields": ["tag"], "where": { "tag": { "$ne": null } }, "orderBy": ["tag"], "limit": 1 });
    let mut batches = shop.session.query(&crate::Query::parse(&query).unwrap()).await.unwrap().batches;
    let first = batches.next().await.unwrap().unwrap();
    let shown = arrow::util::display::array_value_to_string(first.column(0), 0).unwrap();
    assert_eq!(shown, "Zebra", "as a list has it");
    shop.change(vec![update("line", &ids[1], json!({ "tag": "c" })), delete("line", &ids[5])]).await.unwrap();
    assert_eq!((shop.of(&bill, "first_tag"), shop.of(&bill, "last_tag")), (text("a"), text("ä")));
    shop.change(vec![update("line", &ids[2], json!({ "status": "closed" }))]).await.unwrap();
    assert_eq!(shop.of(&bill, "last_tag"), text("c"));
    assert_eq!(shop.field("customer", &customer, "first_tag"), Some(text("a")));
}

#[tokio::test]
async fn summaries_are_summed_up() {
    let shop = open();
    let customer = shop.create("customer", json!({ "name": "Acme" })).await.unwrap();
    let bill = shop.create("bill", json!({ "name": "One", "customer_id": customer })).await.unwrap();
    let line =
        shop.create("line", json!({ "bill_id": bill, "amount": "7.00", "due": "2026-05-02" })).await.unwrap();
    let of = |field: &str| shop.field("customer", &customer, field).unwrap();
    assert_eq!((of("bill_count"), of("billed")), (Value::Int(1), Value::Decimal(700)));
    assert_eq!(of("earliest"), Value::Date(20_575));
    shop.change(vec![update("line", &line, json!({ "amount": "8.00", "due": null }))]).await.unwrap();
    assert_eq!((of("billed"), of("earliest")), (Value::Decimal(800), Value::Null));
    shop.change(vec![delete("bill", &bill)]).await.unwrap();
    assert_eq!((of("bill_count"), of("billed")), (Value::Int(0), Value::Decimal(0)), "with all its lines");
    assert_eq!(shop.rows("line"), 0);
}

#[tokio::test]
async fn what_goes_with_a_record_is_not_missed_by_it() {
    let shop = open();
    let customer = shop.create("customer", json!({ "name": "Acme" })).await.unwrap();
    let bill = shop.create("bill", json!({ "name": "One", "customer_id": customer })).await.unwrap();
    let line = shop.line(&bill, "7.00").await;
    shop.change(vec![delete("customer", &customer)]).await.unwrap();
    assert_eq!(shop.of(&bill, "customer_id"), Value::Null);
    shop.change(vec![update("line", &line, json!({ "amount": 1 })), delete("bill", &bill)]).await.unwrap();
    assert_eq!((shop.rows("bill"), shop.rows("line")), (0, 0));
}

#[tokio::test]
async fn many_changes_are_one_for_the_record_that_sums_them_up() {
    let shop = open();
    let bill = shop.bill("Bill").await;
    let lines = |numbers: std::ops::Range<u32>| {
        let line = |n: u32| json!({ "code": format!("L{n}"), "bill_id": bill, "amount": n, "quantity": 1 });
        numbers.map(|n| upsert("line", &["code"], line(n))).collect::<Vec<_>>()
    };
    shop.change(lines(0..50)).await.unwrap();
    assert_eq!(shop.of(&bill, "total"), Value::Decimal(122_500));
    assert_eq!(shop.of(&bill, "revision"), Value::Int(2), "written once");
    let mut more = lines(25..75);
    let filter = objectql::Filter::parse(&json!({ "bill_id": bill, "amount": { "$lt": 10 } })).unwrap();
    more.push(change("line", Operation::UpdateWhere { filter, data: record(json!({ "quantity": 3 })) }));
    shop.change(more).await.unwrap();
    assert_eq!(shop.of(&bill, "lines_count"), Value::Int(75));
    assert_eq!(shop.of(&bill, "total"), Value::Decimal((74 * 75 / 2 + 2 * 45) * 100));
    assert_eq!(shop.of(&bill, "mean"), Value::Decimal(127), "(65 + 30) / 75");
}

#[tokio::test]
async fn rules_and_formulas_of_the_record_see_it() {
    let shop = open();
    let bill = shop.create("bill", json!({ "name": "Small", "limit": "100.00" })).await.unwrap();
    shop.line(&bill, "90.00").await;
    let over = create("line", json!({ "bill_id": bill, "amount": "11.00" }));
    let refused = shop.change(vec![create("line", json!({ "amount": 1 })), over]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Violated);
    assert_eq!(told(&refused), ["1 bill.total WITHIN"], "told at the change that is too much");
    assert_eq!(refused.findings[0].id.as_deref(), Some(&*bill));
    assert_eq!((shop.rows("line"), shop.of(&bill, "total")), (1, Value::Decimal(9_000)));
    let large = shop.bill("Large").await;
    shop.line(&large, "1000.01").await;
    let query = json!({ "object": "bill", "fields": ["name"], "where": { "large": true, "lines_count": 1 }, "orderBy": ["-total"] });
    let query = crate::Query::parse(&query).unwrap();
    let mut batches = shop.session.query(&query).await.unwrap().batches;
    let mut rows = 0;
    while let Some(batch) = batches.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn more_digits_than_are_kept_are_refused() {
    let shop = open();
    let bill = shop.bill("Many").await;
    let many = |quantity: i64| json!({ "bill_id": bill, "quantity": quantity });
    shop.create("line", many(999_999_999_999_999_999)).await.unwrap();
    let refused = shop.create("line", many(1)).await.unwrap_err();
    assert_eq!(told(&refused), ["0 bill.pieces max_precision"]);
    shop.create("line", many(-1)).await.unwrap();
    assert_eq!(shop.of(&bill, "pieces"), Value::Int(999_999_999_999_999_998));
}

#[tokio::test]
async fn many_at_once_go_the_ordinary_way_where_something_is_summed_up_of_them() {
    let shop = open();
    let bill = shop.bill("Bill").await;
    let mut bulk = shop.session.bulk();
    let alone = vec![create("line", json!({ "amount": 1 })), create("bill", json!({ "name": "New" }))];
    assert!(bulk.add(alone).await.unwrap().is_some());
    let new = vec![
        create("bill", json!({ "name": "With lines" })),
        create("line", json!({ "bill_id": "$ref:0.id", "amount": "4.00" })),
    ];
    let made = bulk.add(new).await.unwrap().unwrap();
    assert!(bulk.add(vec![create("line", json!({ "bill_id": bill, "amount": 1 }))]).await.unwrap().is_none());
    bulk.commit().await.unwrap();
    assert_eq!(shop.of(&made.outcomes[0].ids[0], "total"), Value::Decimal(400));
    assert_eq!(shop.of(&bill, "lines_count"), Value::Int(0));
}

#[tokio::test]
async fn what_comes_back_counts_again_and_is_counted_anew() {
    let shop = Shop::open();
    let kept = |text: &str| format!("enable: {{ recycleBin: true }}\n{text}");
    let (customer, bill, line) = (kept(CUSTOMER), kept(BILL), kept(LINE));
    let files =
        [("customer.object.yml", &*customer), ("bill.object.yml", &*bill), ("line.object.yml", &*line)];
    install(&shop, till("1.0.0", &files));
    let customer = shop.create("customer", json!({ "name": "Acme" })).await.unwrap();
    let bill = shop.create("bill", json!({ "name": "b", "customer_id": customer })).await.unwrap();
    let line = shop.line(&bill, "7.00").await;
    shop.line(&bill, "2.00").await;
    let back = |object: &str, id: &str| vec![change(object, Operation::Undelete { id: id.to_owned() })];
    shop.change(vec![delete("line", &line)]).await.unwrap();
    assert_eq!(shop.of(&bill, "total"), Value::Decimal(200));
    shop.change(back("line", &line)).await.unwrap();
    assert_eq!((shop.of(&bill, "total"), shop.of(&bill, "top")), (Value::Decimal(900), Value::Decimal(700)));
    shop.change(vec![delete("bill", &bill)]).await.unwrap();
    let billed = || shop.field("customer", &customer, "billed").unwrap();
    assert_eq!(billed(), Value::Decimal(0));
    shop.change(back("bill", &bill)).await.unwrap();
    assert_eq!((shop.of(&bill, "total"), billed()), (Value::Decimal(900), Value::Decimal(900)));
    assert_eq!(shop.of(&bill, "lines_count"), Value::Int(2), "with what went with it");
}
