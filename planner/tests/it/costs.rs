//! What a question costs is told before it runs; heavy questions run beside the others, and never before them.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use arrow::{array::RecordBatch, datatypes::DataType};
use datafusion::{
    common::DataFusionError,
    logical_expr::{ScalarUDF, Volatility, create_udf},
};
use futures::{StreamExt, TryStreamExt};
use quarry_planner::{Error, ErrorKind, PlannerOptions, sql::SqlExtras};
use quarry_storage::TenantName;
use serde_json::{Value as Json, json};

use crate::fixture::{Kept, Shop, to_json};

/// Longer than anything here takes: a test that waits so long has failed.
const LONG: Duration = Duration::from_secs(60);

async fn sql_with(shop: &Shop, extras: &SqlExtras, text: &str) -> Result<Json, Error> {
    let session = shop.planner.sql(&shop.context(), extras);
    let batches: Vec<RecordBatch> = session.ask(text).await?.try_collect().await?;
    Ok(to_json(&batches))
}

async fn sql(shop: &Shop, text: &str) -> Result<Json, Error> {
    sql_with(shop, &SqlExtras::default(), text).await
}

fn limited(got: Result<Json, Error>, limit: &str, question: &str) {
    let error = got.err().unwrap_or_else(|| panic!("{question} was answered"));
    assert_eq!((error.kind, error.code), (ErrorKind::Limited, "LIMIT_EXCEEDED"), "{question}: {error:?}");
    assert!(error.message.contains(limit), "{question}: {}", error.message);
}

#[tokio::test]
async fn a_question_past_its_budget_is_refused_before_it_runs() {
    let grouped =
        json!({"object": "account", "groupBy": ["industry"], "aggregations": [{"function": "count"}]});
    let paths = json!({"object": "order", "groupBy": ["account.parent.name"], "aggregations": [{"function": "count"}]});
    // What goes around a plan has bounds of its own.
    let many = |change: fn(&mut PlannerOptions)| {
        let mut options = PlannerOptions { direct_rows_max: 0, ..PlannerOptions::default() };
        change(&mut options);
        Shop::filled_with(options, Kept::Segment)
    };
    let shop = many(|options| options.plan_rows_max = 5);
    limited(shop.ask(&shop.context(), &grouped).await, "plan_rows_max", "groups");
    limited(sql(&shop, "select count(*) from account a where a.name <> 'x'").await, "plan_rows_max", "count");
    let shop = many(|options| options.plan_rows_max = 600);
    assert!(shop.ask(&shop.context(), &grouped).await.is_ok());
    limited(
        sql(&shop, "select a.id from account a, account b, account c, account d").await,
        "plan_rows_max",
        "pairs",
    );
    let shop = many(|options| options.plan_bytes_max = 100);
    limited(shop.ask(&shop.context(), &grouped).await, "plan_bytes_max", "groups");
    limited(sql(&shop, "select distinct name, notes from account").await, "plan_bytes_max", "all");
    let shop = many(|options| options.plan_joins_max = 1);
    limited(shop.ask(&shop.context(), &paths).await, "plan_joins_max", "paths");
    let joined = "select a.id from account a join account b on a.id = b.id join account c on b.id = c.id";
    limited(sql(&shop, joined).await, "plan_joins_max", joined);
    let shop = many(|options| options.plan_operators_max = 3);
    limited(shop.ask(&shop.context(), &paths).await, "plan_operators_max", "paths");
    let shop = many(|options| options.plan_depth_max = 3);
    limited(shop.ask(&shop.context(), &paths).await, "plan_depth_max", "paths");
    limited(sql(&shop, "select 1 from (select 1 from (select 1))").await, "plan_depth_max", "nested");
}

/// A function of SQL that keeps its thread until it is let go.
#[derive(Default)]
struct Held {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
}

impl Held {
    fn function(self: &Arc<Self>) -> ScalarUDF {
        let held = Arc::clone(self);
        let wait = move |arguments: &[datafusion::logical_expr::ColumnarValue]| {
            held.waiting.fetch_add(1, Ordering::SeqCst);
            let open = held.open.lock().unwrap();
            let (_open, timeout) = held.opened.wait_timeout_while(open, LONG, |open| !*open).unwrap();
            held.waiting.fetch_sub(1, Ordering::SeqCst);
            match timeout.timed_out() {
                true => Err(DataFusionError::Execution("nobody let it go".into())),
                false => Ok(arguments[0].clone()),
            }
        };
        create_udf("held", vec![DataType::Int64], DataType::Int64, Volatility::Volatile, Arc::new(wait))
    }

