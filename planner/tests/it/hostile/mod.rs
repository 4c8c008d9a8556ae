//! Questions that nobody asks in good faith. Each ends soon, with a clear error or with its answer, and while it runs another
//! client is answered.
//!
//! Every case says how it may end: by a stable code, or `ANSWERED`. All are asked with the records in segments, on a planner
//! with little memory; what a test of one question can't show (many clients at once, real sockets) is in the program's tests.

mod questions;
mod statements;

use std::{sync::Arc, time::Duration};

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use quarry_planner::{Error, ErrorKind, PlannerOptions, Query, QueryContext, Result, sql::SqlExtras};
use serde_json::{Value as Json, json};

use crate::fixture::Shop;

const ANSWERED: &str = "ANSWERED";
const LIMIT: &str = "LIMIT_EXCEEDED";
const TIMEOUT: &str = "TIMEOUT";

/// Each question's own deadline. (What a release answers in time, a build without optimizations may not: then it says so.)
const DEADLINE: Duration = Duration::from_secs(8);
/// A question that is not ended by then is not bounded. (A build without optimizations is slow.)
const GIVEN_UP: Duration = Duration::from_secs(90);

/// A question, and how it may end.
struct Case {
    name: &'static str,
    asked: Asked,
    ends: &'static [&'static str],
}

enum Asked {
    Object(Json),
    Sql(String),
}

fn object(name: &'static str, question: Json, ends: &'static [&'static str]) -> Case {
    Case { name, asked: Asked::Object(question), ends }
}

fn sql(name: &'static str, text: impl Into<String>, ends: &'static [&'static str]) -> Case {
    Case { name, asked: Asked::Sql(text.into()), ends }
}

fn shop() -> Shop {
    let options = PlannerOptions {
        memory_bytes: 96 << 20,
        spill_bytes_max: 128 << 20,
        expand_rows_max: 50_000,
        join_pairs_max: 20_000_000,
        ..PlannerOptions::default()
    };
    let shop = Shop::empty(options);
    let accounts: Vec<Json> = (0..1_500)
        .map(|n| {
            let notes = format!("{n} {}", "aaaaaaaaab ".repeat(30));
            json!({"id": format!("acc_{n:05}"), "name": format!("name {n}"), "notes": notes,
                   "revenue": format!("{n}.00"), "industry": (["tech", "retail", "energy"][n % 3])})
        })
        .collect();
    let contacts: Vec<Json> = (0..1_500)
        .map(|n| json!({"id": format!("con_{n:05}"), "name": "y", "account_id": "acc_00000"}))
        .collect();
    shop.insert("account", &accounts);
    shop.insert("contact", &contacts);
    shop.store.fold().unwrap();
    shop
}

async fn ask(shop: &Shop, context: &QueryContext, asked: &Asked) -> Result<usize> {
    match asked {
        Asked::Object(question) => {
            let answer = shop.planner.query(context, &Query::parse(question)?).await?;
            rows(answer.batches.try_collect().await?)
        }
        Asked::Sql(text) => {
            let session = shop.planner.sql(context, &SqlExtras::default());
            rows(session.ask(text).await?.try_collect().await?)
        }
    }
}

fn rows(batches: Vec<RecordBatch>) -> Result<usize> {
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

/// How a case ended, or what was wrong with its end.
async fn tried(shop: Arc<Shop>, case: Case) -> Option<String> {
    let Case { name, asked, ends } = case;
    let hostile = {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move {
            let mut context = shop.context();
            context.timeout = Some(DEADLINE);
            ask(&shop, &context, &asked).await
        })
    };
    let other = json!({"object": "account", "fields": ["name"], "where": {"id": "acc_00007"}});
    let answered = tokio::time::timeout(GIVEN_UP, shop.ask(&shop.context(), &other)).await;
    if !matches!(&answered, Ok(Ok(answer)) if answer["records"][0]["name"] == "name 7") {
        return Some(format!("{name}: another client got {answered:?}"));
    }
    let Ok(ended) = tokio::time::timeout(GIVEN_UP, hostile).await else {
        return Some(format!("{name}: it goes on"));
    };
    let (code, told) = match ended {
        Err(panicked) => return Some(format!("{name}: {panicked}")),
        Ok(Ok(rows)) => (ANSWERED, format!("{rows} rows")),
        Ok(Err(Error { kind: ErrorKind::Internal, message, .. })) => ("INTERNAL", message),
        Ok(Err(error)) => (error.code, error.message),
    };
    let told: String = told.chars().take(200).collect();
    println!("{name}: {code} {told}");
    (!ends.contains(&code)).then(|| format!("{name}: {code}, not {ends:?}: {told}"))
}

/// Trees of the deepest question that is let through are walked by recursion: the doors' threads have such stacks.
const STACK_BYTES: usize = 16 << 20;

fn run(cases: fn() -> Vec<Case>) {
    let asking = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(move || tried_all(cases()));
    let wrong = asking.unwrap().join().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn tried_all(cases: Vec<Case>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .unwrap();
    let wrong = runtime.block_on(async {
        let shop = Arc::new(shop());
        let mut wrong = Vec::new();
        for case in cases {
            let one = tokio::spawn(tried(Arc::clone(&shop), case));
            wrong.extend(one.await.unwrap());
        }
        wrong
    });
    runtime.shutdown_background();
    wrong
}

#[test]
fn filters_end() {
    run(questions::filters);
}

#[test]
fn pages_and_expands_end() {
    run(questions::pages);
}

#[test]
fn groups_windows_and_formulas_end() {
    run(questions::groups);
}

#[test]
fn statements_of_sql_end() {
    run(statements::statements);
}

#[test]
fn series_and_texts_of_sql_end() {
    run(statements::series_and_texts);
}

#[test]
fn patterns_and_windows_of_sql_end() {
    run(statements::patterns_and_windows);
}
