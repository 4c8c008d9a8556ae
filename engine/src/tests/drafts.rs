//! Records that are saved incomplete, and validated in full when they are submitted.

use std::collections::BTreeMap;

use quarry_metadata::Bundle;

use super::*;

const ORDER: &str = "
enable: { drafts: true, recycleBin: true }
fields:
  title: { type: text, required: true }
  amount: { type: currency, min: 0, requiredWhen: 'kind == \"paid\"' }
  kind: { type: select, required: true, options: [paid, free] }
  number: { type: autonumber }
  buyer: { type: lookup, reference: [user, shop_customer], required: true }
  items_count: { type: summary, summaryOperations: { relation: items, function: count, filter: 'record_state == \"submitted\"' } }
";
const ITEM: &str = "
enable: { drafts: true }
fields:
  order_id: { type: master_detail, reference: order, reverseName: items }
  text: { type: text, required: true, maxLength: 5 }
";
const RULES: &str = "
rules:
  - { name: not_too_much, kind: cross_field, condition: amount == null || amount < 1000, fields: [amount], message: Too much }
  - { name: new_ones_are_small, kind: cross_field, on: [create], condition: amount == null || amount < 500, message: Not small }
  - { name: has_a_line, kind: cross_field, on: [submit], condition: 'items.exists(i, i.text != null)', message: No line }
  - { name: free_stays, kind: cross_field, on: [delete], condition: kind != \"free\", message: It stays }
  - { name: one_title, kind: unique, fields: [title], message: It is there already }
";

fn bundle(version: &str, order: &str, rules: Option<&str>) -> Bundle {
    let package = format!("name: sale\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let mut files = BTreeMap::from([
        ("package.yml".to_owned(), package),
        ("order.object.yml".to_owned(), order.to_owned()),
        ("item.object.yml".to_owned(), ITEM.to_owned()),
        ("shop_customer.object.yml".to_owned(), "fields: { name: { type: text } }\n".to_owned()),
    ]);
    files.extend(rules.map(|rules| ("order.validation.yml".to_owned(), rules.to_owned())));
    Bundle::of_files("sale", &files).unwrap_or_else(|issues| panic!("{issues}"))
}

fn bring(shop: &Shop, bundle: Bundle) -> Result<(), Error> {
    let id = bundle.id();
    shop.session.publish(&[bundle])?;
    shop.session.activate(&[id]).map(drop)
}

fn open() -> Shop {
    let shop = Shop::open();
    bring(&shop, bundle("1.0.0", ORDER, Some(RULES))).unwrap_or_else(|error| panic!("{error}"));
    shop
}

fn draft(id: &str) -> Change {
    create("order", json!({ "id": id, "record_state": "draft" }))
}