    fn let_go(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    async fn wait_for(&self, waiting: usize) {
        let all = async {
            while self.waiting.load(Ordering::SeqCst) < waiting {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(LONG, all).await.expect("they have begun");
    }
}

const HEAVY: &str = "select count(held(x)) as n from generate_series(1, 2000000) as s(x)";
const HEAVY_ANSWER: i64 = 2_000_000;

/// The questions' own thread is this one: where heavy ones kept it, nothing else would ever run.
#[tokio::test]
async fn a_short_question_is_answered_while_heavy_ones_hold_all_the_threads_there_are_for_them() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options =
        PlannerOptions { heavy_running_max: threads + 2, heavy_waiting_max: 8, ..PlannerOptions::default() };
    let shop = Arc::new(Shop::filled_with(options, Kept::Segment));
    let held = Arc::new(Held::default());
    let ended = Arc::new(AtomicUsize::new(0));
    let heavy: Vec<_> = (0..threads + 5)
        .map(|_| {
            let (shop, held, ended) = (Arc::clone(&shop), Arc::clone(&held), Arc::clone(&ended));
            tokio::spawn(async move {
                let extras = SqlExtras { functions: vec![Arc::new(held.function())], ..SqlExtras::default() };
                let answer = sql_with(&shop, &extras, HEAVY).await;
                ended.fetch_add(1, Ordering::SeqCst);
                answer
            })
        })
        .collect();
    held.wait_for(threads).await;
    let by_id = json!({"object": "account", "fields": ["id"], "limit": 1});
    let grouped =
        json!({"object": "account", "groupBy": ["industry"], "aggregations": [{"function": "count"}]});
    for short in [by_id, grouped] {
        let answer = tokio::time::timeout(LONG, shop.ask(&shop.context(), &short)).await;
        assert!(!answer.expect("a short question waits for no heavy one").unwrap()["records"][0].is_null());
    }
    let answer = tokio::time::timeout(LONG, sql(&shop, "select count(*) as n from account")).await;
    assert!(answer.expect("nor does one of SQL").is_ok());
    assert_eq!(ended.load(Ordering::SeqCst), 0, "they were answered before");
    held.let_go();
    for answer in futures::future::join_all(heavy).await {
        assert_eq!(answer.unwrap().unwrap(), json!([{"n": HEAVY_ANSWER}]));
    }
}

#[tokio::test]
async fn heavy_questions_wait_for_their_turn_and_no_more_than_allowed() {
    let options = PlannerOptions { heavy_running_max: 1, heavy_waiting_max: 1, ..PlannerOptions::default() };
    let shop = Arc::new(Shop::filled_with(options, Kept::Segment));
    let held = Arc::new(Held::default());
    let extras = || SqlExtras { functions: vec![Arc::new(held.function())], ..SqlExtras::default() };
    let start = |extras: SqlExtras| {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { sql_with(&shop, &extras, HEAVY).await })
    };
    let first = start(extras());
    held.wait_for(1).await;
    let session = shop.planner.sql(&shop.context(), &extras());
    let waiting = session.ask(HEAVY).await.unwrap();
    let busy = sql_with(&shop, &extras(), HEAVY).await.unwrap_err();
    assert_eq!((busy.kind, busy.code), (ErrorKind::Limited, "QUESTIONS_BUSY"), "{busy}");
    assert!(busy.message.contains("heavy_waiting_max"), "{busy}");
    // Another tenant has a queue of its own, and the next turn.
    let mut others = shop.context();
    others.tenant = TenantName::try_from("other").unwrap();
    let others = shop.planner.sql(&others, &extras()).ask(HEAVY).await.unwrap();
    drop(others);
    // One that nobody waits for any more makes room.
    drop(waiting);
    let second = loop {
        match session.ask(HEAVY).await {
            Ok(second) => break second,
            Err(error) => assert_eq!(error.code, "QUESTIONS_BUSY"),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    held.let_go();
    assert_eq!(first.await.unwrap().unwrap(), json!([{"n": HEAVY_ANSWER}]));
    let batches: Vec<RecordBatch> = second.try_collect().await.unwrap();
    assert_eq!(to_json(&batches), json!([{"n": HEAVY_ANSWER}]));
}

#[tokio::test]
async fn a_heavy_answer_that_nobody_reads_on_holds_no_turn() {
    let options = PlannerOptions { heavy_running_max: 1, ..PlannerOptions::default() };
    let shop = Shop::empty(options);
    let session = shop.planner.sql(&shop.context(), &SqlExtras::default());
    let mut unread = session.ask("select x from generate_series(1, 5000000) as s(x)").await.unwrap();
    assert!(unread.next().await.unwrap().unwrap().num_rows() > 0);
    let other = "select count(*) as n from generate_series(1, 5000000) as s(x)";
    let answer = tokio::time::timeout(LONG, sql(&shop, other)).await.expect("its turn comes");
    assert_eq!(answer.unwrap(), json!([{"n": 5_000_000}]));
    let mut rows = 0;
    while let Some(batch) = unread.next().await {
        rows += batch.unwrap().num_rows();
    }
    assert!(rows > 4_900_000, "{rows}");
}

#[tokio::test]
async fn the_deadline_ends_a_heavy_question_that_waits_for_its_turn() {
    let options = PlannerOptions { heavy_running_max: 1, ..PlannerOptions::default() };
    let shop = Arc::new(Shop::empty(options));
    let held = Arc::new(Held::default());
    let extras = SqlExtras { functions: vec![Arc::new(held.function())], ..SqlExtras::default() };
    let first = {
        let (shop, extras) = (Arc::clone(&shop), extras.clone());
        tokio::spawn(async move { sql_with(&shop, &extras, HEAVY).await })
    };
    held.wait_for(1).await;
    let mut context = shop.context();
    context.timeout = Some(Duration::from_millis(500));
    let session = shop.planner.sql(&context, &extras);
    let waiting = async {
        let rows = session.ask(HEAVY).await?;
        rows.try_collect::<Vec<_>>().await.map_err(Error::from)
    };
    let error = tokio::time::timeout(LONG, waiting).await.unwrap().expect_err("it never ran");
    assert_eq!((error.kind, error.code), (ErrorKind::Cancelled, "TIMEOUT"));
    held.let_go();
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test]
async fn rows_of_many_bytes_are_counted_against_the_memory_of_all_questions() {
    let options = PlannerOptions { memory_bytes: 12 << 20, spill_bytes_max: 0, ..PlannerOptions::default() };
    let shop = Shop::empty(options);
    let accounts: Vec<Json> = (0..600)
        .map(|n| json!({"id": format!("acc_{n:04}"), "name": format!("n{}", n % 7), "notes": format!("{n:06}").repeat(11 << 10)}))
        .collect();
    for folded in [false, true] {
        match folded {
            false => shop.insert("account", &accounts),
            true => drop(shop.store.fold().unwrap()),
        }
        let ids = |count: u32| -> Vec<String> { (0..count).map(|n| format!("acc_{n:04}")).collect() };
        let of = |count: u32| {
            json!({"object": "account", "fields": ["id", "notes"], "where": {"id": {"$in": ids(count)}},
                   "orderBy": ["-name"]})
        };
        // 3 MiB are read at once; 37 MiB are the plan's, which may not hold them.
        let few = shop.ask(&shop.context(), &of(50)).await.unwrap();
        assert_eq!(few["records"].as_array().unwrap().len(), 50);
        limited(shop.ask(&shop.context(), &of(600)).await, "", "600 rows of 64 KiB");
        let thin = json!({"object": "account", "fields": ["id"], "where": {"id": {"$in": ids(600)}}, "orderBy": ["-name"]});
        let all = shop.ask(&shop.context(), &thin).await.unwrap();
        assert_eq!(all["records"].as_array().unwrap().len(), 600);
    }
}

/// A function of SQL that notes the threads it is called on.
fn noted(threads: &Arc<Mutex<Vec<String>>>) -> SqlExtras {
    let threads = Arc::clone(threads);
    let note = move |arguments: &[datafusion::logical_expr::ColumnarValue]| {
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        threads.lock().unwrap().push(name);
        Ok(arguments[0].clone())
    };
    let function = create_udf(
        "noted",
        vec![DataType::Utf8View],
        DataType::Utf8View,
        Volatility::Volatile,
        Arc::new(note),
    );
    SqlExtras { functions: vec![Arc::new(function)], ..SqlExtras::default() }
}

/// 2,000 rows by 2,000 are 4 million pairs at most where nobody knows how many names there are, and 2,000 where each has its own.
#[tokio::test]
async fn a_join_by_values_that_may_be_many_rows_each_runs_beside_the_others() {
    let shop = Shop::empty(PlannerOptions::default());
    let accounts: Vec<Json> =
        (0..2_000).map(|n| json!({"id": format!("acc_{n:04}"), "name": format!("n{}", n % 2)})).collect();
    shop.insert("account", &accounts);
    shop.store.fold().unwrap();
    for (by, pairs, is_heavy) in [("name", 2_000_000, true), ("id", 2_000, false)] {
        let threads = Arc::new(Mutex::new(Vec::new()));
        let question =
            format!("select count(noted(a.name)) as n from account a join account b on a.{by} = b.{by}");
        assert_eq!(sql_with(&shop, &noted(&threads), &question).await.unwrap(), json!([{ "n": pairs }]));
        let names = threads.lock().unwrap();
        let on_theirs = names.iter().filter(|name| *name == "quarry-heavy").count();
        assert!(!names.is_empty() && on_theirs == if is_heavy { names.len() } else { 0 }, "{by}: {names:?}");
    }
}
