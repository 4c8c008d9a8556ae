//! Summaries that come, or are made of something else, over records that are there.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::*;

const PLAIN_BILL: &str = "idPrefix: bil\nfields:\n  name: { type: text, required: true }\n  customer_id: { type: lookup, reference: customer }\n";
const PLAIN_CUSTOMER: &str = "idPrefix: cus\nfields:\n  name: { type: text, required: true }\n";
const PLAIN_LINE: &str = "idPrefix: lin\nfields:\n  bill_id: { type: lookup, reference: bill, reverseName: lines }\n  amount: { type: currency }\n  paid: { type: boolean }\n";

fn version(number: &str, of_bill: &str, of_customer: &str) -> Bundle {
    let (bill, customer) = (format!("{PLAIN_BILL}{of_bill}"), format!("{PLAIN_CUSTOMER}{of_customer}"));
    till(
        number,
        &[("customer.object.yml", &customer), ("bill.object.yml", &bill), ("line.object.yml", PLAIN_LINE)],
    )
}

const TOTAL: &str =
    "  total: { type: summary, summaryOperations: { relation: lines, function: sum, field: amount } }\n";
const PAID: &str = "  total: { type: summary, summaryOperations: { relation: lines, function: sum, field: amount, filter: paid } }\n";
const BILLED: &str =
    "  billed: { type: summary, summaryOperations: { relation: bills, function: max, field: total } }\n";

#[tokio::test]
async fn a_new_summary_is_made_of_the_records_that_are_there() {
    let shop = Shop::open();
    install(&shop, version("1.0.0", "", ""));
    let customer = shop.create("customer", json!({ "name": "Acme" })).await.unwrap();
    let (one, none) = (
        shop.create("bill", json!({ "name": "One", "customer_id": customer })).await.unwrap(),
        shop.bill("None").await,
    );
    let line =
        |amount: u32, paid: bool| create("line", json!({ "bill_id": one, "amount": amount, "paid": paid }));
    shop.change(vec![line(5, true), line(7, false)]).await.unwrap();

    shop.session.publish(&[version("1.1.0", TOTAL, BILLED)]).unwrap();
    let plan = shop.session.plan_published(&["till@1.1.0".to_owned()]).unwrap();
    let told: Vec<String> = plan.differences.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|told| told.contains("a new summary, made of the records that are there; 2 records")),
        "{told:?}"
    );
    shop.session.activate(&["till@1.1.0".to_owned()]).unwrap();
    assert_eq!((shop.of(&one, "total"), shop.of(&none, "total")), (Value::Decimal(1_200), Value::Decimal(0)));
    let billed = || shop.field("customer", &customer, "billed").unwrap();
    assert_eq!(billed(), Value::Decimal(1_200), "what is made of it too");

    install(&shop, version("1.2.0", PAID, BILLED));
    assert_eq!((shop.of(&one, "total"), billed()), (Value::Decimal(500), Value::Decimal(500)));
    shop.session.rollback("till").unwrap();
    assert_eq!((shop.of(&one, "total"), billed()), (Value::Decimal(1_200), Value::Decimal(1_200)));
    shop.change(vec![line(1, false)]).await.unwrap();
    assert_eq!((shop.of(&one, "total"), billed()), (Value::Decimal(1_300), Value::Decimal(1_300)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_written_while_a_summary_comes_is_in_it() {
    let shop = Arc::new(Shop::open());
    install(&shop, version("1.0.0", "", ""));
    let bills = [shop.bill("One").await, shop.bill("Two").await];
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let writers: Vec<_> = (0..3)
        .map(|writer: usize| {
            let (shop, bills, stop, sent) = (shop.clone(), bills.clone(), stop.clone(), sent.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let bill = &bills[writer % 2];
                    let line = shop.line(bill, "1.00").await;
                    shop.change(vec![update("line", &line, json!({ "amount": "2.00" }))]).await.unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let written = |so_many: u32| {
        let sent = sent.clone();
        async move {
            while sent.load(Ordering::Relaxed) < so_many {
                tokio::task::yield_now().await;
            }
        }
    };
    written(20).await;
    let activating = shop.clone();
    let new = || version("1.1.0", TOTAL, BILLED);
    tokio::task::spawn_blocking(move || install(&activating, new())).await.unwrap();
    written(sent.load(Ordering::Relaxed) + 20).await;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let sums: Vec<Value> = bills.iter().map(|bill| shop.of(bill, "total")).collect();
    let lines = i128::try_from(shop.rows("line")).unwrap();
    match sums.as_slice() {
        [Value::Decimal(one), Value::Decimal(two)] => assert_eq!(one + two, lines * 200),
        other => panic!("{other:?}"),
    }
}

const WRITTEN: &str =
    "  total: { type: currency, readonly: true }\n  called: { type: text, readonly: true }\n";
const MADE: &str = "  total: { type: summary, precision: 18, summaryOperations: { relation: lines, function: sum, field: amount } }\n  \
                    called: { type: formula, expression: upper(name), index: true }\n";

/// What rules wrote, or nobody, is made of the records that are there; who knows only the older version reads the same.
#[tokio::test]
async fn readonly_fields_are_taken_over_in_their_columns() {
    let shop = Shop::open();
    install(&shop, version("1.0.0", WRITTEN, ""));
    let (one, two) = (shop.bill("One").await, shop.bill("Two").await);
    let line = |amount: &str| create("line", json!({ "bill_id": one, "amount": amount }));
    shop.change(vec![line("5.00"), line("7.00")]).await.unwrap();
    assert_eq!((shop.of(&one, "total"), shop.of(&one, "called")), (Value::Null, Value::Null));

    install(&shop, version("1.1.0", MADE, ""));
    assert_eq!((shop.of(&one, "total"), shop.of(&two, "total")), (Value::Decimal(1_200), Value::Decimal(0)));
    shop.change(vec![line("1.00"), update("bill", &two, json!({ "name": "Second" }))]).await.unwrap();
    let called = |bill: &str| shop.of(bill, "called");
    assert_eq!((called(&one), called(&two)), (Value::Text("ONE".into()), Value::Text("SECOND".into())));

    let mut old = shop.session.clone();
    old.pin("till@1.0").unwrap();
    let question = "SELECT name FROM bill WHERE total = 13 AND called = 'ONE'";
    let found: Vec<_> = old.sql(question).await.unwrap().batches.collect().await;
    assert_eq!(found.into_iter().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
    let refused =
        old.change(vec![update("bill", &one, json!({ "total": "1.00" }))], false).await.unwrap_err();
    assert_eq!(told(&refused), ["0 bill.total readonly"]);

    shop.session.rollback("till").unwrap();
    shop.change(vec![line("1.00")]).await.unwrap();
    assert_eq!(shop.of(&one, "total"), Value::Decimal(1_300), "as it was left: nobody keeps it");
    shop.session.activate(&["till@1.1.0".to_owned()]).unwrap();
    assert_eq!(shop.of(&one, "total"), Value::Decimal(1_400));

    let narrow = MADE.replace("precision: 18, ", "");
    let refused = shop.session.publish(&[version("1.2.0", &narrow, "")]).unwrap_err();
    assert_eq!(refused.findings[0].code, "column-type", "{refused}");
}
