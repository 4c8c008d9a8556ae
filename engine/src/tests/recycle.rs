//! The recycle bin: what is deleted goes into it with all it takes along, is seen nowhere, and comes back as it was.

use futures::StreamExt;

use super::*;
use crate::{Done, ErrorKind, Query};

async fn stocked() -> Shop {
    let shop = Shop::open();
    let changes = vec![
        create("maker", json!({ "id": "acme", "name": "Acme" })),
        create("maker", json!({ "id": "bolt", "name": "Bolt" })),
        crate_of(
            "c1",
            json!({ "code": "A", "maker_id": "bolt", "maker_ids": ["acme", "bolt"], "secret": "long enough" }),
        ),
        create("label", json!({ "id": "l1", "text": "up", "crate_id": "c1" })),
        create("scratch", json!({ "id": "s1", "text": "deep", "crate_id": "c1" })),
        crate_of("c2", json!({ "code": "B", "within_id": "c1" })),
        create("label", json!({ "id": "l2", "text": "down", "crate_id": "c2" })),
    ];
    shop.change(changes).await.unwrap_or_else(|error| panic!("{error}: {:?}", told(&error)));
    shop
}

fn crate_of(id: &str, data: Json) -> Change {
    let mut all = json!({ "id": id, "name": format!("Crate {id}"), "keeper_id": "acme" });
    all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    create("crate", all)
}

fn undelete(object: &str, id: &str) -> Change {
    change(object, Operation::Undelete { id: id.to_owned() })
}

/// The ids that a question of an object finds, in order.
async fn ids(shop: &Shop, query: Json) -> Vec<String> {
    let query = Query::parse(&query).unwrap();
    let mut answer = shop.session.query(&query).await.unwrap_or_else(|error| panic!("{error}"));
    let mut found = Vec::new();
    while let Some(batch) = answer.batches.next().await {
        let batch = batch.unwrap();
        let column = batch.column_by_name("id").unwrap();
        found.extend(
            (0..batch.num_rows())
                .map(|row| arrow::util::display::array_value_to_string(column, row).unwrap()),
        );
    }
    found.sort();
    found
}

async fn binned(shop: &Shop, object: &str) -> Vec<String> {
    ids(shop, json!({ "object": format!("recycle_bin.{object}"), "fields": ["id"] })).await
}