#[tokio::test]
async fn a_draft_is_saved_incomplete_and_validated_when_it_is_submitted() {
    let shop = open();
    let whole = json!({ "record_state": "submitted" });
    shop.change(vec![draft("o")]).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    assert!(matches!(shop.field("order", "o", "number"), Some(Value::Text(_))), "it has its number");
    let refused = shop.change(vec![update("order", "o", whole.clone())]).await.unwrap_err();
    assert_eq!(
        told(&refused),
        ["0 order.title required", "0 order.kind required", "0 order.buyer required", "0 order HAS_A_LINE"]
    );
    // It stays a draft, and may go on being one.
    let more = json!({ "title": "x", "amount": "2000", "kind": "free" });
    shop.change(vec![update("order", "o", more)]).await.unwrap();
    let line = create("item", json!({ "order_id": "o", "text": "a", "record_state": "draft" }));
    shop.change(vec![line]).await.unwrap();
    let user = shop.field("order", "o", "owner").unwrap();
    let Value::Text(user) = user else { panic!("it has an owner") };
    let buyer = update("order", "o", json!({ "buyer_user_id": user.to_string() }));
    shop.change(vec![buyer]).await.unwrap();
    let refused = shop.change(vec![update("order", "o", whole.clone())]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order NEW_ONES_ARE_SMALL", "0 order.amount NOT_TOO_MUCH"]);
    let with = |amount: &str| update("order", "o", json!({ "record_state": "submitted", "amount": amount }));
    assert_eq!(told(&shop.change(vec![with("600")]).await.unwrap_err()), ["0 order NEW_ONES_ARE_SMALL"]);
    shop.change(vec![with("400")]).await.unwrap();
    // From now on it is a record as every other: what was asked of new ones is not asked again.
    let amount = |amount: &str| update("order", "o", json!({ "amount": amount }));
    shop.change(vec![amount("600")]).await.unwrap();
    assert_eq!(told(&shop.change(vec![amount("1000")]).await.unwrap_err()), ["0 order.amount NOT_TOO_MUCH"]);
    let empty = shop.change(vec![update("order", "o", json!({ "title": null }))]).await.unwrap_err();
    assert_eq!(told(&empty), ["0 order.title required"]);
    let back = shop.change(vec![update("order", "o", json!({ "record_state": "draft" }))]).await.unwrap_err();
    assert_eq!(told(&back), ["0 order.record_state NO_DRAFT_ANY_MORE"]);
    assert_eq!(told(&shop.change(vec![delete("order", "o")]).await.unwrap_err()), ["0 order FREE_STAYS"]);
}

#[tokio::test]
async fn what_is_no_draft_is_validated_at_once() {
    let shop = open();
    let refused = shop.change(vec![create("order", json!({}))]).await.unwrap_err();
    assert_eq!(
        told(&refused),
        ["0 order.title required", "0 order.kind required", "0 order.buyer required", "0 order HAS_A_LINE"]
    );
    let paid = shop.change(vec![create("order", json!({ "title": "x", "kind": "paid" }))]).await.unwrap_err();
    assert!(told(&paid).contains(&"0 order.amount required".to_owned()), "{:?}", told(&paid));
}

#[tokio::test]
async fn what_a_draft_holds_is_well_formed_and_unique() {
    let shop = open();
    let wrong = [
        (json!({ "record_state": "draft", "amount": "-1" }), "amount min_value"),
        (json!({ "record_state": "draft", "kind": "other" }), "kind invalid_option"),
        (json!({ "record_state": "draft", "buyer": "nobody" }), "buyer reference_not_found"),
        (json!({ "record_state": "sketch" }), "record_state invalid_option"),
        (json!({ "record_state": null }), "record_state required"),
    ];
    for (data, expected) in wrong {
        let refused = shop.change(vec![create("order", data.clone())]).await.expect_err(&data.to_string());
        assert!(told(&refused).contains(&format!("0 order.{expected}")), "{data}: {:?}", told(&refused));
    }
    let titled = |id: &str| create("order", json!({ "id": id, "record_state": "draft", "title": "one" }));
    shop.change(vec![titled("a")]).await.unwrap();
    assert_eq!(told(&shop.change(vec![titled("b")]).await.unwrap_err()), ["0 order.title ONE_TITLE"]);
    let loose = create("item", json!({ "record_state": "draft" }));
    assert_eq!(
        told(&shop.change(vec![loose]).await.unwrap_err()),
        ["0 item.order_id required"],
        "a part has its whole"
    );
    // Drafts are records: they are summed up where nobody leaves them out.
    let lines = vec![
        create("item", json!({ "order_id": "a", "record_state": "draft" })),
        create("item", json!({ "order_id": "a", "text": "y" })),
    ];
    shop.change(lines).await.unwrap();
    assert_eq!(shop.field("order", "a", "items_count"), Some(Value::Int(1)));
    shop.change(vec![delete("order", "a")]).await.unwrap();
    shop.change(vec![change("order", Operation::Undelete { id: "a".to_owned() })]).await.unwrap();
    assert_eq!(shop.field("order", "a", "record_state"), Some(Value::Text("draft".into())));
}

#[tokio::test]
async fn an_object_may_begin_to_keep_drafts_and_not_cease() {
    let shop = Shop::open();
    let plain = ORDER.replace("drafts: true, ", "").replace(", filter: 'record_state == \"submitted\"'", "");
    bring(&shop, bundle("1.0.0", &plain, None)).unwrap_or_else(|error| panic!("{error}"));
    let customer = create("shop_customer", json!({ "id": "c" }));
    let old = create("order", json!({ "id": "old", "title": "x", "kind": "free", "buyer": "c" }));
    shop.change(vec![customer, old]).await.unwrap();
    bring(&shop, bundle("1.1.0", ORDER, None)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(shop.field("order", "old", "record_state"), Some(Value::Text("submitted".into())));
    shop.change(vec![draft("new")]).await.unwrap();
    let refused = bring(&shop, bundle("1.2.0", &plain, None)).unwrap_err();
    assert_eq!(refused.code, "BREAKING_CHANGE");
}
