//! Records that are written together are what they are one after another: rows, findings and warnings.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use quarry_metadata::Bundle;
use quarry_storage::{Row, ScanRequest};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value as Json, json};

use crate::{
    Applied, Change, Error, Operation, objectql,
    tests::{Shop, change, create, record, update, upsert},
};

const ROUNDS: u64 = 2;
const CALLS: usize = 25;

const SHELF: &str = "
fields:
  name: { type: text, required: true }
  open: { type: boolean, default: true }
  box_count: { type: summary, summaryOperations: { relation: boxes, function: count } }
  total: { type: summary, summaryOperations: { relation: boxes, function: sum, field: price } }
  seen: { type: currency, readonly: true }
";
const SHELF_TRIGGERS: &str = "
triggers:
  - { name: see, on: [before update], when: changed(\"total\"), steps: [{ set: { seen: total } }] }
  - { name: laden, on: [before update], when: seen > 300, steps: [{ warn: { errorCode: LADEN, message: '{name} holds {seen}' } }] }
";
const BOX: &str = "
fields:
  name: { type: text, required: true, maxLength: 8 }
  code: { type: text, unique: true }
  kind: { type: select, options: [a, b, c], default: a }
  pieces: { type: number, scale: 0 }
  share: { type: number, scale: 2, readonly: true }
  price: { type: currency, default: 'pieces * 2' }
  mark: { type: text }
  note: { type: text, requiredWhen: 'kind == \"b\"', readonlyWhen: 'kind == \"c\"' }
  number: { type: autonumber, format: 'B-{kind}-{00}' }
  worth: { type: formula, returnType: currency, index: true, expression: price * pieces }
  shelf_id: { type: lookup, reference: shelf, reverseName: boxes }
";
const BOX_TRIGGERS: &str = "
triggers:
  - { name: shared, on: [before create, before update], when: changed(\"pieces\"), steps: [{ set: { share: 100.0 / pieces } }] }
  - name: large
    on: [before create, before update]
    when: share > 20
    steps:
      - set: { mark: '\"large\"', note: 'coalesce(note, mark)' }
      - reject: { when: 'kind == \"c\" && pieces > 3', errorCode: TOO_MANY, message: '{name} has {pieces}' }
  - { name: many, on: [before create], when: pieces > 6, steps: [{ warn: { errorCode: MANY, message: '{name} is {mark}' } }] }
  - { name: shut, on: [before create, before update], when: shelf.open == false, steps: [{ reject: { errorCode: SHUT, message: '{name} finds no place' } }] }
";
const BOX_RULES: &str = "
rules:
  - { name: dear, kind: range, field: price, max: 60, errorCode: DEAR, message: '{name} costs {price}' }
  - { name: named, kind: cross_field, severity: warning, condition: name != mark, message: '{name} is marked so' }
";

fn open() -> Shop {
    let shop = Shop::open();
    let package = "name: stock\nversion: 1.0.0\ndepends: { core: '*' }\n";
    let files = [
        ("package.yml", package),
        ("shelf.object.yml", SHELF),
        ("shelf.trigger.yml", SHELF_TRIGGERS),
        ("box.object.yml", BOX),
        ("box.trigger.yml", BOX_TRIGGERS),
        ("box.validation.yml", BOX_RULES),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let bundle =
        Bundle::of_files("stock", &BTreeMap::from(files)).unwrap_or_else(|issues| panic!("{issues}"));
    let id = bundle.id();
    shop.session.publish(&[bundle]).unwrap_or_else(|error| panic!("{error}"));
    shop.session.activate(&[id]).unwrap_or_else(|error| panic!("{error}"));
    shop
}

/// Every record of an object, by id.
fn all(shop: &Shop, object: &str) -> BTreeMap<String, Row> {
    let table = shop.engine.store().snapshot().table(object).unwrap();
    let mut keys = Vec::new();
    for part in table.scan(ScanRequest { projection: Some(vec![0]), ..ScanRequest::default() }).unwrap() {
        for batch in part {
            crate::work::keys_in(batch.unwrap().columns().first(), &mut keys).unwrap();
        }
    }
    keys.iter().map(|key| (key.to_string(), table.get(key).unwrap().unwrap())).collect()
}

/// One call as a transaction of its own, with so many records at a time.
async fn apply(shop: &Shop, changes: Vec<Change>, together_max: usize) -> Result<Applied, Error> {
    let mut transaction = shop.session.begin();
    transaction.look(|work| work.together_max = together_max);
    let applied = transaction.apply(changes).await?;
    transaction.commit().await.unwrap();
    Ok(applied)
}

/// What a client gives; where it is `careless` some of it is wrong.
fn data(shelves: &[String], careless: bool, random: &mut StdRng) -> Json {
    let mut data = serde_json::Map::new();
    let shelf = match shelves.len() {
        0 => Json::Null,
        count => shelves[random.random_range(0..count)].clone().into(),
    };
    let names: &[&str] =
        if careless { &["Bolt", "large", "", "Much too long a name"] } else { &["Bolt", "large", "Nut"] };
    let (kinds, least): (&[&str], i32) = if careless { (&["a", "b", "c"], -1) } else { (&["a", "c"], 1) };
    let fields: [(&str, Json); 7] = [
        ("name", names[random.random_range(0..names.len())].into()),
        ("kind", kinds[random.random_range(0..kinds.len())].into()),
        ("pieces", random.random_range(least..9).into()),
        ("price", random.random_range(0..if careless { 63 } else { 60 }).into()),
        ("note", if random.random_bool(0.5) { "Fragile".into() } else { Json::Null }),
        ("code", format!("C{}", random.random_range(0..30)).into()),
        ("shelf_id", shelf),
    ];
    for (field, value) in fields {
        let is_risky = matches!(field, "code" | "note");
        if random.random_bool(0.6) && (careless || !is_risky) {
            data.insert(field.to_owned(), value);
        }
    }
    Json::Object(data)
}

fn random_call(shop: &Shop, random: &mut StdRng) -> Vec<Change> {
    let names = |object: &str| all(shop, object).into_keys().collect::<Vec<_>>();
    let (mut shelves, boxes) = (names("shelf"), names("box"));
    let mut changes = Vec::new();
    let careless = random.random_bool(0.4);
    if random.random_bool(0.3) {
        let is_open = !careless || random.random_bool(0.9);
        changes.push(create("shelf", json!({ "name": "New", "open": is_open })));
        shelves.push("$ref:0.id".to_owned());
    }
    let kind = random.random_range(0..6);
    for _ in 0..random.random_range(1..20) {
        let mut data = data(&shelves, careless && random.random_bool(0.2), random);
        let picked = boxes.get(random.random_range(0..boxes.len().max(1))).cloned();
        changes.push(match (kind + usize::from(random.random_bool(0.1)), picked) {
            (0 | 1, _) | (_, None) => {
                data["name"] = "Bolt".into();
                create("box", data)
            }
            (2, Some(id)) => {
                data["id"] = id.into();
                upsert("box", &["id"], data)
            }
            (3, _) => {
                data["code"] = format!("C{}", random.random_range(0..60)).into();
                data["name"] = "Nut".into();
                upsert("box", &["code"], data)
            }
            (4, Some(_)) => {
                let filter =
                    objectql::Filter::parse(&json!({ "pieces": random.random_range(-1..9) })).unwrap();
                change("box", Operation::UpdateWhere { filter, data: record(data) })
            }
            (_, Some(id)) => update("box", &id, data),
        });
    }
    changes
}

#[tokio::test]
async fn many_at_once_are_what_they_are_one_after_another() {
    let told = std::env::var("QUARRY_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let first: u64 = told.unwrap_or_else(rand::random);
    println!("QUARRY_TEST_SEED={first}");
    let (single, many) = (open(), open());
    let (mut kept, mut refused, mut warned) = (0, 0, 0);
    for round in 0..ROUNDS {
        let mut random = StdRng::seed_from_u64(first.wrapping_add(round));
        for call in 0..CALLS {
            let changes = random_call(&many, &mut random);
            let told = format!("seed {first}, round {round}, call {call}: {changes:?}");
            let one_by_one = apply(&single, changes.clone(), 1).await;
            let together = apply(&many, changes, 1_024).await;
            match (one_by_one, together) {
                (Ok(one_by_one), Ok(together)) => {
                    assert_eq!(one_by_one, together, "{told}");
                    kept += 1;
                    warned += together.warnings.told.len();
                }
                (Err(one_by_one), Err(together)) => {
                    assert_eq!(one_by_one.findings, together.findings, "{told}");
                    assert_eq!(one_by_one.message, together.message, "{told}");
                    assert_eq!(one_by_one.warnings, together.warnings, "{told}");
                    refused += 1;
                }
                (one_by_one, together) => panic!("{told}: {one_by_one:?}, together {together:?}"),
            }
            for object in ["box", "shelf"] {
                assert_eq!(all(&single, object), all(&many, object), "{told}");
            }
        }
    }
    println!("{kept} calls were kept, {refused} refused, {warned} warnings");
    assert!(kept > 5 && refused > 5 && warned > 5, "{kept} kept, {refused} refused, {warned} warnings");
}
