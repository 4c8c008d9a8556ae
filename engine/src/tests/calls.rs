//! Steps that call actions, and steps that make a record or change the one that is there: limits, and what is told. What they do
//! is shown by the cases of the fixture.

use super::{packages::store_files, *};
use crate::{ErrorKind, beside::STACK_BYTES};

fn descend(site: &str, levels: u32) -> Change {
    let parameters = record(json!({ "levels": levels }));
    change("site", Operation::Act { id: site.to_owned(), action: "descend".to_owned(), parameters })
}

#[tokio::test]
async fn called_actions_count_as_triggers_do_and_the_way_is_told() {
    let shop = Shop::with("counter");
    let inn = shop.create("site", json!({ "name": "Inn" })).await.unwrap();
    shop.change(vec![descend(&inn, 15)]).await.unwrap();
    assert_eq!(
        shop.field("site", &inn, "depth"),
        Some(Value::Int(16)),
        "sixteen, each within the one before it"
    );
    let error = shop.change(vec![descend(&inn, 16)]).await.unwrap_err();
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"));
    let path = vec!["site.descend"; 17].join(" → ");
    assert_eq!(error.message, format!("triggers within triggers: 17 asked, 16 allowed, through {path}"));
    assert_eq!(shop.field("site", &inn, "depth"), Some(Value::Int(16)), "nothing of it is kept");
}

/// Calls of many changes run on threads of their own, which have as much room to go down as others.
#[tokio::test]
async fn a_call_of_many_changes_goes_as_deep_as_one_of_few() {
    let shop = Shop::with("counter");
    let inn = shop.create("site", json!({ "name": "Inn" })).await.unwrap();
    let more = (0..64).map(|number| create("site", json!({ "name": format!("Site {number}") })));
    shop.change(more.chain([descend(&inn, 15)]).collect()).await.unwrap();
    assert_eq!(shop.field("site", &inn, "depth"), Some(Value::Int(16)));
}

/// As many formulas by each other as may be, the first of as many operations within each other as are read. On a thread as the server's are:
/// unoptimised, what reads them takes more than a test's.
#[test]
fn a_call_of_many_changes_works_out_the_deepest_formulas() {
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(work_out_the_deepest());
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap();
}

async fn work_out_the_deepest() {
    let first = format!("{}n{}", "(1 + ".repeat(40), ")".repeat(40));
    let formula =
        |number: usize, text: &str| format!("  f{number}: {{ type: formula, expression: {text} }}\n");
    let mut object =
        format!("idPrefix: dee\nfields:\n  n: {{ type: number, scale: 0 }}\n{}", formula(0, &first));
    for number in 1..15 {
        object += &formula(number, &format!("f{} + 1", number - 1));
    }
    let rule =
        "rules:\n  - { name: deep, kind: cross_field, condition: f14 > 54, fields: [n], message: no }\n";
    let shop = Shop::open();
    shop.install(store_files("1.0.0", &[("deep.object.yml", &object), ("deep.validation.yml", rule)]));
    let all = |n: i64| (0..65).map(|_| create("deep", json!({ "n": n }))).collect::<Vec<_>>();
    shop.change(all(1)).await.unwrap();
    assert_eq!(told(&shop.change(all(0)).await.unwrap_err()).len(), 65);
}

#[tokio::test]
async fn what_a_called_action_finds_tells_who_called_it() {
    let shop = Shop::with("counter");
    let inn = shop.create("site", json!({ "name": "Inn", "closed": true })).await.unwrap();
    let bar = shop.create("site", json!({ "name": "Bar" })).await.unwrap();
    let visit = |name: &str, site: &str| create("visit", json!({ "name": name, "site_id": site }));
    let visits = vec![visit("Ann", &bar), visit("Bob", &inn)];
    let refused = shop.change(visits).await.unwrap_err();
    assert_eq!(told(&refused), ["1 site SITE_CLOSED"], "the change that started it");
    assert_eq!(refused.findings[0].message, "Inn is closed (through visit.blessed)");
    assert_eq!(refused.findings[0].id.as_deref(), Some(inn.as_str()));
    let refused = shop.change(vec![visit("A name that is too long", &bar)]).await.unwrap_err();
    assert_eq!(told(&refused), ["0 site.by max_length"]);
    assert_eq!((shop.rows("visit"), shop.field("site", &bar, "blessings")), (0, Some(Value::Int(0))));
}

#[tokio::test]
async fn an_upsert_finds_what_its_transaction_and_others_wrote() {
    let shop = Shop::with("counter");
    let visit = |name: &str| create("visit", json!({ "name": name, "page": "home" }));
    let mut transaction = shop.session.begin();
    transaction.apply(vec![visit("Ann")]).await.unwrap();
    transaction.apply(vec![visit("Bob"), visit("Cat")]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(shop.rows("tally"), 1);
    let done = shop.change(vec![visit("Dan")]).await.unwrap();
    assert_eq!(done.len(), 1, "what a trigger wrote is no outcome of its own");
    let many = (0..8).map(|number| {
        let (session, visit) = (shop.session.clone(), visit(&format!("Visitor {number}")));
        tokio::spawn(async move { session.change(vec![visit], false).await })
    });
    for visit in many.collect::<Vec<_>>() {
        visit.await.unwrap().unwrap();
    }
    assert_eq!((shop.rows("tally"), shop.rows("daily"), shop.rows("visit")), (1, 1, 12));
    let found = shop.session.sql("SELECT 1 FROM tally WHERE visits = 12").await.unwrap();
    let found: Vec<_> = futures::StreamExt::collect(found.batches).await;
    assert_eq!(found.into_iter().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 1);
}
