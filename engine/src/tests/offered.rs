//! Options that are offered under conditions.

use std::collections::BTreeMap;

use quarry_metadata::Bundle;

use super::*;

const ACCOUNT: &str = "
fields:
  kind: { type: select, options: [customer, prospect] }
";
const DEAL: &str = "
fields:
  name: { type: text }
  account_id: { type: lookup, reference: account }
  amount: { type: currency }
  divisor: { type: number, scale: 0 }
  level:
    type: select
    options:
      - basic
      - { value: premium, visibleWhen: 'amount > 1000' }
      - { value: partner, visibleWhen: 'account.kind == \"customer\"' }
      - { value: next, visibleWhen: 'old != null && old.level == \"basic\"' }
      - { value: odd, visibleWhen: '10 / divisor > 1' }
  extras:
    type: multiselect
    options: [a, { value: b, visibleWhen: 'level == \"premium\"' }, { value: mine, visibleWhen: 'owner == user.id' }]
";

async fn open() -> Shop {
    let shop = Shop::open();
    let files = [
        ("package.yml", "name: sale\nversion: 1.0.0\ndepends: { core: '*' }\n"),
        ("account.object.yml", ACCOUNT),
        ("deal.object.yml", DEAL),
    ];
    let files: BTreeMap<String, String> =
        files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect();
    let bundle = Bundle::of_files("sale", &files).unwrap_or_else(|issues| panic!("{issues}"));
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).unwrap();
    let accounts = vec![
        create("account", json!({ "id": "good", "kind": "customer" })),
        create("account", json!({ "id": "new", "kind": "prospect" })),
        create("deal", json!({ "id": "d", "level": "basic", "amount": "10" })),
    ];
    shop.change(accounts).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    shop
}

#[tokio::test]
async fn an_option_is_refused_where_its_condition_does_not_hold() {
    let shop = open().await;
    let refused = [
        (json!({ "level": "premium" }), "level invalid_option"),
        (json!({ "level": "premium", "amount": "1000" }), "level invalid_option"),
        (json!({ "level": "partner", "account_id": "new" }), "level invalid_option"),
        (json!({ "level": "partner" }), "level invalid_option"),
        (json!({ "level": "next" }), "level invalid_option"),
        (json!({ "level": "odd", "divisor": 0 }), "level not_computable"),
        (json!({ "extras": ["a", "b"] }), "extras invalid_option"),
        (json!({ "extras": ["mine"], "owner": null }), "extras invalid_option"),
        (json!({ "level": "none" }), "level invalid_option"),
    ];
    for (data, expected) in refused {
        let error = shop.change(vec![create("deal", data.clone())]).await.expect_err(&data.to_string());
        assert_eq!(told(&error), [format!("0 deal.{expected}")], "{data}");
    }
    let fine = [
        json!({ "level": "premium", "amount": "1000.01", "extras": ["b", "mine"] }),
        json!({ "level": "partner", "account_id": "good" }),
        json!({ "level": "odd", "divisor": 3, "extras": ["a"] }),
        json!({ "level": "basic" }),
    ];
    for data in fine {
        shop.create("deal", data.clone())
            .await
            .unwrap_or_else(|error| panic!("{data}: {error} {:?}", told(&error)));
    }
    shop.change(vec![update("deal", "d", json!({ "level": "next" }))]).await.unwrap();
}

#[tokio::test]
async fn it_is_asked_when_the_choice_or_what_the_condition_names_changes() {
    let shop = open().await;
    let rich = create("deal", json!({ "id": "r", "level": "premium", "amount": "2000", "extras": ["b"] }));
    let partner = create("deal", json!({ "id": "p", "level": "partner", "account_id": "good" }));
    shop.change(vec![rich, partner]).await.unwrap();
    let poor = shop.change(vec![update("deal", "r", json!({ "amount": "10" }))]).await.unwrap_err();
    assert_eq!(told(&poor), ["0 deal.level invalid_option"]);
    let both = update("deal", "r", json!({ "amount": "10", "level": "basic" }));
    assert_eq!(told(&shop.change(vec![both]).await.unwrap_err()), ["0 deal.extras invalid_option"]);
    let all = update("deal", "r", json!({ "amount": "10", "level": "basic", "extras": ["a"] }));
    shop.change(vec![all]).await.unwrap();
    let moved = shop.change(vec![update("deal", "p", json!({ "account_id": "new" }))]).await.unwrap_err();
    assert_eq!(told(&moved), ["0 deal.level invalid_option"]);
    // What changes elsewhere leaves the record as it is, and so does another field of it.
    let elsewhere = update("account", "good", json!({ "kind": "prospect" }));
    shop.change(vec![elsewhere, update("deal", "p", json!({ "name": "x" }))]).await.unwrap();
    // Records of one call see each other as the call leaves them.
    let together = vec![
        create("deal", json!({ "level": "partner", "account_id": "new" })),
        update("account", "new", json!({ "kind": "customer" })),
    ];
    shop.change(together).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
}
