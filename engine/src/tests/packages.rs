//! Versions published, activated, rolled back and pinned, on records that are there.

mod load;

use std::collections::BTreeMap;

use futures::StreamExt;
use quarry_metadata::Bundle;

use super::*;
use crate::{CheckedState, ErrorKind, PackageState, Query};

/// A package of one object, in versions.
pub(super) fn store(version: &str, object: &str) -> Bundle {
    store_files(version, &[("item.object.yml", object)])
}

pub(super) fn store_files(version: &str, objects: &[(&str, &str)]) -> Bundle {
    let package = format!("name: store\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let mut files = BTreeMap::from([("package.yml".to_owned(), package)]);
    files.extend(objects.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    Bundle::of_files("store", &files).unwrap_or_else(|issues| panic!("{issues}"))
}

const V1: &str = "idPrefix: itm\nfields:\n  name: { type: text, required: true, maxLength: 20 }\n  price: { type: currency }\n";
/// `price` is `amount` now, and every record has a rank.
const V2: &str = "idPrefix: itm\nfields:\n  name: { type: text, required: true, maxLength: 40 }\n  amount: { type: currency, alias: price }\n  \
                  rank: { type: number, scale: 0, required: true, default: 3 }\n";

impl Shop {
    /// Publishes and activates.
    pub(super) fn install(&self, bundle: Bundle) {
        let id = bundle.id();
        self.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
        self.session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
    }

    fn state(&self, id: &str) -> PackageState {
        let all = self.session.packages().unwrap();
        all.iter().find(|version| version.id() == id).unwrap_or_else(|| panic!("no {id} among {all:?}")).state
    }

    /// A pinned session of the same user.
    fn pinned(&self, version: &str) -> Session {
        let mut session = self.session.clone();
        session.pin(version).unwrap_or_else(|error| panic!("{error}"));
        session
    }
}

/// The rows of an ObjectQL question, each as JSON text of its cells.
pub(super) async fn ask(session: &Session, query: Json) -> Result<Vec<String>, Error> {
    let query = Query::parse(&query).map_err(Error::from)?;
    rows(session.query(&query).await?.batches).await
}

pub(super) async fn sql(session: &Session, text: &str) -> Result<Vec<String>, Error> {
    rows(session.sql(text).await?.batches).await
}

async fn rows(
    mut batches: impl futures::Stream<
        Item = Result<arrow::record_batch::RecordBatch, impl Into<quarry_planner::Error>>,
    > + Unpin,
) -> Result<Vec<String>, Error> {
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(Error::of_rows)?;
        for row in 0..batch.num_rows() {
            let cell = |(field, column): (&Arc<arrow::datatypes::Field>, &arrow::array::ArrayRef)| {
                let shown = arrow::util::display::array_value_to_string(column, row).unwrap();
                format!("{}={shown}", field.name())
            };
            let cells = batch.schema_ref().fields().iter().zip(batch.columns()).map(cell);
            rows.push(cells.collect::<Vec<_>>().join(" "));
        }
    }
    Ok(rows)
}

#[tokio::test]
async fn folders_are_published_and_active_at_the_first_start_and_stay_so() {
    let shop = Shop::open();
    let id = shop.create("maker", json!({ "name": "Acme" })).await.unwrap();
    let before = shop.session.packages().unwrap();
    assert!(before.iter().all(|version| version.state == PackageState::Active), "{before:?}");
    assert_eq!(before.iter().map(|version| version.name.as_str()).collect::<Vec<_>>(), ["core", "shop"]);
    let stamp = shop.field("maker", &id, "package_version");
    assert_eq!(stamp, Some(text(&before[1].id())));
    let shop = shop.reopen();
    assert_eq!(shop.session.packages().unwrap(), before);
}

#[tokio::test]
async fn a_version_is_published_activated_and_rolled_back() {
    let shop = Shop::open();
    shop.install(store("1.0.0", V1));
    let old = shop.create("item", json!({ "name": "Lamp", "price": "1.50" })).await.unwrap();
    assert_eq!(shop.field("item", &old, "package_version"), Some(text("store@1.0.0")));

    shop.session.publish(&[store("1.1.0", V2)]).unwrap();
    assert_eq!(shop.state("store@1.1.0"), PackageState::Published);
    let plan = shop.session.plan_published(&["store@1.1.0".to_owned()]).unwrap();
    assert!(plan.allowed, "{plan:?}");
    let fills: Vec<u64> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.effect, quarry_metadata::evolution::Effect::Backfill { .. }))
        .map(|step| step.records)
        .collect();
    assert_eq!(fills, [1], "{plan:?}");
    assert!(shop.create("item", json!({ "name": "Early", "rank": 1 })).await.is_err(), "only planned");

    shop.session.activate(&["store@1.1.0".to_owned()]).unwrap();
    assert_eq!(shop.state("store@1.0.0"), PackageState::Superseded);
    assert_eq!(shop.field("item", &old, "rank"), Some(Value::Int(3)), "filled");
    let all =
        ask(&shop.session, json!({ "object": "item", "fields": ["name", "amount", "rank"] })).await.unwrap();
    assert_eq!(all, ["name=Lamp amount=1.50 rank=3"]);

    let new = shop.create("item", json!({ "name": "Desk", "price": "2.00" })).await.unwrap();
    assert_eq!(shop.field("item", &new, "package_version"), Some(text("store@1.1.0")));
    shop.session.rollback("store").unwrap();
    assert_eq!(
        (shop.state("store@1.0.0"), shop.state("store@1.1.0")),
        (PackageState::Active, PackageState::Superseded)
    );
    let all =
        ask(&shop.session, json!({ "object": "item", "fields": ["name", "price"], "orderBy": ["name"] }))
            .await;
    assert_eq!(all.unwrap(), ["name=Desk price=2.00", "name=Lamp price=1.50"]);
    assert!(ask(&shop.session, json!({ "object": "item", "fields": ["rank"] })).await.is_err());
    shop.create("item", json!({ "name": "Meanwhile" })).await.unwrap();
    shop.session.activate(&["store@1.1.0".to_owned()]).unwrap();
    let ranks = ask(&shop.session, json!({ "object": "item", "where": { "rank": null } })).await.unwrap();
    assert_eq!(ranks, Vec::<String>::new(), "what was written without a rank has one");

    let shop = shop.reopen();
    assert_eq!(shop.state("store@1.1.0"), PackageState::Active);
    let all =
        ask(&shop.session, json!({ "object": "item", "fields": ["amount"], "where": { "name": "Desk" } }))
            .await;
    assert_eq!(all.unwrap(), ["amount=2.00"]);
}

