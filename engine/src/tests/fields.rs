//! What fields say in expressions: computed defaults, when they are required or readonly, what stands in their numbers.

use std::{collections::BTreeMap, sync::Arc};

use quarry_metadata::Bundle;

use super::*;
use crate::ErrorKind;

const ORDER: &str = "
idPrefix: ord
fields:
  name: { type: text, required: true, maxLength: 20 }
  customer_id: { type: lookup, reference: customer }
  terms_days: { type: number, scale: 0, default: 'coalesce(customer_id.terms_days, 14)' }
  ordered_on: { type: date, default: TODAY() }
  due_on: { type: date, default: 'addDays(ordered_on, terms_days)' }
  code: { type: text, maxLength: 12, default: { dialect: cel, source: 'upper(name)' } }
  shared: { type: currency, default: '100.00 / terms_days' }
  status: { type: select, options: [draft, sent, lost], default: draft }
  contact_id: { type: lookup, reference: user, default: user.id }
  reason: { type: text, requiredWhen: 'status == \"lost\" && amount > 10' }
  amount: { type: currency, readonlyWhen: 'status == \"sent\"' }
  approved: { type: boolean, readonlyWhen: 'old == null || old.amount == null' }
  carrier: { type: text, required: true, visibleWhen: 'status == \"sent\"' }
  express: { type: boolean, requiredWhen: 'status == \"sent\"', visibleWhen: amount > 100 }
  number: { type: autonumber, format: '{code}-{YYYY}-{000}' }
  seat: { type: autonumber, format: '{region}/{0}' }
  region: { type: formula, expression: 'coalesce(customer_id.region, \"none\")' }
";
const CUSTOMER: &str = "
idPrefix: cus
fields:
  name: { type: text }
  terms_days: { type: number, scale: 0 }
  region: { type: text }
";

fn bundle(version: &str, order: &str) -> Bundle {
    let package = format!("name: sale\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let files = [("package.yml", &*package), ("order.object.yml", order), ("customer.object.yml", CUSTOMER)];
    let files: BTreeMap<String, String> =
        files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    Bundle::of_files("sale", &files).unwrap_or_else(|issues| panic!("{issues}"))
}

fn bring(shop: &Shop, bundle: Bundle) -> Result<(), Error> {
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).map(drop)
}

fn open() -> Shop {
    let shop = Shop::open();
    bring(&shop, bundle("1.0.0", ORDER)).unwrap();
    shop
}

impl Shop {
    async fn order(&self, data: Json) -> Result<String, Error> {
        self.create("order", data).await
    }

    fn kept(&self, order: &str, field: &str) -> Value {
        self.field("order", order, field).unwrap()
    }
}

#[tokio::test]
async fn defaults_are_computed_of_what_is_given_and_of_one_another() {
    let shop = open();
    let customer = shop.create("customer", json!({ "name": "Acme", "terms_days": 30 })).await.unwrap();
    let order = shop.order(json!({ "name": "One", "customer_id": customer })).await.unwrap();
    assert_eq!(shop.kept(&order, "terms_days"), Value::Int(30));
    assert_eq!(shop.kept(&order, "due_on"), Value::Date(20_513 + 30));
    assert_eq!(shop.kept(&order, "code"), text("ONE"));
    assert_eq!(shop.kept(&order, "contact_id"), text(&shop.session.principal().user_id));
    let given = json!({ "name": "Two", "ordered_on": "2026-01-01", "terms_days": 1, "code": null });
    assert_eq!(told(&shop.order(given).await.unwrap_err()), ["0 order.code required"], "a null stays a null");
    let given = json!({ "name": "Two", "ordered_on": "2026-01-01", "terms_days": 1, "contact_id": null });
    let order = shop.order(given).await.unwrap();
    assert_eq!(shop.kept(&order, "due_on"), Value::Date(20_454 + 1));
    assert_eq!(shop.kept(&order, "contact_id"), Value::Null);
    shop.change(vec![update("order", &order, json!({ "name": "Three" }))]).await.unwrap();
    assert_eq!(shop.kept(&order, "code"), text("TWO"), "a default is for new records");
}

#[tokio::test]
async fn what_a_default_gives_is_checked_and_what_it_can_not_is_told() {
    let shop = open();
    let wrong = vec![
        create("order", json!({ "name": "Much too long a code" })),
        create("order", json!({ "name": "Two", "terms_days": 0 })),
    ];
    let refused = shop.change(wrong).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order.code max_length", "1 order.shared not_computable"]);
    assert!(refused.findings[1].message.contains("a division by zero"), "{refused:?}");
}

#[tokio::test]
async fn a_field_is_required_where_its_condition_holds() {
    let shop = open();
    let lost = |amount: Json| json!({ "name": "One", "status": "lost", "amount": amount });
    assert_eq!(told(&shop.order(lost(json!(20))).await.unwrap_err()), ["0 order.reason required"]);
    let order = shop.order(lost(json!(5))).await.unwrap();
    shop.order(lost(Json::Null)).await.unwrap();
    let set = |data: Json| shop.change(vec![update("order", &order, data)]);
    let refused = set(json!({ "amount": 11 })).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order.reason required"], "whatever was written");
    assert_eq!(refused.findings[0].id.as_deref(), Some(&*order));
    set(json!({ "amount": 11, "reason": " " })).await.unwrap_err();
    set(json!({ "amount": 11, "reason": "too dear" })).await.unwrap();
    assert_eq!(told(&set(json!({ "reason": null })).await.unwrap_err()), ["0 order.reason required"]);
}

