//! Turns of requests and of large calls: who waits for one, what is told when no more may wait, and what is held meanwhile.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use quarry_planner::turns::Turn;
use tokio::sync::oneshot;

use super::*;
use crate::{ErrorKind, RequestLimits};

/// One record more than a call may have that runs at once.
const LARGE: usize = 65;

fn makers(count: usize, name: &str) -> Vec<Change> {
    (0..count).map(|n| create("maker", json!({ "name": format!("{name} {n}") }))).collect()
}

/// A shop of whose large calls so many may wait, and all turns that there are for them.
async fn all_taken(waiting_max: usize) -> (Arc<Shop>, Vec<Turn>) {
    let shop = Shop::with_options("shop", |options| EngineOptions {
        planner: PlannerOptions { heavy_waiting_max: waiting_max, ..PlannerOptions::default() },
        ..options
    });
    let turns = &shop.engine.process().large_calls;
    let mut taken = Vec::new();
    // There are as many as there are cores.
    let free = std::thread::available_parallelism().map_or(2, usize::from);
    for _ in 0..free {
        taken.push(turns.ask(shop.engine.tenant()).unwrap().turn().await);
    }
    (Arc::new(shop), taken)
}

fn sent(shop: &Arc<Shop>, changes: Vec<Change>) -> tokio::task::JoinHandle<Result<Vec<Outcome>, Error>> {
    let shop = shop.clone();
    tokio::spawn(async move { shop.change(changes).await })
}

/// Lets the others come as far as they can.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn large_calls_wait_for_their_turn_and_past_what_may_wait_they_are_refused() {
    let (shop, taken) = all_taken(2).await;
    let waiting = [sent(&shop, makers(LARGE, "first")), sent(&shop, makers(LARGE, "second"))];
    pause().await;
    assert!(waiting.iter().all(|call| !call.is_finished()), "there was no turn for it");
    for count in [LARGE, 1_000] {
        let error = shop.change(makers(count, "third")).await.unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::Limited, "QUESTIONS_BUSY"));
        assert!(error.message.contains("calls of many changes wait for their turn"), "{error}");
    }
    assert_eq!(shop.rows("maker"), 0, "nothing of what was refused is kept");
    // As many as run at once wait for nobody.
    shop.change(makers(LARGE - 1, "small")).await.unwrap();
    drop(taken);
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap().len(), LARGE);
    }
    assert_eq!(shop.rows("maker"), 3 * LARGE - 1);
    shop.change(makers(LARGE, "third")).await.unwrap();
}

#[tokio::test]
async fn a_large_call_that_waits_no_more_makes_room_for_the_next() {
    let (shop, taken) = all_taken(1).await;
    let gone = sent(&shop, makers(LARGE, "gone"));
    pause().await;
    assert_eq!(shop.change(makers(LARGE, "next")).await.unwrap_err().code, "QUESTIONS_BUSY");
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let next = sent(&shop, makers(LARGE, "next"));
    pause().await;
    assert!(!next.is_finished(), "it has the place of the one that has gone");
    drop(taken);
    next.await.unwrap().unwrap();
    assert_eq!(shop.rows("maker"), LARGE);
}

#[tokio::test]
async fn a_large_call_waits_no_longer_than_its_session_may() {
    let (shop, taken) = all_taken(1).await;
    let options = SessionOptions { timeout: Some(Duration::from_millis(20)), ..SessionOptions::default() };
    let session = shop.engine.session(shop.engine.operator().unwrap(), options);
    for _ in 0..3 {
        let error = session.change(makers(LARGE, "late"), false).await.unwrap_err();
        assert_eq!((error.kind, error.code), (ErrorKind::Limited, "QUESTIONS_BUSY"));
    }
    drop(taken);
    session.change(makers(LARGE, "in time"), false).await.unwrap();
    assert_eq!(shop.rows("maker"), LARGE);
}

#[tokio::test]
async fn a_large_call_that_waits_holds_no_turn_of_requests() {
    let (shop, taken) = all_taken(1).await;
    shop.engine.set_request_limits(RequestLimits { running_max: 1, ..RequestLimits::default() });
    let large = tokio::spawn({
        let shop = shop.clone();
        async move {
            let turn = shop.engine.begin_request().await.unwrap();
            let work = shop.session.change(makers(LARGE, "large"), false);
            shop.engine.in_turn(&turn, shop.session.line(), work).await.map(drop)
        }
    });
    pause().await;
    let page = shop.engine.begin_request().await.expect("the only turn is given back");
    drop(taken);
    pause().await;
    assert!(!large.is_finished(), "it is answered without a turn of its own");
    drop(page);
    large.await.unwrap().unwrap();
}

/// A turn of these is for work: who waits for the turn of his request behind it has none.
#[tokio::test]
async fn a_large_call_gives_its_turn_back_before_its_request_has_one_again() {
    let (shop, taken) = all_taken(4).await;
    let count = taken.len();
    shop.engine.set_request_limits(RequestLimits { running_max: 1, ..RequestLimits::default() });
    let large = tokio::spawn({
        let shop = shop.clone();
        async move {
            let turn = shop.engine.begin_request().await.unwrap();
            let work = shop.session.change(makers(LARGE, "large"), false);
            shop.engine.in_turn(&turn, shop.session.line(), work).await.map(drop)
        }
    });
    while shop.engine.large_calls() != (count, 1) {
        tokio::task::yield_now().await;
    }
    let page = shop.engine.begin_request().await.expect("the only turn is given back");
    drop(taken);
    let all = async {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(shop.engine.turn_of_large_calls().unwrap().turn().await);
        }
        all
    };
    let all =
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("one is held, and does nothing");
    assert!(!large.is_finished(), "it is answered without a turn of its own");
    assert_eq!(shop.rows("maker"), 0, "nor is it kept without one");
    drop((all, page));
    large.await.unwrap().unwrap();
    assert_eq!(shop.rows("maker"), LARGE);
}

/// Where a request has waited in line, it goes on in a turn and not before.
#[tokio::test]
async fn work_goes_on_when_its_request_has_its_turn_again() {
    let shop = Shop::open();
    shop.engine.set_request_limits(RequestLimits { running_max: 1, ..RequestLimits::default() });
    let (engine, line) = (shop.engine.clone(), shop.session.line().clone());
    let has_gone_on = Arc::new(AtomicBool::new(false));
    let (give, given) = oneshot::channel::<()>();
    let report = tokio::spawn({
        let (engine, has_gone_on) = (engine.clone(), has_gone_on.clone());
        async move {
            let turn = engine.begin_request().await.unwrap();
            let work = async {
                line.wait_for(given).await.unwrap();
                has_gone_on.store(true, Ordering::Release);
            };
            engine.in_turn(&turn, &line, work).await;
            turn
        }
    });
    pause().await;
    let page = engine.begin_request().await.unwrap();
    give.send(()).unwrap();
    pause().await;
    assert!(!has_gone_on.load(Ordering::Acquire), "two are worked on at once");
    drop(page);
    let turn = report.await.unwrap();
    assert!(has_gone_on.load(Ordering::Acquire));
    // It has the turn again, and gives it back at its end.
    let next = tokio::spawn(async move { engine.begin_request().await.map(drop) });
    pause().await;
    assert!(!next.is_finished());
    drop(turn);
    next.await.unwrap().unwrap();
}