#[tokio::test]
async fn a_published_version_never_changes_and_a_breaking_one_is_refused_with_its_dependents() {
    let shop = Shop::open();
    let indexed = format!("{V1}indexes: [{{ fields: [price, name], unique: true, name: one_price }}]\n");
    shop.install(store("1.0.0", &indexed));
    let item = shop.create("item", json!({ "name": "A long name", "price": "1" })).await.unwrap();
    let before = (shop.session.packages().unwrap(), shop.engine.registry().version.clone());

    let other = shop.session.publish(&[store("1.0.0", V1)]).unwrap_err();
    assert_eq!((other.kind, other.code), (ErrorKind::Violated, "VERSION_PUBLISHED"));
    shop.session.publish(&[store("1.0.0", &indexed)]).unwrap();

    let broken = "idPrefix: itm\nfields:\n  name: { type: text, required: true, maxLength: 5 }\n";
    let refused = shop.session.publish(&[store("2.0.0", broken)]).unwrap_err();
    assert_eq!((refused.kind, refused.code), (ErrorKind::Violated, "BREAKING_CHANGE"));
    let told: Vec<_> = refused.findings.iter().map(|f| (f.object.as_str(), &*f.code)).collect();
    assert_eq!(told, [("item.name", "narrowed"), ("item.price", "field-removed")]);
    assert!(
        refused.message.contains("1 records") && refused.message.contains("unique one_price"),
        "{refused}"
    );

    let invalid = shop.session.publish(&[store("2.0.0", "fields: { name: { type: txt } }")]).unwrap_err();
    assert_eq!((invalid.kind, invalid.code), (ErrorKind::Invalid, "INVALID_PACKAGES"));
    let missing = shop.session.activate(&["store@2.0.0".to_owned()]).unwrap_err();
    assert_eq!((missing.kind, missing.code), (ErrorKind::Missing, "VERSION_NOT_FOUND"));
    let widened = indexed.replace("type: currency", "type: currency, precision: 20, scale: 2");
    let kept = shop.session.publish(&[store("2.0.0", &widened)]).unwrap_err();
    assert_eq!(kept.findings[0].code, "column-type", "{kept}");

    assert_eq!((shop.session.packages().unwrap(), shop.engine.registry().version.clone()), before);
    assert_eq!(shop.field("item", &item, "name"), Some(text("A long name")));
}

