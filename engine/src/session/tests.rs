//! Changes that others were quicker than, and the turn of those who try again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::{runtime::Handle, sync::oneshot};

use super::*;
use crate::{
    RequestLimits,
    tests::{Shop, text, update},
};

/// Far longer than all of it takes.
const LONG: Duration = Duration::from_secs(60);

/// Who has the turn to try again may have to wait for a turn of requests: behind a large call, say. So nobody who waits for the one holds the
/// other, or both would wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_to_try_again_holds_no_turn_of_requests() {
    let shop = Shop::open();
    let maker = shop.create("maker", json!({ "name": "Old" })).await.unwrap();
    let limits = RequestLimits { running_max: 1, wait_max: LONG, ..RequestLimits::default() };
    shop.engine.set_request_limits(limits);
    let engine = shop.engine.clone();
    let trying = engine.retry_turn().lock().await;
    let (session, quicker) = (shop.session.clone(), shop.session.clone());
    let (tell, has_begun) = oneshot::channel();
    let tell = parking_lot::Mutex::new(Some(tell));
    let (id, is_first) = (maker.clone(), AtomicBool::new(true));
    let renames = tokio::spawn(async move {
        let turn = session.engine().begin_request().await.unwrap();
        // Between what it changes and its commit, the first time.
        let is_overtaken = |_: &Transaction| {
            if is_first.swap(false, Ordering::Relaxed) {
                let other = quicker.change(vec![update("maker", &id, json!({ "name": "Other" }))], false);
                tokio::task::block_in_place(|| Handle::current().block_on(other)).unwrap();
                tell.lock().take().unwrap().send(()).unwrap();
            }
        };
        let renamed = vec![update("maker", &id, json!({ "name": "New" }))];
        let work = session.change_with(renamed, false, is_overtaken);
        session.engine().in_turn(&turn, session.line(), work).await.map(drop)
    });
    has_begun.await.unwrap();
    let turn = tokio::time::timeout(LONG, engine.begin_request()).await;
    let turn = turn.expect("the only turn is held by who waits for the other").unwrap();
    assert!(!renames.is_finished());
    drop((trying, turn));
    tokio::time::timeout(LONG, renames).await.unwrap().unwrap().unwrap();
    assert_eq!(shop.field("maker", &maker, "name"), Some(text("New")));
}
