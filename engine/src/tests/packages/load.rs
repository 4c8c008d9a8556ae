//! Versions that come while others write and read.

#[path = "../../../../metadata/tests/mutations/mod.rs"]
mod mutations;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use quarry_metadata::FieldKind;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

/// Random new versions of a package, published and activated one after another while others read and write by the names of
/// the first version: nobody notices. `QUARRY_TEST_MUTATIONS=300` is the long form.
#[tokio::test(flavor = "multi_thread")]
async fn random_versions_come_and_go_under_a_load() {
    let seed = std::env::var("QUARRY_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    let turns =
        std::env::var("QUARRY_TEST_MUTATIONS").ok().and_then(|turns| turns.parse().ok()).unwrap_or(24);
    println!("QUARRY_TEST_SEED={seed} QUARRY_TEST_MUTATIONS={turns}");
    let shop = Arc::new(Shop::open());
    let mut published = mutations::base();
    // The fixture's own package is called so too.
    let named = |files: &mutations::Files, version: usize| {
        let mut files = files.clone();
        let package = files.get_mut("package.yml").unwrap();
        package["name"] = "mutants".into();
        package["version"] = format!("1.{version}.0").into();
        Bundle::of_files("mutants", &mutations::texts(&files)).unwrap_or_else(|issues| panic!("{issues}"))
    };
    shop.install(named(&published, 0));
    shop.create(
        "customer",
        json!({ "name": "First", "industry": "law", "colors": ["red", "green"], "size": 1 }),
    )
    .await
    .unwrap();

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let load = |number: u64| {
        let (shop, stop, done) = (shop.clone(), stop.clone(), done.clone());
        tokio::spawn(async move {
            let mut round = 0u64;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let name = format!("c{number}-{round}");
                let id = shop
                    .create("customer", json!({ "name": name, "industry": "tech", "colors": ["red"] }))
                    .await;
                let id = id.unwrap_or_else(|error| panic!("a write failed: {error} {:?}", error.findings));
                shop.create("order", json!({ "title": name, "customer_id": id, "amount": "1.50" }))
                    .await
                    .unwrap_or_else(|error| panic!("a write failed: {error} {:?}", error.findings));
                let question = json!({ "object": "order", "fields": ["title", "customer.name"], "where": { "customer_id": id } });
                let found = ask(&shop.session, question).await;
                assert_eq!(found.unwrap_or_else(|error| panic!("a read failed: {error}")).len(), 1);
                done.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let clients: Vec<_> = (0..3).map(load).collect();
    // What they write is in use from here on: whether an option is, must not change between the question and the activation.
    while done.load(Ordering::Relaxed) == 0 && clients.iter().all(|client| !client.is_finished()) {
        tokio::task::yield_now().await;
    }

    let mut random = StdRng::seed_from_u64(seed);
    let (mut number, mut version) = (0, 0);
    for turn in 0..turns {
        let mut files = published.clone();
        let mut mutator = mutations::Mutator { files: &mut files, random: &mut random, number };
        let expected = mutator.change(turn % 2 == 0);
        number = mutator.number;
        // More digits are another column, which the store does not change; it says so.
        if expected.told.starts_with("more digits:") {
            continue;
        }
        let safe = expected.safe || removes_what_nobody_uses(&shop, &expected).await;
        let bundle = named(&files, version + 1);
        let (shop, id) = (shop.clone(), bundle.id());
        let outcome = tokio::task::spawn_blocking(move || {
            shop.session.publish(&[bundle])?;
            shop.session.activate(&[id])
        });
        match (outcome.await.unwrap(), safe) {
            (Ok(_), true) => {
                published = files;
                version += 1;
            }
            (Err(error), false) => {
                assert_eq!(error.code, "BREAKING_CHANGE", "turn {turn}: {expected:?}: {error}");
                let finding =
                    error.findings.iter().find(|f| f.code == expected.code && f.object == expected.subject);
                let finding = finding.unwrap_or_else(|| panic!("turn {turn}: {expected:?} not in {error}"));
                for dependent in &expected.dependents {
                    assert!(
                        finding.message.contains(dependent),
                        "turn {turn}: {expected:?}: {}",
                        finding.message
                    );
                }
            }
            (Ok(_), false) => panic!("turn {turn}: activated: {expected:?}"),
            (Err(error), true) => panic!("turn {turn}: refused: {expected:?}: {error}"),
        }
        assert!(
            clients.iter().all(|client| !client.is_finished()),
            "turn {turn}: a client ended after {expected:?}"
        );
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let done = done.load(Ordering::Relaxed);
    println!("{turns} changes, {version} of them activated, while clients wrote and read {done} times");
    assert!(done > 0 && version > 0);
}

/// Which options records use is not known to who makes up the change.
async fn removes_what_nobody_uses(shop: &Shop, expected: &mutations::Expected) -> bool {
    let Some(option) = expected.told.strip_prefix("remove an option: ") else { return false };
    let (place, value) = option.split_once(" = ").unwrap();
    let (object, field) = place.split_once('.').unwrap();
    let value: String = serde_json::from_str(value).unwrap();
    let registry = shop.engine.registry();
    let condition = match registry.get(object).unwrap().field(field).unwrap().kind {
        FieldKind::MultiSelect { .. } => json!({ field: { "$contains": value } }),
        _ => json!({ field: value }),
    };
    let question = json!({ "object": object, "fields": ["id"], "where": condition, "limit": 1 });
    ask(&shop.session, question).await.unwrap().is_empty()
}
