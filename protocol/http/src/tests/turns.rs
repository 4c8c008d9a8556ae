//! Requests that wait for a turn, and those for which there is no place to wait.

use std::time::Duration;

use quarry_engine::RequestLimits;
use tokio::task::JoinHandle;

use super::*;

/// It never ends by itself, and nobody knows how many rows it handles.
const ENDLESS: &str =
    "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t";
/// As heavy to the planner, and soon over.
const SHORT: &str =
    "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) select count(*) from t";

async fn open(planner: PlannerOptions) -> (Arc<Shop>, Arc<Engine>) {
    let options = |options: EngineOptions| EngineOptions { planner, ..options };
    let (shop, engines) = Shop::open_over("shop", options, HttpOptions::default()).await;
    (Arc::new(shop), engines.main().clone())
}

fn asked(shop: &Arc<Shop>, sql: &'static str) -> JoinHandle<Answer> {
    let shop = shop.clone();
    tokio::spawn(async move { shop.post("/api/v1/sql", json!({ "sql": sql })).await })
}

/// Waits until the others have come so far.
async fn until(holds: impl Fn() -> bool) {
    let comes = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), comes).await.expect("it does not come to that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_its_turn_and_past_what_may_wait_it_is_told_to_come_again() {
    let (shop, engine) = open(PlannerOptions::default()).await;
    let limits = RequestLimits { running_max: 1, waiting_max: 1, ..RequestLimits::default() };
    engine.set_request_limits(limits.clone());
    let held = engine.begin_request().await.unwrap();
    let waits = asked(&shop, "select 1 as one");
    until(|| engine.requests_waiting() == 1).await;
    assert!(!waits.is_finished(), "it was answered without a turn");
    for path in ["/api/v1/packages", "/graphql?query={__typename}", "/api/v1/data/maker", "/scim/v2/Users"] {
        let answer = shop.get(path).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_eq!(answer.header("retry-after"), "1", "{path}");
    }
    assert_eq!(shop.get("/api/v1/packages").await.problem(), (429, "REQUESTS_BUSY".into()));
    // What takes no turn goes on: whether the server is there, and who comes in.
    assert_eq!(shop.get("/health/ready").await.status, StatusCode::OK);
    let login = json!({ "user": "admin", "password": PASSWORD });
    assert_eq!(shop.post("/api/v1/auth/login", login).await.status, StatusCode::OK);
    drop(held);
    let answer = waits.await.unwrap();
    assert_eq!((answer.status, &answer.json()["records"]), (StatusCode::OK, &json!([{ "one": 1 }])));
    // Its turn is given back, and so was its place.
    assert_eq!(shop.get("/api/v1/packages").await.status, StatusCode::OK);
    engine.set_request_limits(RequestLimits { wait_max: Duration::from_millis(20), ..limits });
    let _held = engine.begin_request().await.unwrap();
    for _ in 0..3 {
        assert_eq!(shop.get("/api/v1/packages").await.problem(), (429, "REQUESTS_BUSY".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_while_it_waits_leaves_its_place() {
    let (shop, engine) = open(PlannerOptions::default()).await;
    engine.set_request_limits(RequestLimits { running_max: 1, waiting_max: 1, ..RequestLimits::default() });
    let held = engine.begin_request().await.unwrap();
    let gone = asked(&shop, "select 1 as one");
    until(|| engine.requests_waiting() == 1).await;
    gone.abort();
    assert!(gone.await.is_err_and(|error| error.is_cancelled()));
    until(|| engine.requests_waiting() == 0).await;
    let next = asked(&shop, "select 2 as two");
    until(|| engine.requests_waiting() == 1).await;
    assert!(!next.is_finished(), "there was a place to wait for it");
    drop(held);
    assert_eq!(next.await.unwrap().json()["records"], json!([{ "two": 2 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_wait_hold_no_turns_and_past_what_may_wait_they_are_told_to_come_again() {
    let planner = PlannerOptions { heavy_running_max: 1, heavy_waiting_max: 3, ..PlannerOptions::default() };
    let (shop, engine) = open(planner).await;
    engine.set_request_limits(RequestLimits { running_max: 2, ..RequestLimits::default() });
    let heavy = || engine.planner().heavy_questions();
    let runs = asked(&shop, ENDLESS);
    until(|| heavy() == (1, 0)).await;
    let mut waiting = Vec::new();
    for count in 1..=3 {
        waiting.push(asked(&shop, SHORT));
        until(|| heavy() == (1, count)).await;
    }
    for _ in 0..5 {
        let page = tokio::time::timeout(Duration::from_secs(20), shop.get("/api/v1/objects/maker")).await;
        assert_eq!(page.expect("a page waits for the reports of others").status, StatusCode::OK);
    }
    assert!(waiting.iter().all(|report| !report.is_finished()), "they wait for the one that runs");
    let answer = asked(&shop, SHORT).await.unwrap();
    assert_eq!(answer.problem(), (429, "QUESTIONS_BUSY".into()));
    assert_eq!(answer.header("retry-after"), "1");
    runs.abort();
    for report in waiting {
        let answer = report.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    }
}
