//! Transactions: what they see, what they keep, and who wins.

use futures::StreamExt;

use super::*;
use crate::{Done, ErrorKind, Query, QueryContext};

/// The names of the makers that a context sees, sorted.
async fn makers(shop: &Shop, context: &QueryContext) -> Vec<String> {
    let query = Query::parse(&json!({ "object": "maker", "fields": ["name"], "orderBy": ["name"] })).unwrap();
    let mut batches = shop.engine.planner().query(context, &query).await.unwrap().batches;
    let mut names = Vec::new();
    while let Some(batch) = batches.next().await {
        crate::work::keys_in(batch.unwrap().columns().first(), &mut names).unwrap();
    }
    names.into_iter().map(|name| name.to_string()).collect()
}

fn maker(name: &str) -> Change {
    create("maker", json!({ "name": name }))
}

#[tokio::test]
async fn a_transaction_sees_its_own_changes_and_nobody_else_does_before_the_commit() {
    let shop = Shop::open();
    let mut transaction = shop.session.begin();
    transaction.apply(vec![maker("Acme")]).await.unwrap();
    assert_eq!(makers(&shop, &transaction.context()).await, ["Acme"]);
    assert!(makers(&shop, &shop.session.context()).await.is_empty());
    let csn = transaction.commit().await.unwrap();
    let seen = shop.session.context();
    assert_eq!(seen.snapshot.csn().0, csn);
    assert_eq!(makers(&shop, &seen).await, ["Acme"]);
}

#[tokio::test]
async fn a_failed_call_leaves_the_transaction_as_it_was() {
    let shop = Shop::open();
    let mut transaction = shop.session.begin();
    transaction.apply(vec![maker("Acme")]).await.unwrap();
    transaction.apply(vec![maker("Other"), maker("Acme")]).await.unwrap_err();
    transaction.apply(vec![maker("Third")]).await.unwrap();
    assert_eq!(makers(&shop, &transaction.context()).await, ["Acme", "Third"]);
    transaction.commit().await.unwrap();
    assert_eq!(shop.rows("maker"), 2);
}

#[tokio::test]
async fn marks_bring_back_an_earlier_state_and_the_unique_values_with_it() {
    let shop = Shop::open();
    let mut transaction = shop.session.begin();
    let id = transaction.apply(vec![maker("Acme")]).await.unwrap().outcomes[0].ids[0].clone();
    let mark = transaction.mark();
    transaction.apply(vec![update("maker", &id, json!({ "name": "Old" })), maker("Acme")]).await.unwrap();
    transaction.rollback_to(&mark);
    let taken = transaction.apply(vec![maker("Acme")]).await.unwrap_err();
    assert_eq!(told(&taken), ["0 maker.name unique"]);
    transaction.apply(vec![maker("Old")]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(makers(&shop, &shop.session.context()).await, ["Acme", "Old"]);
}

#[tokio::test]
async fn a_dropped_transaction_and_a_dry_run_leave_nothing() {
    let shop = Shop::open();
    let mut transaction = shop.session.begin();
    transaction.apply(vec![maker("Acme")]).await.unwrap();
    drop(transaction);
    let report = shop.session.change(vec![maker("Acme")], true).await.unwrap();
    assert_eq!((report.csn, report.outcomes[0].done), (None, Done::Created));
    assert_eq!(shop.rows("maker"), 0);
}

#[tokio::test]
async fn the_second_of_two_transactions_that_change_a_record_gets_a_conflict() {
    let shop = Shop::open();
    let id = shop.create("maker", json!({ "name": "Acme" })).await.unwrap();
    let (mut first, mut second) = (shop.session.begin(), shop.session.begin());
    first.apply(vec![update("maker", &id, json!({ "name": "First" }))]).await.unwrap();
    second.apply(vec![update("maker", &id, json!({ "name": "Second" }))]).await.unwrap();
    first.commit().await.unwrap();
    let error = second.commit().await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Conflict, "CONCURRENT_UPDATE"));
    assert_eq!(shop.field("maker", &id, "name"), Some(text("First")));
}

