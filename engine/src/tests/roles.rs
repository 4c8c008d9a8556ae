//! Rules that look at the permission sets of whoever acts.

use std::{collections::BTreeMap, sync::Arc};

use quarry_metadata::Bundle;

use super::*;

const ORDER: &str = "
fields:
  title: { type: text, required: true }
  by: { type: text, default: { dialect: cel, source: '\"boss\" in user.roles ? \"boss\" : \"clerk\"' } }
  discount: { type: number, scale: 0, readonlyWhen: '!(\"boss\" in user.roles)' }
  reason: { type: text, requiredWhen: 'size(user.roles) == 0' }
  mark: { type: text, readonly: true }
";
const RULES: &str = "
rules:
  - { name: large, kind: cross_field, condition: 'discount == null || discount < 50 || \"owner\" in user.roles', fields: [discount], message: Too large }
";
const TRIGGERS: &str = "
triggers:
  - { name: mark, on: [before create, before update], when: '\"boss\" in user.roles', steps: [{ set: { mark: '\"seen by a boss\"' } }] }
";

fn open() -> Shop {
    let shop = Shop::open();
    let files = [
        ("package.yml", "name: sale\nversion: 1.0.0\ndepends: { core: '*' }\n"),
        ("order.object.yml", ORDER),
        ("order.validation.yml", RULES),
        ("order.trigger.yml", TRIGGERS),
        ("boss.permissionset.yml", "objects: { order: all }\n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let bundle = Bundle::of_files("sale", &BTreeMap::from(files)).unwrap_or_else(|issues| panic!("{issues}"));
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
    shop
}

/// A call of someone who has these sets.
async fn apply(shop: &Shop, roles: &[&str], changes: Vec<Change>) -> Result<(), Error> {
    let roles: Arc<[Arc<str>]> = roles.iter().map(|role| Arc::from(*role)).collect();
    let mut transaction = shop.session.begin();
    transaction.look(|work| work.actor.roles = roles);
    transaction.apply(changes).await?;
    transaction.commit().await.map(drop)
}

#[tokio::test]
async fn what_a_rule_says_depends_on_the_sets_of_whoever_acts() {
    let shop = open();
    let new = |id: &str, data: Json| {
        let mut data = data;
        data["id"] = id.into();
        create("order", data)
    };
    apply(&shop, &["boss", "seller"], vec![new("a", json!({ "title": "x" }))]).await.unwrap();
    assert_eq!(shop.field("order", "a", "by"), Some(text("boss")));
    assert_eq!(shop.field("order", "a", "mark"), Some(text("seen by a boss")));
    apply(&shop, &["seller"], vec![new("b", json!({ "title": "x" }))]).await.unwrap();
    assert_eq!(shop.field("order", "b", "by"), Some(text("clerk")));
    assert_eq!(shop.field("order", "b", "mark"), Some(Value::Null));
    // Without any set: nothing is in an empty list.
    let refused = apply(&shop, &[], vec![new("c", json!({ "title": "x" }))]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order.reason required"]);

    let discount = |id: &str, percent: i64| vec![update("order", id, json!({ "discount": percent }))];
    let refused = apply(&shop, &["seller"], discount("b", 5)).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order.discount readonly"]);
    apply(&shop, &["boss"], discount("b", 5)).await.unwrap();
    let refused = apply(&shop, &["boss"], discount("b", 60)).await.unwrap_err();
    assert_eq!(told(&refused), ["0 order.discount LARGE"]);
    apply(&shop, &["boss", "owner"], discount("b", 60)).await.unwrap();
}

/// Many records of one call are written together; who acts is the same for all of them.
#[tokio::test]
async fn records_that_are_written_together_are_asked_the_same() {
    let shop = open();
    let changes: Vec<Change> =
        (0..100).map(|at| create("order", json!({ "id": format!("o{at}"), "title": "x" }))).collect();
    apply(&shop, &["boss"], changes).await.unwrap();
    for at in 0..100 {
        assert_eq!(shop.field("order", &format!("o{at}"), "by"), Some(text("boss")));
    }
}
