//! Small questions in process: what the engine takes, from the question as a tree to the last row, the user looked up anew each time as
//! a door does for each request.

use std::{cell::Cell, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use futures::TryStreamExt;
use quarry_benches::{
    company::{self, Company, HEAD, LEAD},
    measure,
    process::PASSWORD,
};
use quarry_engine::{Query, Session, SessionOptions};
use serde_json::json;

use super::{questions::FIELDS, table::Row};

/// Different records and owners that are asked for.
const ASKED: u64 = 100;

/// By id, and the list of 50.
pub async fn all(folder: &Path, company: Company, slot: Duration) -> Result<Vec<Row>> {
    let engine = company::load::open(folder, company::packages())?;
    let mut sessions = vec![engine.session(engine.operator()?, SessionOptions::default())];
    for user in [LEAD, HEAD] {
        sessions.push(engine.session(engine.login(user, PASSWORD).await?, SessionOptions::default()));
    }
    let mut by_id = Vec::new();
    let mut lists = Vec::new();
    for turn in 0..ASKED {
        let account =
            company.seen_by_all(turn * company.accounts / ASKED).context("no account is seen by all")?;
        let question =
            json!({ "object": "account", "fields": FIELDS, "where": { "id": company::account_id(account) } });
        by_id.push(Query::parse(&question)?);
        let question = json!({
            "object": "opportunity", "fields": ["id", "name", "stage", "amount", "close_date"],
            "where": { "owner_id": company::seller_id(turn * 2) }, "orderBy": ["-close_date", "id"], "limit": 50,
        });
        lists.push(Query::parse(&question)?);
    }
    let rows = vec![
        time("engine: record by id, 30 fields", &by_id, &sessions, slot).await?.reaching("60 µs"),
        time("engine: list of 50 by owner, newest first", &lists, &sessions, slot).await?.reaching("400 µs"),
    ];
    drop(sessions);
    engine.close()?;
    Ok(rows)
}

async fn time(name: &'static str, queries: &[Query], sessions: &[Session], slot: Duration) -> Result<Row> {
    for query in queries {
        let mut counts = Vec::new();
        for session in sessions {
            counts.push(ask(session, query).await?);
        }
        ensure!(counts.windows(2).all(|pair| pair.first() == pair.last()), "{name}: {counts:?} rows");
    }
    let turns = [const { Cell::new(0) }; 3];
    let [admin, lead, head] = measure::all_in_turn(slot, async |side| {
        let ((session, turn), length) =
            (sessions.get(side).zip(turns.get(side)).context("no such side")?, queries.len());
        let query = queries.get(turn.replace(turn.get() + 1) % length).context("no question")?;
        ask(session, query).await
    })
    .await?;
    Ok(Row::of(name, admin, [lead, head], None))
}

/// How many rows there are.
async fn ask(session: &Session, query: &Query) -> Result<usize> {
    let mut session = session.clone();
    session.renew()?;
    let batches: Vec<_> = session.query(query).await?.batches.try_collect().await?;
    Ok(batches.iter().map(|batch| batch.num_rows()).sum())
}