#[tokio::test]
async fn a_revision_that_was_passed_is_a_conflict_that_is_not_tried_again() {
    let shop = Shop::open();
    let id = shop.create("maker", json!({ "name": "Acme" })).await.unwrap();
    let with =
        |revision, operation| Change { object: "maker".into(), operation, if_revision: Some(revision) };
    let rename = |name| Operation::Update { id: id.clone(), data: record(json!({ "name": name })) };
    shop.change(vec![with(1, rename("Second"))]).await.unwrap();
    let error = shop.change(vec![with(1, rename("Third"))]).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Conflict, "CONCURRENT_UPDATE"));
    assert_eq!(told(&error), ["0 maker concurrent_update"]);
    let gone = shop.change(vec![with(1, Operation::Delete { id: id.clone() })]).await.unwrap_err();
    assert_eq!(gone.code, "CONCURRENT_UPDATE");
    shop.change(vec![with(2, Operation::Delete { id: id.clone() })]).await.unwrap();
    let missing = shop.change(vec![with(2, rename("x"))]).await.unwrap_err();
    assert_eq!((missing.kind, missing.code), (ErrorKind::Missing, "RECORD_NOT_FOUND"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_the_same_unique_value_one_gets_it() {
    let shop = Arc::new(Shop::open());
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.change(vec![maker("Acme")]).await })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(told(&error), ["0 maker.name unique"], "{error}"),
        }
    }
    assert_eq!((won, shop.rows("maker")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_of_concurrent_records_have_neither_gaps_nor_doubles() {
    let shop = Arc::new(Shop::open());
    let tasks: Vec<_> = (0..24)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.create("product", product("Lamp")).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        match shop.field("product", &task.await.unwrap(), "number") {
            Some(Value::Text(number)) => numbers.push(number.to_string()),
            other => panic!("no number: {other:?}"),
        }
    }
    numbers.sort();
    let expected: Vec<String> = (1..=24).map(|n| format!("P-2026-{n:03}")).collect();
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn changes_by_condition_see_what_came_before_them() {
    let shop = Shop::open();
    for (name, price) in [("Lamp", 5), ("Desk", 50), ("Chair", 20)] {
        shop.create("product", json!({ "name": name, "price": price })).await.unwrap();
    }
    let filter = |json| crate::objectql::Filter::parse(&json).unwrap();
    let cheap = filter(json!({ "price": { "$lt": 30 } }));
    let outcomes = shop
        .change(vec![
            create("product", json!({ "name": "Pen", "price": 1 })),
            change(
                "product",
                Operation::UpdateWhere { filter: cheap.clone(), data: record(json!({ "size": "small" })) },
            ),
            change(
                "product",
                Operation::DeleteWhere { filter: filter(json!({ "name": "Pen", "size": "small" })) },
            ),
        ])
        .await
        .unwrap();
    let counts: Vec<_> = outcomes.iter().map(|outcome| (outcome.done, outcome.ids.len())).collect();
    assert_eq!(counts, [(Done::Created, 1), (Done::Updated, 3), (Done::Deleted, 1)]);
    assert_eq!(shop.rows("product"), 3);
    let unknown = change("product", Operation::DeleteWhere { filter: filter(json!({ "pirce": 1 })) });
    let error = shop.change(vec![unknown]).await.unwrap_err();
    assert!(
        error.path.starts_with("changes[0]") && error.message.contains("pirce"),
        "{} {error}",
        error.path
    );
}

#[tokio::test]
async fn what_was_changed_can_be_read_as_the_change_left_it() {
    let shop = Shop::open();
    let (report, seen) = shop.session.change_and_see(vec![maker("Acme")], false).await.unwrap();
    shop.change(vec![update("maker", &report.outcomes[0].ids[0], json!({ "name": "Later" }))]).await.unwrap();
    assert_eq!(makers(&shop, &seen).await, ["Acme"]);
}

#[test]
fn a_call_that_is_dropped_before_its_thread_came_leaves_nothing() {
    // One thread for blocking work, and that one is busy: the steps of the call must wait.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let shop = Shop::open();
    runtime.block_on(async {
        let (free, busy) = std::sync::mpsc::channel::<()>();
        let blocker = tokio::task::spawn_blocking(move || busy.recv());
        let mut transaction = shop.session.begin();
        {
            let call = std::pin::pin!(transaction.apply(vec![maker("Dropped"), maker("Half")]));
            assert!(futures::poll!(call).is_pending());
        }
        // What follows ends the dropped call; its thread comes only now.
        let mark = transaction.mark();
        free.send(()).unwrap();
        blocker.await.unwrap().unwrap();
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        assert!(makers(&shop, &transaction.context()).await.is_empty());
        transaction.apply(vec![maker("Kept")]).await.unwrap();
        transaction.rollback_to(&mark);
        transaction.apply(vec![maker("Next")]).await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(makers(&shop, &shop.session.context()).await, ["Next"]);
    });
}
