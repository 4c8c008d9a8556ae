//! Rules of the weight of a warning: the change is made, and told about.

use super::*;
use crate::Warnings;

/// What warnings say, briefly: `0 pallet.weight HEAVY`.
fn said(warnings: &Warnings) -> Vec<String> {
    told(&Error::of_findings(warnings.told.clone()))
}

fn pallet(name: &str, weight: u32) -> Change {
    create("pallet", json!({ "name": name, "weight": weight, "zone": "A" }))
}

#[tokio::test]
async fn a_warning_is_told_and_the_change_is_made() {
    let shop = Shop::open();
    let changes = vec![
        pallet("One", 5),
        create("pallet", json!({ "name": "Two", "weight": 500 })),
        pallet("Three", 0),
        pallet("Four", 101),
    ];
    let report = shop.session.change(changes, false).await.unwrap();
    let expected = ["1 pallet NO_ZONE", "1 pallet.weight HEAVY", "2 pallet SHARES", "3 pallet.weight HEAVY"];
    assert_eq!(said(&report.warnings), expected, "all of them, in the order of the changes");
    assert_eq!(report.warnings.told[1].message, "Two weighs 500 kg");
    assert_eq!((report.outcomes.len(), shop.rows("pallet"), report.warnings.more), (4, 4, 0));
}

#[tokio::test]
async fn state_machines_may_warn() {
    let shop = Shop::open();
    let id = shop.create("pallet", json!({ "name": "One", "zone": "A" })).await.unwrap();
    let to = |status: &str| vec![update("pallet", &id, json!({ "status": status }))];
    let unusual = shop.session.change(to("gone"), false).await.unwrap();
    assert_eq!(said(&unusual.warnings), ["0 pallet.status UNUSUAL"]);
    assert_eq!(unusual.warnings.told[0].id.as_deref(), Some(id.as_str()));
    assert_eq!(unusual.warnings.told[0].message, "open to gone is unusual");
    assert_eq!(shop.field("pallet", &id, "status"), Some(text("gone")));
    let same = shop.session.change(to("gone"), false).await.unwrap();
    assert!(same.warnings.is_empty(), "nothing changed");
}

#[tokio::test]
async fn errors_refuse_and_the_warnings_are_listed_beside_them() {
    let shop = Shop::open();
    let changes = vec![pallet("One", 500), pallet("Two", 2000), create("pallet", json!({ "weight": 1 }))];
    let refused = shop.session.change(changes, false).await.unwrap_err();
    assert_eq!(told(&refused), ["1 pallet.weight LIFTABLE", "2 pallet.name required"]);
    let beside = refused.warnings.unwrap();
    assert_eq!(said(&beside), ["0 pallet.weight HEAVY", "1 pallet.weight HEAVY", "2 pallet NO_ZONE"]);
    assert_eq!(shop.rows("pallet"), 0);
}

#[tokio::test]
async fn dry_runs_transactions_and_loads_tell_them_too() {
    let shop = Shop::open();
    let dry = shop.session.change(vec![pallet("One", 500)], true).await.unwrap();
    assert_eq!((said(&dry.warnings).len(), shop.rows("pallet")), (1, 0));
    let mut transaction = shop.session.begin();
    let applied = transaction.apply(vec![pallet("One", 500)]).await.unwrap();
    assert_eq!(said(&applied.warnings), ["0 pallet.weight HEAVY"]);
    let quiet = transaction.apply(vec![pallet("Two", 5)]).await.unwrap();
    assert!(quiet.warnings.is_empty(), "each call tells its own");
    let mut bulk = shop.session.bulk();
    let added = bulk.add(vec![pallet("Three", 500)]).await.unwrap().unwrap();
    assert_eq!(said(&added.warnings), ["0 pallet.weight HEAVY"]);
}

#[tokio::test]
async fn past_the_limit_they_are_counted() {
    let shop = Shop::open();
    let changes = (0..1_200).map(|number| pallet(&format!("Pallet {number}"), 500)).collect();
    let report = shop.session.change(changes, false).await.unwrap();
    assert_eq!((report.warnings.told.len(), report.warnings.more), (1_000, 200));
    assert_eq!(shop.rows("pallet"), 1_200);
}

#[tokio::test]
async fn they_are_told_in_the_language_of_who_asks() {
    let shop = Shop::open();
    let options = SessionOptions { locale: "de".to_owned(), ..SessionOptions::default() };
    let session = shop.engine.session(shop.session.principal().clone(), options);
    let report = session.change(vec![pallet("Eins", 500)], false).await.unwrap();
    assert_eq!(report.warnings.told[0].message, "Eins wiegt 500 kg");
}