async fn rows_of(shop: &Shop, sql: &str) -> Vec<String> {
    let mut batches = shop.session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).batches;
    let mut rows = Vec::new();
    while let Some(batch) = batches.next().await {
        let batch = batch.unwrap();
        for row in 0..batch.num_rows() {
            let cell = |column: &arrow::array::ArrayRef| {
                arrow::util::display::array_value_to_string(column, row).unwrap()
            };
            rows.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

#[tokio::test]
async fn what_is_deleted_is_seen_nowhere_but_in_the_bin() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    for object in ["crate", "label", "scratch"] {
        assert_eq!(shop.rows(object), 0, "{object}");
    }
    assert_eq!(binned(&shop, "crate").await, ["c1", "c2"]);
    assert_eq!(binned(&shop, "label").await, ["l1", "l2"], "with all it takes along");
    for query in [
        json!({ "object": "crate", "where": { "id": "c1" } }),
        json!({ "object": "crate", "where": { "code": "A" } }),
        json!({ "object": "crate", "where": { "maker_id": "bolt" } }),
        json!({ "object": "crate", "search": "crate" }),
        json!({ "object": "maker", "where": { "id": { "$in": ["nobody"] } } }),
    ] {
        assert!(ids(&shop, query.clone()).await.is_empty(), "{query}");
    }
    // Its unique values are free, and nothing is held by it.
    shop.change(vec![crate_of("c3", json!({ "code": "A" })), delete("maker", "bolt")]).await.unwrap();
    let refers = create("label", json!({ "text": "x", "crate_id": "c1" }));
    assert_eq!(told(&shop.change(vec![refers]).await.unwrap_err()), ["0 label.crate_id reference_not_found"]);
    let none = shop.change(vec![delete("crate", "c1"), update("crate", "c1", json!({ "name": "x" }))]).await;
    assert_eq!(told(&none.unwrap_err()), ["0 crate record_not_found", "1 crate record_not_found"]);
}

#[tokio::test]
async fn it_comes_back_as_it_was_with_all_that_went_with_it() {
    let shop = stocked().await;
    let before = ["created_at", "created_by", "number", "code", "owner", "maker_ids", "secret", "within_id"];
    let of = |field: &str| shop.field("crate", "c2", field);
    let was: Vec<_> = before.iter().map(|field| of(field)).collect();
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let report = shop.session.change(vec![undelete("crate", "c1")], false).await.unwrap();
    let outcome = &report.outcomes[0];
    assert_eq!(
        (outcome.object.as_str(), outcome.done, outcome.ids.as_slice()),
        ("crate", Done::Undeleted, ["c1".to_owned()].as_slice())
    );
    assert_eq!((shop.rows("crate"), shop.rows("label")), (2, 2));
    assert_eq!(shop.rows("scratch"), 0, "what keeps no bin is gone");
    assert!(binned(&shop, "crate").await.is_empty() && binned(&shop, "label").await.is_empty());
    assert_eq!(before.iter().map(|field| of(field)).collect::<Vec<_>>(), was);
    assert_eq!(of("revision"), Some(Value::Int(2)));
    assert_eq!(ids(&shop, json!({ "object": "crate", "search": "crate" })).await, ["c1", "c2"]);
    let again = shop.change(vec![undelete("crate", "c1")]).await.unwrap_err();
    assert_eq!((again.kind, again.code), (ErrorKind::Missing, "RECORD_NOT_FOUND"));
    shop.change(vec![update("crate", "c1", json!({ "code": "C" })), delete("crate", "c1")]).await.unwrap();
    let shop = shop.reopen();
    shop.change(vec![undelete("label", "l2")]).await.unwrap();
    assert_eq!(shop.rows("crate"), 2, "whichever of them is named");
}

#[tokio::test]
async fn records_of_one_deletion_may_all_be_named() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let all = vec![undelete("crate", "c2"), undelete("label", "l1"), undelete("crate", "c1")];
    let report = shop.session.change(all, false).await.unwrap();
    let ids: Vec<&str> = report.outcomes.iter().flat_map(|outcome| &outcome.ids).map(|id| &**id).collect();
    assert_eq!(ids, ["c2", "l1", "c1"]);
    assert_eq!((shop.rows("crate"), shop.field("crate", "c1", "revision")), (2, Some(Value::Int(2))));
    // What went again since is brought back again.
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let again = vec![undelete("crate", "c1"), delete("label", "l1"), undelete("label", "l1")];
    shop.change(again).await.unwrap();
    assert_eq!((shop.rows("label"), shop.field("label", "l1", "revision")), (2, Some(Value::Int(4))));
    let never = vec![undelete("crate", "c1"), undelete("label", "l1")];
    let error = shop.change(never).await.unwrap_err();
    assert_eq!(told(&error), ["0 crate record_not_found", "1 label record_not_found"]);
}

#[tokio::test]
async fn what_is_under_a_legal_hold_is_purged_by_nobody() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let hold = |text: &str| crate::Held::parse(text).unwrap();
    let code = |result: Result<u64, Error>| result.unwrap_err().code;
    shop.session.place_hold(&hold("label/l1"), "case 7").unwrap();
    assert_eq!(shop.session.purge("label", "l1").unwrap_err().code, "LEGAL_HOLD");
    assert_eq!(code(shop.session.purge_all("label")), "LEGAL_HOLD");
    let mut transaction = shop.session.begin();
    assert_eq!(code(transaction.purge("label", vec!["l2".into(), "l1".into()]).await), "LEGAL_HOLD");
    drop(transaction);
    assert_eq!(binned(&shop, "label").await, ["l1", "l2"], "all or none");
    // Time empties bins of the others.
    shop.engine.purge_older(0).unwrap();
    assert_eq!(binned(&shop, "label").await, ["l1"]);
    for on in ["label", "*"] {
        shop.session.place_hold(&hold(on), "case 8").unwrap();
        shop.session
            .lift_hold(&hold("label/l1"))
            .or_else(|error| match error.code {
                "RECORD_NOT_FOUND" => Ok(()),
                _ => Err(error),
            })
            .unwrap();
        assert_eq!(shop.session.purge("label", "l1").unwrap_err().code, "LEGAL_HOLD", "{on}");
        shop.session.lift_hold(&hold(on)).unwrap();
    }
    assert!(shop.session.holds().unwrap().is_empty());
    shop.session.purge("label", "l1").unwrap();

    let clerk = shop.engine.session(someone(&shop, "clerk"), SessionOptions::default());
    assert_eq!(clerk.place_hold(&hold("*"), "mine").unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(clerk.lift_hold(&hold("*")).unwrap_err().kind, ErrorKind::Denied);
    assert!(shop.session.place_hold(&hold("nothing/x"), "no such object").is_err());
    assert!(["", "/", "label/"].iter().all(|text| crate::Held::parse(text).is_err()));
}

