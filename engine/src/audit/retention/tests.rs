//! History is let go of in time, but for what is held.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::*;
use crate::{
    EngineOptions, Session, SessionOptions, World,
    tests::{START_MICROS, create, options},
    upkeep::verify_data,
};

fn small_logs(folder: &tempfile::TempDir) -> EngineOptions {
    let mut options = options(folder);
    options.tenants.store.log_file_bytes = 4 << 10;
    options.tenants.store.history_window_seconds = 0;
    options
}

fn open_at(folder: &tempfile::TempDir, days: i64) -> (Arc<Engine>, Session) {
    let world = World::seeded(7 + u64::try_from(days).unwrap(), START_MICROS + days * MICROS_PER_DAY);
    let engine = Engine::open(small_logs(folder), world).unwrap().engine;
    engine.keep_events();
    let session = engine.session(engine.operator().unwrap(), SessionOptions::default());
    (engine, session)
}

async fn make(session: &Session, what: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let data = json!({ "name": format!("{what} {number}") });
        let done = session.change(vec![create("maker", data)], false).await.unwrap();
        ids.extend(done.outcomes.into_iter().flat_map(|outcome| outcome.ids));
    }
    ids
}

#[tokio::test]
async fn what_is_older_than_is_said_goes_but_not_past_a_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, session) = open_at(&folder, 0);
    let early = make(&session, "Early", 60).await;
    engine.store().fold().unwrap();
    engine.close().unwrap();
    drop((engine, session));

    let (engine, session) = open_at(&folder, 40);
    make(&session, "Late", 60).await;
    engine.store().fold().unwrap();
    let days = NonZeroU32::new(30).unwrap();
    assert_eq!(engine.history_days(), None, "for good, unless it is said");
    let held = Held::parse(&format!("maker/{}", early[0])).unwrap();
    session.place_hold(&held, "case 7").unwrap();
    let first_of = |engine: &Engine| engine.chain(1, u64::MAX).unwrap().next().unwrap().unwrap().csn;
    let before = engine.forget_history(days).unwrap();
    let reached = first_of(&engine);
    let with_early = engine
        .chain(1, u64::MAX)
        .unwrap()
        .filter(|link| {
            link.as_ref().unwrap().time_micros.is_some_and(|at| at < START_MICROS + MICROS_PER_DAY)
        })
        .count();
    assert!(with_early > 50, "{before:?}: what is held and all behind it stays ({with_early})");
    session.lift_hold(&held).unwrap();
    let gone = engine.forget_history(days).unwrap();
    let last = gone.last().expect("it goes now");
    assert_eq!(first_of(&engine), last.entries.end() + 1);
    assert!(first_of(&engine) > reached);
    assert!(engine.forget_history(days).unwrap().is_empty(), "what is younger stays");
    engine.write_events().unwrap();
    let told =
        session.sql("SELECT subject FROM audit.events WHERE event = 'history_forgotten'").await.unwrap();
    let rows: usize = futures::TryStreamExt::try_collect::<Vec<_>>(told.batches)
        .await
        .unwrap()
        .iter()
        .map(|batch| batch.num_rows())
        .sum();
    assert_eq!(rows, before.len() + gone.len(), "each time is told");
    engine.close().unwrap();
    drop((engine, session));
    let world = World::seeded(9, START_MICROS + 41 * MICROS_PER_DAY);
    for (_, report) in verify_data(&folder.path().join("data"), &world, &BTreeMap::new()).unwrap() {
        assert_eq!(report.findings, []);
        assert!(report.notes.iter().any(|note| note.contains("was let go of")), "{:?}", report.notes);
    }
    let (engine, _) = open_at(&folder, 42);
    assert_eq!(engine.store().snapshot().table("maker").unwrap().statistics().rows, 120);
}