#[tokio::test]
async fn a_field_that_is_not_visible_is_not_required() {
    let shop = open();
    let order = shop.order(json!({ "name": "One", "amount": 50 })).await.unwrap();
    let set = |data: Json| shop.change(vec![update("order", &order, data)]);
    assert_eq!(told(&set(json!({ "status": "sent" })).await.unwrap_err()), ["0 order.carrier required"]);
    set(json!({ "status": "sent", "carrier": "Post" })).await.unwrap();
    let large = json!({ "name": "Two", "amount": 101, "status": "sent", "carrier": "Post" });
    assert_eq!(
        told(&shop.order(large).await.unwrap_err()),
        ["0 order.amount readonly", "0 order.express required"]
    );
}

#[tokio::test]
async fn a_field_is_readonly_as_the_record_was() {
    let shop = open();
    let order = shop.order(json!({ "name": "One", "amount": 50 })).await.unwrap();
    let set = |data: Json| shop.change(vec![update("order", &order, data)]);
    set(json!({ "status": "sent", "amount": 60, "carrier": "Post" })).await.unwrap();
    let refused = set(json!({ "amount": 70, "status": "draft" })).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order.amount readonly"], "it can't be unlocked and written at once");
    set(json!({ "amount": 60, "name": "Same" })).await.unwrap();
    let filter = crate::objectql::Filter::parse(&json!({ "name": "Same" })).unwrap();
    let many = change("order", Operation::UpdateWhere { filter, data: record(json!({ "amount": null })) });
    assert_eq!(told(&shop.change(vec![many]).await.unwrap_err()), ["0 order.amount readonly"]);
    set(json!({ "status": "draft" })).await.unwrap();
    set(json!({ "amount": 70 })).await.unwrap();
    let new = json!({ "name": "New", "approved": true });
    assert_eq!(told(&shop.order(new).await.unwrap_err()), ["0 order.approved readonly"]);
    set(json!({ "approved": true })).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn numbers_count_for_each_text_around_them_without_gaps_or_doubles() {
    let shop = Arc::new(open());
    let customer = |region: &'static str| {
        let shop = shop.clone();
        async move { shop.create("customer", json!({ "name": region, "region": region })).await.unwrap() }
    };
    let customers = [customer("north").await, customer("south").await];
    let tasks: Vec<_> = (0..24)
        .map(|at: usize| {
            let (shop, customer) = (shop.clone(), customers[at % 2].clone());
            let code = ["ab", "cd", "ef"][at % 3];
            tokio::spawn(async move {
                let order = json!({ "name": "One", "code": code, "customer_id": customer });
                let order = shop.order(order).await.unwrap();
                // One that is refused takes no number with it.
                let wrong = json!({ "name": null, "code": code, "customer_id": customer });
                shop.order(wrong).await.unwrap_err();
                [shop.kept(&order, "number"), shop.kept(&order, "seat")]
            })
        })
        .collect();
    let mut found = Vec::new();
    for task in tasks {
        for number in task.await.unwrap() {
            let Value::Text(number) = number else { panic!("no number: {number:?}") };
            found.push(number.to_string());
        }
    }
    found.sort();
    let mut expected: Vec<String> = ["ab", "cd", "ef"]
        .iter()
        .flat_map(|code| (1..=8).map(move |n| format!("{code}-2026-{n:03}")))
        .chain(["north", "south"].iter().flat_map(|region| (1..=12).map(move |n| format!("{region}/{n}"))))
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_number_needs_all_that_stands_in_it() {
    let shop = open();
    let refused = shop.order(json!({ "name": "One", "code": null })).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order.code required"]);
    assert!(refused.findings[0].message.contains("it stands in number"), "{refused:?}");
    let order = shop.order(json!({ "name": "One" })).await.unwrap();
    assert_eq!(shop.kept(&order, "number"), text("ONE-2026-001"));
    shop.change(vec![update("order", &order, json!({ "code": "other" }))]).await.unwrap();
    assert_eq!(shop.kept(&order, "number"), text("ONE-2026-001"), "it stays");
}

#[tokio::test]
async fn a_new_required_field_is_filled_with_what_its_default_computes() {
    let shop = open();
    let order = shop.order(json!({ "name": "One", "terms_days": 3 })).await.unwrap();
    let more = |default: &str| {
        format!("{ORDER}  remind_on: {{ type: date, required: true, default: '{default}' }}\n")
    };
    bring(&shop, bundle("1.1.0", &more("addDays(ordered_on, terms_days * 2)"))).unwrap();
    assert_eq!(shop.kept(&order, "remind_on"), Value::Date(20_513 + 6));
    let other = Shop::open();
    bring(&other, bundle("1.0.0", ORDER)).unwrap();
    other.order(json!({ "name": "One", "ordered_on": null, "due_on": "2026-01-01" })).await.unwrap();
    let refused = bring(&other, bundle("1.1.0", &more("addDays(ordered_on, terms_days)"))).unwrap_err();
    assert_eq!((refused.kind, refused.code), (ErrorKind::Violated, "NO_DEFAULT"), "{refused}");
    other.order(json!({ "name": "Still" })).await.unwrap();
}
