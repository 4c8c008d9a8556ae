//! An import and its deadline, over a real engine.
#![allow(clippy::unwrap_used)]

use std::{path::PathBuf, time::Duration};

use quarry_engine::{ContentOptions, Engine, EngineOptions, PlannerOptions, SessionOptions, World};
use serde_json::json;
use tokio::time::Instant;

use super::{super::super::names::Names, *};
use crate::layers::Deadline;

fn session(folder: &std::path::Path) -> Session {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let options = EngineOptions {
        data: folder.join("data"),
        packages: vec![here.join("../../packages/core"), here.join("../../engine/fixtures/shop")],
        admin_password: Some("correct horse battery".into()),
        token_seconds: 3600,
        tenants: Default::default(),
        resources: Default::default(),
        planner: PlannerOptions::default(),
        contents: ContentOptions::default(),
    };
    let engine = Engine::open(options, World::real()).unwrap().engine;
    let who = engine.add_user("loader", "correct horse battery", true).unwrap();
    engine.session(who, SessionOptions::default())
}

fn row(name: &str) -> Row {
    Row { data: json!({ "name": name }).as_object().unwrap().clone(), ..Row::default() }
}

/// The rows when all is through, or why it is not.
async fn imported(session: &Session, mut rows: Vec<Row>, until: Until) -> Result<Vec<Row>, Problem> {
    let context = session.context();
    let view = Names::of(&context.views).object("product").unwrap();
    let manner = Manner { mode: Mode::Insert, on: Vec::new(), dry_run: false, skips_blank: false };
    Import::new(session, (&context.views, view), &manner, until).run(&mut rows).await.map(|_| rows)
}

fn codes(rows: &[Row]) -> Vec<&str> {
    let code = |row: &Row| match &row.became {
        Some(Became::Created(_)) => "created",
        Some(Became::Failed(faults)) if faults.iter().all(|fault| fault.is("TIMEOUT")) => "timeout",
        _ => "else",
    };
    rows.iter().map(code).collect()
}

#[tokio::test]
async fn what_the_time_does_not_reach_for_is_told_beside_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let session = session(folder.path());
    let over = Until::of(Some(Deadline(Instant::now())));
    let begun = || Row { became: Some(Became::Created("x".into())), ..Row::default() };
    let rows = imported(&session, vec![begun(), row("Lamp"), row("Desk")], over).await.ok().unwrap();
    assert_eq!(codes(&rows), ["created", "timeout", "timeout"]);
    // Nothing was written: the whole request failed.
    let problem = imported(&session, vec![row("Lamp")], over).await.err().unwrap();
    assert_eq!((problem.status, problem.code), (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"));
    for until in [Until::of(None), Until::of(Some(Deadline(Instant::now() + Duration::from_secs(600))))] {
        let rows = imported(&session, vec![row("Lamp"), row("Desk")], until).await.ok().unwrap();
        assert_eq!(codes(&rows), ["created", "created"]);
    }
}

#[tokio::test]
async fn what_takes_too_long_is_not_waited_for() {
    let soon = Until::of(Some(Deadline(Instant::now() + Duration::from_millis(40))));
    assert!(soon.wait(std::future::ready(())).await.is_ok());
    let problem = soon.wait(std::future::pending::<()>()).await.err().unwrap();
    assert_eq!((problem.status, problem.code), (StatusCode::REQUEST_TIMEOUT, "TIMEOUT"));
}