#[tokio::test]
async fn an_option_may_go_when_no_record_uses_it() {
    let shop = Shop::open();
    let choice = |options: &str| {
        format!(
            "fields:\n  name: {{ type: text }}\n  stage: {{ type: select, options: [{options}] }}\n  tags: {{ type: multiselect, options: [{options}] }}\n"
        )
    };
    shop.install(store("1.0.0", &choice("open, won, lost")));
    shop.create("item", json!({ "stage": "open", "tags": ["won"] })).await.unwrap();
    let refused = shop.session.publish(&[store("1.1.0", &choice("open, lost"))]).unwrap_err();
    assert_eq!(refused.findings.len(), 1, "{refused}");
    assert_eq!(refused.findings[0].object, "item.tags = \"won\"");
    shop.install(store("1.1.0", &choice("open, won")));
}

#[tokio::test]
async fn only_administrators_look_after_packages() {
    let shop = Shop::open();
    let nobody = shop.engine.session(someone(&shop, "mona"), SessionOptions::default());
    let bundle = store("1.0.0", V1);
    let denied = [
        nobody.packages().map(drop),
        nobody.package("core@1.0.0").map(drop),
        nobody.check_packages(&[bundle.files()]).map(drop),
        nobody.plan_packages(std::slice::from_ref(&bundle)).map(drop),
        nobody.publish(std::slice::from_ref(&bundle)).map(drop),
        nobody.activate(&["core@1.0.0".to_owned()]).map(drop),
        nobody.rollback("core").map(drop),
    ];
    for (number, denied) in denied.into_iter().enumerate() {
        assert_eq!(denied.unwrap_err().kind, ErrorKind::Denied, "{number}");
    }
    let checked = shop.session.check_packages(&[bundle.files()]).unwrap();
    assert_eq!(checked.state, CheckedState::Validated);
    let mut files = bundle.files();
    files.insert("item.object.yml".to_owned(), "fields: { name: { type: txt } }".to_owned());
    let checked = shop.session.check_packages(&[files]).unwrap();
    assert_eq!((checked.state, checked.issues.0[0].code), (CheckedState::Draft, "unknown-type"));
}

