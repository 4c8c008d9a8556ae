//! Several at once: whoever changes records of one parent is seen by all others, or begins again.

use std::sync::Arc;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn single_requests_that_meet_at_one_record_all_get_through() {
    let shop = Arc::new(open());
    let bill = shop.bill("Busy").await;
    let tasks: Vec<_> = (1..=24)
        .map(|amount: u32| {
            let (shop, bill) = (shop.clone(), bill.clone());
            tokio::spawn(async move { shop.line(&bill, &amount.to_string()).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(shop.of(&bill, "lines_count"), Value::Int(24));
    assert_eq!(shop.of(&bill, "total"), Value::Decimal(30_000));
    assert_eq!(shop.of(&bill, "top"), Value::Decimal(2_400));
}

#[tokio::test]
async fn of_two_transactions_the_second_begins_again() {
    let shop = open();
    let bill = shop.bill("Busy").await;
    let (mut one, mut two) = (shop.session.begin(), shop.session.begin());
    let line = |amount: u32| vec![create("line", json!({ "bill_id": bill, "amount": amount }))];
    one.apply(line(1)).await.unwrap();
    two.apply(line(2)).await.unwrap();
    two.commit().await.unwrap();
    let late = one.commit().await.unwrap_err();
    assert_eq!((late.kind, late.code), (ErrorKind::Conflict, "CONCURRENT_UPDATE"));
    assert_eq!((shop.rows("line"), shop.of(&bill, "total")), (1, Value::Decimal(200)));
}

#[tokio::test]
async fn who_finds_the_greatest_anew_does_not_miss_what_came_meanwhile() {
    let shop = open();
    let bill = shop.bill("Busy").await;
    let greatest = shop.line(&bill, "9.00").await;
    let (mut adds, mut takes) = (shop.session.begin(), shop.session.begin());
    adds.apply(vec![create("line", json!({ "bill_id": bill, "amount": 5 }))]).await.unwrap();
    takes.apply(vec![delete("line", &greatest)]).await.unwrap();
    adds.commit().await.unwrap();
    assert_eq!(takes.commit().await.unwrap_err().kind, ErrorKind::Conflict);
    shop.change(vec![delete("line", &greatest)]).await.unwrap();
    assert_eq!(shop.of(&bill, "top"), Value::Decimal(500));
}

#[tokio::test]
async fn a_record_that_stays_as_it_is_is_held_where_its_records_count_one_by_one() {
    let shop = open();
    let customer = shop.create("customer", json!({ "name": "Acme" })).await.unwrap();
    let bill = json!({ "name": "b", "customer_id": customer });
    let (one, two) =
        (shop.create("bill", bill.clone()).await.unwrap(), shop.create("bill", bill).await.unwrap());
    let due = |bill: &str, day: &str| json!({ "bill_id": bill, "due": day });
    let first = shop.create("line", due(&one, "2026-05-01")).await.unwrap();
    // The earliest day is not another, and nothing else of the customer either.
    let (mut adds, mut takes) = (shop.session.begin(), shop.session.begin());
    adds.apply(vec![create("line", due(&two, "2026-06-01"))]).await.unwrap();
    takes.apply(vec![delete("line", &first)]).await.unwrap();
    let revision = shop.field("customer", &customer, "revision");
    adds.commit().await.unwrap();
    assert_eq!(shop.field("customer", &customer, "revision"), revision);
    assert_eq!(takes.commit().await.unwrap_err().kind, ErrorKind::Conflict);
    shop.change(vec![delete("line", &first)]).await.unwrap();
    assert_eq!(shop.field("customer", &customer, "earliest"), Some(Value::Date(20_605)));
}