#[tokio::test]
async fn a_purge_is_a_part_of_its_transaction() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let mut transaction = shop.session.begin();
    let mark = transaction.mark();
    assert_eq!(transaction.purge("label", ids(&["l1", "l2", "none"])).await.unwrap(), 2);
    transaction.rollback_to(&mark);
    assert_eq!(transaction.purge("label", ids(&["l2"])).await.unwrap(), 1);
    let kept = transaction.purge("maker", ids(&["acme"])).await.unwrap_err();
    assert_eq!((kept.kind, kept.code), (ErrorKind::Invalid, "NO_RECYCLE_BIN"));
    assert_eq!(binned(&shop, "label").await, ["l1", "l2"], "not before it is committed");
    transaction.commit().await.unwrap();
    assert_eq!(binned(&shop, "label").await, ["l1"]);
    let clerk = shop.engine.session(someone(&shop, "clerk"), SessionOptions::default());
    let refused = clerk.begin().purge("label", ids(&["l1"])).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Denied);
    // Who brings back what is purged at the same time: one of them wins.
    let mut one = shop.session.begin();
    one.purge("label", ids(&["l1"])).await.unwrap();
    shop.change(vec![undelete("crate", "c1")]).await.unwrap();
    assert_eq!(one.commit().await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(shop.rows("label"), 1);
}

#[tokio::test]
async fn each_deletion_comes_back_by_itself() {
    let shop = stocked().await;
    shop.change(vec![delete("label", "l1")]).await.unwrap();
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    shop.change(vec![undelete("crate", "c1")]).await.unwrap();
    assert_eq!(binned(&shop, "label").await, ["l1"], "it went before");
    shop.change(vec![undelete("label", "l1")]).await.unwrap();
    // Deleted and brought back within one transaction, and the other way round.
    let mut transaction = shop.session.begin();
    for changes in [vec![delete("crate", "c1")], vec![undelete("crate", "c1"), delete("crate", "c2")]] {
        transaction.apply(changes).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!((shop.rows("crate"), binned(&shop, "crate").await), (1, vec!["c2".to_owned()]));
    let filter = crate::objectql::Filter::parse(&json!({})).unwrap();
    shop.change(vec![change("label", Operation::DeleteWhere { filter })]).await.unwrap();
    shop.change(vec![undelete("label", "l1")]).await.unwrap();
    assert_eq!(shop.rows("label"), 1, "of many that were deleted at once one comes back");
}

#[tokio::test]
async fn what_is_gone_meanwhile_is_left_out_or_missed() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    shop.change(vec![delete("maker", "bolt")]).await.unwrap();
    shop.change(vec![undelete("crate", "c1")]).await.unwrap();
    assert_eq!(shop.field("crate", "c1", "maker_id"), Some(Value::Null));
    assert_eq!(shop.field("crate", "c1", "maker_ids"), Some(Value::TextList([text_key("acme")].into())));
    shop.change(vec![delete("maker", "acme")]).await.unwrap();
    assert_eq!(binned(&shop, "crate").await, ["c1", "c2"], "they went with their keeper");
    let error = shop.change(vec![undelete("crate", "c2")]).await.unwrap_err();
    let expected = ["0 crate.keeper_id reference_not_found", "0 crate.keeper_id reference_not_found"];
    assert_eq!(told(&error), expected, "{error}");
    assert_eq!((shop.rows("crate"), shop.rows("label")), (0, 0), "nothing of it came back");
    shop.change(vec![
        create("maker", json!({ "id": "acme", "name": "Acme again" })),
        undelete("crate", "c2"),
    ])
    .await
    .unwrap();
    assert_eq!((shop.rows("crate"), shop.rows("label")), (2, 2));
}

