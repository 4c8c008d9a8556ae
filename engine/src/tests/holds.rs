//! Legal holds on objects that were renamed.

use super::{packages::store_files, *};
use crate::{Held, system::HOLD};

const ITEM: &str =
    "idPrefix: itm\nenable: { recycleBin: true }\nfields:\n  name: { type: text, required: true }\n";

async fn renamed() -> Shop {
    let shop = Shop::open();
    shop.install(store_files("1.0.0", &[("item.object.yml", ITEM)]));
    for id in ["i1", "i2"] {
        shop.change(vec![create("item", json!({ "id": id, "name": id }))]).await.unwrap();
        shop.change(vec![delete("item", id)]).await.unwrap();
    }
    shop.install(store_files("1.1.0", &[("good.object.yml", &format!("alias: item\n{ITEM}"))]));
    shop
}

fn on(text: &str) -> Held {
    Held::parse(text).unwrap()
}

fn held(shop: &Shop) -> Vec<String> {
    shop.session.holds().unwrap().into_iter().map(|hold| hold.on).collect()
}

#[tokio::test]
async fn a_hold_on_a_renamed_object_holds_under_both_names() {
    let shop = renamed().await;
    for (placed, lifted) in
        [("good/i1", "item/i1"), ("item/i1", "good/i1"), ("good", "item"), ("item", "good")]
    {
        shop.session.place_hold(&on(placed), "case 9").unwrap();
        for name in ["good", "item"] {
            assert_eq!(shop.session.purge(name, "i1").unwrap_err().code, "LEGAL_HOLD", "{placed}: {name}");
        }
        shop.session.lift_hold(&on(lifted)).unwrap();
    }
    assert!(held(&shop).is_empty());
    shop.session.purge("good", "i1").unwrap();
}

#[tokio::test]
async fn holds_that_an_earlier_program_kept_by_names_hold_when_it_is_opened() {
    let shop = renamed().await;
    let old = |key: &str| {
        let text = |text: &str| Value::Text(text.into());
        let row = [text(key), text("case 10"), Value::Timestamp(START_MICROS), text("someone")];
        shop.engine
            .gate()
            .ledger
            .write("someone", |draft| draft.put(HOLD, quarry_storage::Row(row.clone().into())))
    };
    old("good/i1").unwrap();
    old("good/*").unwrap();
    old("item/i2").unwrap();
    let shop = shop.reopen();
    assert_eq!(held(&shop), ["item/*", "item/i1", "item/i2"]);
    shop.session.lift_hold(&on("item")).unwrap();
    for id in ["i1", "i2"] {
        assert_eq!(shop.session.purge("good", id).unwrap_err().code, "LEGAL_HOLD", "{id}");
    }
    let again = shop.reopen();
    assert_eq!(held(&again), ["item/i1", "item/i2"]);
    assert_eq!(again.session.holds().unwrap()[0].reason, "case 10");
}

#[tokio::test]
async fn two_holds_that_are_one_by_now_keep_both_reasons() {
    let shop = renamed().await;
    for (key, reason) in [("good/i1", "case 10"), ("item/i1", "case 11")] {
        let text = |text: &str| Value::Text(text.into());
        let row = [text(key), text(reason), Value::Timestamp(START_MICROS), text("someone")];
        let ledger = &shop.engine.gate().ledger;
        ledger.write("someone", |draft| draft.put(HOLD, quarry_storage::Row(row.clone().into()))).unwrap();
    }
    let shop = shop.reopen();
    let holds = shop.session.holds().unwrap();
    let told: Vec<_> = holds.iter().map(|hold| (hold.on.as_str(), hold.reason.as_str())).collect();
    assert_eq!(told, [("item/i1", "case 11; case 10")]);
}
