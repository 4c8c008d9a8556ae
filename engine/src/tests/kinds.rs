//! Validations of every kind that looks further than one record: unique among some, several in one, of records that go.

use std::collections::BTreeMap;

use quarry_metadata::Bundle;

use super::*;
use crate::ErrorKind;

fn offer(id: &str, data: Json) -> Change {
    let mut all = json!({ "id": id, "name": id, "zone": id });
    all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    create("offer", all)
}

fn standard(id: &str) -> Change {
    offer(id, json!({ "standard": true }))
}

#[tokio::test]
async fn one_only_among_those_that_count() {
    let shop = Shop::open();
    shop.change(vec![standard("a"), offer("b", json!({})), offer("c", json!({}))]).await.unwrap();
    let refused = shop.change(vec![standard("d")]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 offer.standard ONE_STANDARD"]);
    let finding = &refused.findings[0];
    assert_eq!(finding.message, "d can't be standard too (offer \"a\")", "it names the holder");
    assert_eq!(finding.constraint.as_deref(), Some("offer_one_standard_once"));
    shop.change(vec![offer("d", json!({ "standard": true, "active": false }))]).await.unwrap();
    let on = |id: &str, flag: bool| update("offer", id, json!({ "active": flag }));
    assert_eq!(told(&shop.change(vec![on("d", true)]).await.unwrap_err()), ["0 offer.standard ONE_STANDARD"]);
    shop.change(vec![on("a", false), on("d", true)]).await.unwrap();
    let both = vec![update("offer", "b", json!({ "standard": true })), on("a", true)];
    let refused = shop.change(both).await.unwrap_err();
    assert_eq!(told(&refused), ["0 offer.standard ONE_STANDARD", "1 offer.standard ONE_STANDARD"]);
    shop.change(vec![delete("offer", "d"), on("a", true)]).await.unwrap();
}

#[tokio::test]
async fn several_fields_are_unique_together_and_a_null_is_like_no_other() {
    let shop = Shop::open();
    let place = |id: &str, rank: Option<i64>, status: &str| {
        offer(id, json!({ "zone": "A", "rank": rank, "status": status }))
    };
    shop.change(vec![place("a", Some(1), "open"), place("b", Some(2), "held"), place("c", None, "open")])
        .await
        .unwrap();
    let others = vec![
        place("d", None, "held"),
        place("e", Some(1), "over"),
        place("f", Some(1), "held"),
        offer("g", json!({ "zone": "B", "rank": 1 })),
    ];
    let refused = shop.change(others).await.unwrap_err();
    assert_eq!(told(&refused), ["2 offer PLACE_TAKEN"]);
    assert_eq!(refused.findings[0].message, "A 1 is taken (offer \"a\")");
    let upserted = upsert("offer", &["id"], json!({ "id": "a", "rank": 2 }));
    assert_eq!(told(&shop.change(vec![upserted]).await.unwrap_err()), ["0 offer PLACE_TAKEN"]);
    let by_rule = upsert("offer", &["zone", "rank"], json!({ "zone": "A", "rank": 1, "name": "x" }));
    let refused = shop.change(vec![by_rule]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid, "it does not tell which record is meant: {refused}");
    let mut bulk = shop.session.bulk();
    bulk.add(vec![place("x", Some(7), "open")]).await.unwrap().unwrap();
    let again = bulk.add(vec![place("y", Some(7), "open")]).await.unwrap_err();
    assert_eq!(told(&again), ["0 offer unique"], "of the same load");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_do_not_both_pass() {
    let shop = Shop::open();
    let (mut one, mut other) = (shop.session.begin(), shop.session.begin());
    one.apply(vec![standard("a")]).await.unwrap();
    other.apply(vec![standard("b")]).await.unwrap();
    one.commit().await.unwrap();
    let late = other.commit().await.unwrap_err();
    assert_eq!(told(&late), ["0 offer.standard ONE_STANDARD"], "found when it is committed");
    shop.change(vec![delete("offer", "a")]).await.unwrap();
    let shop = Arc::new(shop);
    let tries = (0..8).map(|number| {
        let shop = shop.clone();
        tokio::spawn(async move { shop.change(vec![standard(&format!("o{number}"))]).await })
    });
    let done = futures::future::join_all(tries).await;
    let (made, refused): (Vec<_>, Vec<_>) = done.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!((made.len(), shop.rows("offer")), (1, 1));
    for refused in refused {
        assert_eq!(told(&refused.unwrap_err()), ["0 offer.standard ONE_STANDARD"]);
    }
}

#[tokio::test]
async fn a_composite_is_broken_as_its_parts_say() {
    let shop = Shop::open();
    let bare = |id: &str, data: Json| offer(id, json!({ "zone": null, "active": false })).and(data);
    for (data, well) in [
        (json!({ "standard": true }), false),
        (json!({ "standard": true, "rank": 0 }), false),
        (json!({ "standard": true, "rank": 1 }), true),
        (json!({ "standard": true, "zone": "Z" }), true),
        (json!({ "standard": false }), true),
    ] {
        let done = shop.change(vec![bare(&format!("o{}", shop.rows("offer")), data.clone())]).await;
        assert_eq!(done.is_ok(), well, "{data}: {done:?}");
        if let Err(error) = done {
            assert_eq!(told(&error), ["0 offer.zone SOMEWHERE"]);
        }
    }
}

trait And {
    fn and(self, data: Json) -> Self;
}

impl And for Change {
    fn and(mut self, data: Json) -> Self {
        if let Operation::Create(fields) = &mut self.operation {
            fields.extend(record(data));
        }
        self
    }
}

#[tokio::test]
async fn rules_about_deletes_refuse_them_cascades_too() {
    let shop = Shop::open();
    let part =
        |id: &str, within: &str, status: &str| offer(id, json!({ "within_id": within, "status": status }));
    shop.change(vec![
        offer("whole", json!({})),
        part("first", "whole", "open"),
        part("second", "whole", "held"),
        part("deep", "first", "held"),
    ])
    .await
    .unwrap();
    let refused = shop.change(vec![delete("offer", "whole")]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 offer IS_HELD", "0 offer IS_HELD"]);
    let mut ids: Vec<_> = refused.findings.iter().map(|finding| finding.id.clone().unwrap()).collect();
    ids.sort();
    assert_eq!((ids, shop.rows("offer")), (vec!["deep".to_owned(), "second".to_owned()], 4));
    let all = Operation::DeleteWhere { filter: crate::objectql::Filter::parse(&json!({})).unwrap() };
    assert!(shop.change(vec![change("offer", all)]).await.is_err(), "whichever way it is asked");
    let free = |id: &str| update("offer", id, json!({ "status": "over" }));
    let report = shop
        .session
        .change(vec![free("second"), free("deep"), delete("offer", "whole")], false)
        .await
        .unwrap();
    let warned: Vec<_> = report.warnings.told.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(warned, ["whole has parts", "first has parts"]);
    assert_eq!(shop.rows("offer"), 0);
}

/// A package of one object with a rule, or without.
fn badges(version: &str, rule: &str) -> Bundle {
    let package = format!("name: badges\nversion: {version}\ndepends: {{ core: '*' }}\n");
    let object = "idPrefix: bad\nfields:\n  name: { type: text, required: true }\n  desk: { type: text }\n  \
                  worn: { type: boolean, default: true }\n";
    let mut files = BTreeMap::from([
        ("package.yml".to_owned(), package),
        ("badge.object.yml".to_owned(), object.to_owned()),
    ]);
    if !rule.is_empty() {
        files.insert("badge.validation.yml".to_owned(), format!("rules:\n  - {rule}\n"));
    }
    Bundle::of_files("badges", &files).unwrap_or_else(|issues| panic!("{issues}"))
}

#[tokio::test]
async fn a_new_rule_is_held_against_the_records_that_are_there() {
    let shop = Shop::open();
    let install = |bundle: Bundle| {
        let id = bundle.id();
        shop.session.publish(&[bundle])?;
        shop.session.activate(&[id])
    };
    install(badges("1.0.0", "")).unwrap();
    let badge = |id: &str, desk: &str, worn: bool| {
        create("badge", json!({ "id": id, "name": id, "desk": desk, "worn": worn }))
    };
    let badges_there = vec![
        badge("a", "1", true),
        badge("b", "1", true),
        badge("c", "1", false),
        badge("d", "2", true),
        create("badge", json!({ "id": "e", "name": "e" })),
        create("badge", json!({ "id": "f", "name": "f" })),
    ];
    shop.change(badges_there).await.unwrap();
    let rule = "{ name: one_desk, kind: unique, fields: [desk], when: worn, message: x }";
    let refused = install(badges("1.1.0", rule)).unwrap_err();
    assert_eq!((refused.kind, refused.code), (ErrorKind::Violated, "BREAKING_CHANGE"));
    assert!(
        refused.message.contains("the same desk as another: a and b; change them first; 1 records"),
        "{refused}"
    );
    shop.change(vec![update("badge", "b", json!({ "worn": false }))]).await.unwrap();
    let plan = install(badges("1.1.0", rule)).unwrap();
    let built = plan.steps.iter().filter(|step| {
        matches!(&step.effect, quarry_metadata::evolution::Effect::BuildIndex { index, .. } if index == "badge_one_desk_once")
    });
    assert_eq!(built.map(|step| step.records).collect::<Vec<_>>(), [6], "{plan:?}");
    let taken = shop.change(vec![update("badge", "b", json!({ "worn": true }))]).await.unwrap_err();
    assert_eq!(told(&taken), ["0 badge.desk ONE_DESK"]);
    shop.session.rollback("badges").unwrap();
    shop.change(vec![update("badge", "b", json!({ "worn": true }))]).await.unwrap();
    let back = shop.session.activate(&["badges@1.1.0".to_owned()]).unwrap_err();
    assert_eq!(back.kind, ErrorKind::Violated, "the store has the last word: {back}");
}