fn text_key(text: &str) -> Arc<str> {
    Arc::from(text)
}

#[tokio::test]
async fn a_unique_value_that_is_taken_is_told_with_its_holder() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    shop.change(vec![crate_of("c9", json!({ "code": "B" }))]).await.unwrap();
    let error = shop.change(vec![undelete("crate", "c1")]).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Violated, "UNIQUE_VIOLATION"));
    assert_eq!(error.findings[0].id.as_deref(), Some("c2"));
    assert_eq!(error.findings[0].message, "crate \"c9\" has the same code");
    assert_eq!(shop.rows("label"), 0);
    shop.change(vec![update("crate", "c9", json!({ "code": "Z" })), undelete("crate", "c1")]).await.unwrap();
    // An id that is taken again: the one before can't come back, and is replaced when this one goes too.
    shop.change(vec![delete("crate", "c2"), crate_of("c2", json!({ "name": "Newer" }))]).await.unwrap();
    let taken = shop.change(vec![undelete("crate", "c2")]).await.unwrap_err();
    assert_eq!(told(&taken), ["0 crate.id unique"]);
    shop.change(vec![delete("crate", "c2"), undelete("crate", "c2")]).await.unwrap();
    assert_eq!(shop.field("crate", "c2", "name"), Some(text("Newer")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_delete_and_bring_back_at_once_do_not_both_do_it() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let (mut one, mut other, mut late) = (shop.session.begin(), shop.session.begin(), shop.session.begin());
    one.apply(vec![undelete("crate", "c1")]).await.unwrap();
    other.apply(vec![undelete("label", "l1")]).await.unwrap();
    late.apply(vec![crate_of("c8", json!({ "code": "A" }))]).await.unwrap();
    one.commit().await.unwrap();
    let refused = other.commit().await.unwrap_err().kind;
    assert!(matches!(refused, ErrorKind::Conflict | ErrorKind::Violated), "{refused:?}");
    assert_eq!(told(&late.commit().await.unwrap_err()), ["0 crate.code unique"]);
    // What comes back needs its references when it is committed, too.
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let mut back = shop.session.begin();
    back.apply(vec![undelete("crate", "c1")]).await.unwrap();
    shop.change(vec![delete("maker", "bolt")]).await.unwrap();
    assert_eq!(told(&back.commit().await.unwrap_err()), ["0 crate.maker_id reference_not_found"]);
    let shop = Arc::new(shop);
    let turns = (0..12).map(|number| {
        let shop = shop.clone();
        let turn = if number % 2 == 0 { undelete("crate", "c1") } else { delete("crate", "c1") };
        tokio::spawn(async move { shop.change(vec![turn]).await.is_ok() })
    });
    let done = futures::future::join_all(turns).await;
    let count = |even: usize| {
        done.iter().enumerate().filter(|(at, ok)| at % 2 == even && *ok.as_ref().unwrap()).count()
    };
    let (back, gone) = (count(0), count(1));
    let live = shop.rows("crate") == 2;
    assert_eq!(binned(&shop, "crate").await.is_empty(), live);
    assert_eq!(shop.rows("label"), if live { 2 } else { 0 }, "all of it, or nothing");
    assert_eq!(back, gone + usize::from(live), "they take turns: {back} came back, {gone} went");
}

#[tokio::test]
async fn only_an_administrator_purges_and_what_is_old_goes_by_itself() {
    let shop = stocked().await;
    let plain = shop.engine.session(someone(&shop, "ann"), SessionOptions::default());
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    assert_eq!(plain.purge("crate", "c1").unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(plain.purge_all("crate").unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(shop.session.purge("maker", "acme").unwrap_err().code, "NO_RECYCLE_BIN");
    assert_eq!(shop.session.purge("crate", "nobody").unwrap_err().code, "RECORD_NOT_FOUND");
    shop.session.purge("crate", "c2").unwrap();
    assert_eq!(binned(&shop, "crate").await, ["c1"]);
    let error = plain.change(vec![undelete("crate", "c1")], false).await.unwrap_err();
    assert_eq!(told(&error), ["0 label.crate_id reference_not_found"], "what was in c2 has no place");
    assert_eq!(shop.engine.purge_older(1).unwrap(), 0);
    assert_eq!(shop.session.purge_all("label").unwrap(), 2);
    plain.change(vec![undelete("crate", "c1")], false).await.unwrap();
    assert_eq!(shop.field("crate", "c1", "updated_by"), Some(text(&plain.principal().user_id)));
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    assert_eq!(shop.engine.purge_older(0).unwrap(), 1, "deleted before now");
    assert!(binned(&shop, "crate").await.is_empty());
}

#[tokio::test]
async fn sql_and_the_audit_know_it() {
    let shop = stocked().await;
    shop.change(vec![delete("crate", "c1")]).await.unwrap();
    let sql =
        "SELECT id, name, doubled, deleted_by, deleted_at IS NOT NULL FROM recycle_bin.crate ORDER BY id";
    let by = &shop.session.principal().user_id;
    let expected = ["c1", "c2"].map(|id| format!("{id}|Crate {id}|Crate {id}Crate {id}|{by}|true"));
    assert_eq!(rows_of(&shop, sql).await, expected);
    assert!(shop.session.sql("SELECT secret FROM recycle_bin.crate").await.is_err(), "nobody reads it");
    assert!(shop.session.sql("SELECT * FROM recycle_bin.maker").await.is_err(), "it keeps none");
    shop.change(vec![undelete("crate", "c1")]).await.unwrap();
    shop.change(vec![delete("label", "l1")]).await.unwrap();
    shop.session.purge("label", "l1").unwrap();
    let life = "SELECT operation FROM audit.changes WHERE object = 'crate' AND record = 'c1' ORDER BY csn";
    assert_eq!(rows_of(&shop, life).await, ["insert", "delete", "undelete"]);
    let life =
        "SELECT object, operation, old LIKE '%up%' FROM audit.changes WHERE record = 'l1' ORDER BY csn";
    assert_eq!(
        rows_of(&shop, life).await,
        ["label|insert|", "label|delete|true", "label|undelete|", "label|delete|true", "label|purge|true"]
    );
    let secret = "SELECT count(*) FROM audit.changes WHERE old LIKE '%argon2%' OR new LIKE '%argon2%'";
    assert_eq!(rows_of(&shop, secret).await, ["0"]);
    shop.engine.close().unwrap();
    let (data, world) = (shop.folder.path().join("data"), World::seeded(7, START_MICROS));
    let report = crate::upkeep::verify_data(&data, &world, &Default::default()).unwrap().remove(0).1;
    assert!(report.is_sound(), "{:?}", report.findings);
}

#[tokio::test]
async fn triggers_run_before_and_after_a_record_comes_back() {
    let shop = stocked().await;
    let named = |id: &str, name: &str| crate_of(id, json!({ "name": name }));
    shop.change(vec![named("lost", "Lost"), named("loud", "Loud one")]).await.unwrap();
    shop.change(vec![delete("crate", "lost"), delete("crate", "loud")]).await.unwrap();
    let refused = shop.change(vec![undelete("crate", "loud"), undelete("crate", "lost")]).await.unwrap_err();
    assert_eq!(told(&refused), ["1 crate STAYS_LOST"]);
    assert_eq!((shop.rows("crate"), shop.rows("label")), (2, 2));
    let report = shop.session.change(vec![undelete("crate", "loud")], false).await.unwrap();
    let warned: Vec<_> = report.warnings.told.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(warned, ["Loud one has no code"]);
    assert_eq!(rows_of(&shop, "SELECT text FROM label WHERE crate_id = 'loud'").await, ["back: Loud one"]);
}
