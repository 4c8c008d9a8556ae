//! What a later version changes about records of before: names of what is only written, formulas that get an index.

use super::{
    packages::{ask, sql, store, store_files},
    *,
};

#[tokio::test]
async fn what_is_only_written_is_in_no_history_of_what_was_renamed() {
    let shop = Shop::open();
    let first = "idPrefix: itm\nfields:\n  name: { type: text }\n  pin: { type: password }\n";
    shop.install(store("1.0.0", first));
    let item = shop.create("item", json!({ "name": "Lamp", "pin": "long enough" })).await.unwrap();
    let second = "alias: item\nidPrefix: itm\nfields:\n  name: { type: text }\n  code: { type: password, alias: pin }\n";
    shop.install(store_files("1.1.0", &[("good.object.yml", second)]));
    shop.change(vec![update("good", &item, json!({ "code": "still long enough" }))]).await.unwrap();

    let told = format!("SELECT count(*) AS told FROM audit.changes WHERE record = '{item}'");
    let changed = format!("{told} AND field = 'pin'");
    assert_eq!(sql(&shop.session, &changed).await.unwrap(), ["told=1"], "that it changed is told");
    let secrets = format!("{told} AND (old LIKE '%argon2%' OR new LIKE '%argon2%')");
    assert_eq!(sql(&shop.session, &secrets).await.unwrap(), ["told=0"]);
}

#[tokio::test]
async fn a_formula_that_is_indexed_later_has_its_values_in_the_recycle_bin_too() {
    let shop = Shop::open();
    let plain = "idPrefix: itm\nenable: { recycleBin: true }\nfields:\n  name: { type: text }\n";
    shop.install(store("1.0.0", plain));
    let item = shop.create("item", json!({ "name": "Lamp" })).await.unwrap();
    shop.change(vec![delete("item", &item)]).await.unwrap();
    let indexed = format!("{plain}  twice: {{ type: formula, expression: 'name + name', index: true }}\n");
    shop.install(store("1.1.0", &indexed));

    let binned =
        json!({ "object": "recycle_bin.item", "fields": ["twice"], "where": { "twice": "LampLamp" } });
    assert_eq!(ask(&shop.session, binned).await.unwrap(), ["twice=LampLamp"]);
    shop.change(vec![change("item", Operation::Undelete { id: item })]).await.unwrap();
    let back = json!({ "object": "item", "fields": ["twice"], "where": { "twice": "LampLamp" } });
    assert_eq!(ask(&shop.session, back).await.unwrap(), ["twice=LampLamp"]);
}