#[tokio::test]
async fn two_clients_on_two_versions_write_and_read_the_same_record() {
    let shop = Shop::open();
    shop.install(store("1.0.0", V1));
    let id = shop.create("item", json!({ "name": "Lamp", "price": "1.00" })).await.unwrap();
    shop.install(store("1.1.0", V2));
    let (old, new) = (shop.pinned("store@1.0"), shop.session.clone());

    // The old one writes: by its names, under today's defaults.
    let made =
        old.change(vec![create("item", json!({ "name": "Desk", "price": "5.00" }))], false).await.unwrap();
    let desk = made.outcomes[0].ids[0].clone();
    assert_eq!(shop.field("item", &desk, "rank"), Some(Value::Int(3)));
    old.change(vec![update("item", &id, json!({ "price": "2.00" }))], false).await.unwrap();
    let question = json!({ "object": "item", "fields": ["name", "amount", "rank"], "orderBy": ["amount"] });
    assert_eq!(
        ask(&new, question).await.unwrap(),
        ["name=Lamp amount=2.00 rank=3", "name=Desk amount=5.00 rank=3"]
    );

    // The new one writes, the old one reads.
    new.change(vec![update("item", &id, json!({ "amount": "3.00", "rank": 9 }))], false).await.unwrap();
    let question = json!({ "object": "item", "fields": ["name", "price"], "where": { "price": { "$gt": 2 } }, "orderBy": ["-price"] });
    assert_eq!(ask(&old, question).await.unwrap(), ["name=Desk price=5.00", "name=Lamp price=3.00"]);
    assert_eq!(
        sql(&old, "SELECT name, price FROM item WHERE price < 4").await.unwrap(),
        ["name=Lamp price=3.00"]
    );
    let columns = sql(&old, "SELECT * FROM item LIMIT 1").await.unwrap();
    assert!(
        columns[0].contains(" price=") && !columns[0].contains("rank") && !columns[0].contains("amount"),
        "{columns:?}"
    );

    // What the old version does not have is not there for it, in reading and in writing.
    assert!(ask(&old, json!({ "object": "item", "fields": ["rank"] })).await.is_err());
    assert!(sql(&old, "SELECT rank FROM item").await.is_err());
    let unknown = old.change(vec![update("item", &id, json!({ "rank": 1 }))], false).await.unwrap_err();
    assert_eq!(told(&unknown), ["0 item.rank unknown_field"]);
    let unknown = old.change(vec![update("item", &id, json!({ "amount": 1 }))], false).await.unwrap_err();
    assert_eq!(told(&unknown), ["0 item.amount unknown_field"]);
    // Findings name things as the client knows them.
    let wrong = old.change(vec![update("item", &id, json!({ "price": "much" }))], false).await.unwrap_err();
    assert_eq!(told(&wrong), ["0 item.price invalid_number"]);

    let mut session = shop.session.clone();
    assert_eq!(session.pin("store@2").unwrap_err().code, "VERSION_NOT_FOUND");
    assert_eq!(session.pin("store").unwrap_err().code, "INVALID_VERSION");
    session.pin("store@1.1.0").unwrap();
    assert_eq!(
        ask(&session, json!({ "object": "item", "fields": ["rank"], "limit": 1 })).await.unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_combination_is_compiled_once_however_it_is_written() {
    let shop = Shop::open();
    shop.install(store("1.0.0", V1));
    shop.install(store("1.1.0", V2));
    let core = shop.engine.registry().packages.get("core").unwrap().version.clone();
    let first = shop.pinned("store@1.0");
    let kept = first.pinned().unwrap();
    for text in [" store@1.0 ", "store@1.0.0", "store@1", &format!("core@{core}, store@1.0.0")] {
        let other = shop.pinned(text);
        assert_eq!(other.pinned_version(), text.trim(), "as it was taken");
        let same = Arc::ptr_eq(kept, other.pinned().unwrap());
        assert_eq!(same, !text.contains("core") && text != "store@1", "{text}");
    }
    let one = shop.pinned(&format!("core@{core},store@1.0.0"));
    let other = shop.pinned(&format!("store@1.0 , core@{core}"));
    assert!(Arc::ptr_eq(one.pinned().unwrap(), other.pinned().unwrap()));
    // Many texts are no more work, and are not kept for ever.
    for n in 0..1_000 {
        let again = shop.pinned(&format!("store@1.0{}", " ".repeat(n % 300)));
        assert!(Arc::ptr_eq(kept, again.pinned().unwrap()));
        let blank = shop.pinned(&format!("{}store@1.0.0,{}core@{core}", " ".repeat(n % 7), " ".repeat(n)));
        assert!(Arc::ptr_eq(one.pinned().unwrap(), blank.pinned().unwrap()));
    }
    let mut session = shop.session.clone();
    assert_eq!(session.pin("store@1.0, store@1.1").unwrap_err().code, "INVALID_VERSION");
    assert_eq!(session.pin(&"store@1.0,".repeat(101)).unwrap_err().kind, ErrorKind::Limited);
    assert_eq!(session.pin(&" ".repeat(5_000).replace("  ", " x")).unwrap_err().kind, ErrorKind::Limited);
}

#[tokio::test]
async fn former_names_of_objects_and_fields_answer_in_reads_and_writes() {
    let shop = Shop::open();
    let part = "idPrefix: bit\nfields:\n  title: { type: text }\n  item_id: { type: lookup, reference: item }\n  number: { type: autonumber, format: 'P{0000}' }\n";
    let unique = format!("{V1}  code: {{ type: text, unique: true }}\nsearchable: [name]\n");
    shop.install(store_files("1.0.0", &[("item.object.yml", &unique), ("bit.object.yml", part)]));
    let item = shop.create("item", json!({ "name": "Lamp", "price": "1.00", "code": "L" })).await.unwrap();
    shop.create("bit", json!({ "title": "Bulb", "item_id": item })).await.unwrap();

    let good = "alias: item\nfields:\n  label: { type: text, required: true, maxLength: 20, alias: name }\n  amount: { type: currency, alias: price }\n  \
                sku: { type: text, unique: true, alias: code }\nsearchable: [name]\n";
    let good = format!("idPrefix: itm\n{good}");
    let piece = "alias: bit\nidPrefix: bit\nfields:\n  title: { type: text }\n  good_id: { type: lookup, reference: good, alias: item_id }\n  number: { type: autonumber, format: 'P{0000}' }\n";
    shop.install(store_files("1.1.0", &[("good.object.yml", &good), ("piece.object.yml", piece)]));

    let now = json!({ "object": "good", "fields": ["label", "amount"], "where": { "sku": "L" } });
    assert_eq!(ask(&shop.session, now).await.unwrap(), ["label=Lamp amount=1.00"]);
    let then = json!({ "object": "item", "fields": ["name", "price"], "where": { "code": "L" }, "orderBy": ["name"] });
    assert_eq!(ask(&shop.session, then).await.unwrap().len(), 1);
    let path = json!({ "object": "bit", "fields": ["title", "item.name"], "where": { "item.price": { "$gte": 1 } } });
    assert_eq!(ask(&shop.session, path).await.unwrap().len(), 1);
    let lists = json!({ "object": "item", "fields": ["name"], "expand": { "bits": { "fields": ["title", "number"] } } });
    let lists = ask(&shop.session, lists).await.unwrap();
    assert!(lists[0].contains("Bulb") && lists[0].contains("P0001"), "{lists:?}");
    let found =
        ask(&shop.session, json!({ "object": "item", "fields": ["name"], "search": "lamp" })).await.unwrap();
    assert_eq!(found.len(), 1);
    let joined =
        "SELECT i.name, p.title, i.price FROM item i JOIN bit p ON p.item_id = i.id WHERE i.code = 'L'";
    assert_eq!(sql(&shop.session, joined).await.unwrap(), ["name=Lamp title=Bulb price=1.00"]);
    let plain = sql(&shop.session, "SELECT * FROM good").await.unwrap();
    assert!(!plain[0].contains("name=") && plain[0].contains("label=Lamp"), "{plain:?}");

    // Writes by former names: an upsert finds the record, a number counts on, a reference is checked, a delete follows it.
    let outcome =
        shop.change(vec![upsert("item", &["code"], json!({ "code": "L", "price": "4.00" }))]).await.unwrap();
    assert_eq!((outcome[0].ids[0].as_str(), outcome[0].object.as_str()), (item.as_str(), "good"));
    assert_eq!(shop.field("item", &item, "price"), Some(Value::Decimal(400)));
    let second = shop.create("bit", json!({ "title": "Cable", "item_id": item })).await.unwrap();
    assert_eq!(shop.field("bit", &second, "number"), Some(text("P0002")));
    let missing = shop.create("bit", json!({ "item_id": "nothing" })).await.unwrap_err();
    assert_eq!(told(&missing), ["0 piece.good_id reference_not_found"]);
    let twice = shop.create("item", json!({ "name": "A", "label": "B" })).await.unwrap_err();
    assert_eq!(told(&twice), ["0 good.name duplicate_field"]);
    let taken = shop.create("item", json!({ "name": "Other", "code": "L" })).await.unwrap_err();
    assert_eq!(told(&taken), ["0 good.sku unique"]);
    shop.change(vec![delete("item", &item)]).await.unwrap();
    assert_eq!(shop.field("bit", &second, "item_id"), Some(Value::Null));
}

#[tokio::test]
async fn another_package_adds_to_an_object() {
    let shop = Shop::open();
    shop.install(store("1.0.0", &format!("{V1}  stage: {{ type: select, options: [open] }}\n")));
    let own = |object: &str, version: &str| {
        let package =
            format!("name: own\nversion: {version}\nscope: tenant\ndepends: {{ store: ^1, core: '*' }}\n");
        let files = BTreeMap::from([
            ("package.yml".to_owned(), package),
            ("item.object.yml".to_owned(), object.to_owned()),
        ]);
        Bundle::of_files("own", &files).unwrap()
    };
    let added = "extends: item\nfields: { shelf: { type: text, index: true } }\noptions: { stage: [sold] }\n";
    let before = shop.engine.registry();
    shop.install(own(added, "1.0.0"));
    let id = shop.create("item", json!({ "name": "Lamp", "shelf": "A1", "stage": "sold" })).await.unwrap();
    assert_eq!(shop.field("item", &id, "shelf"), Some(text("A1")));
    assert_eq!(
        ask(&shop.session, json!({ "object": "item", "fields": ["name"], "where": { "shelf": "A1" } }))
            .await
            .unwrap()
            .len(),
        1
    );
    let now = shop.engine.registry();
    let field = now.get("item").unwrap().field("shelf").unwrap();
    assert_eq!(field.added_by.as_ref().map(|package| package.as_str()), Some("own"));
    assert!(
        Arc::ptr_eq(before.get("user").unwrap(), now.get("user").unwrap()),
        "what is the same is held once"
    );
    let collides = shop
        .session
        .publish(&[own("extends: item\nfields: { price: { type: text } }\n", "1.1.0")])
        .unwrap_err();
    assert!(
        collides.message.contains("[duplicate-field]")
            && collides.message.contains("store@1.0.0/item.object.yml:4"),
        "{collides}"
    );
    let gone = shop
        .session
        .publish(&[own("extends: item\nfields: { depth: { type: text } }\n", "1.1.0")])
        .unwrap_err();
    assert_eq!(gone.code, "BREAKING_CHANGE");
}

#[tokio::test]
async fn a_transaction_from_before_a_fill_begins_again_and_a_plain_change_does_so_by_itself() {
    let shop = Shop::open();
    shop.install(store("1.0.0", V1));
    let mut open = shop.session.begin();
    open.apply(vec![create("item", json!({ "name": "Late" }))]).await.unwrap();
    let mut reader = shop.session.begin();
    reader.apply(vec![]).await.unwrap();
    shop.install(store("1.1.0", V2));
    let error = open.commit().await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Conflict, "CONCURRENT_UPDATE"));
    reader.commit().await.unwrap();
    // One that nothing was filled for goes on.
    let mut open = shop.session.begin();
    open.apply(vec![create("item", json!({ "name": "In time" }))]).await.unwrap();
    shop.install(store("1.2.0", &format!("{V2}  note: {{ type: text }}\n")));
    open.commit().await.unwrap();
}
