//! The SQL questions of the Postgres door's table, prepared, to both servers.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio_postgres::{Client, types::ToSql};

use quarry_benches::measure::{self, Line, Unit};

/// One question with its parameters, which are taken in turn.
pub struct Question {
    name: &'static str,
    sql: &'static str,
    parameters: Vec<String>,
    targets: (&'static str, &'static str),
}

const BY_ID: &str = "SELECT * FROM account WHERE id = $1";
const LIST: &str = "SELECT id, name, stage, amount, close_date FROM opportunity WHERE owner_id = $1
    ORDER BY close_date DESC, id LIMIT 50";
const GROUP: &str = "SELECT stage, type, lead_source, count(*), sum(amount) FROM opportunity
    WHERE amount > 1000 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
const JOIN: &str = "SELECT a.industry, o.stage, count(*), sum(o.amount) FROM opportunity o
    JOIN account a ON a.id = o.account_id JOIN contact c ON c.id = o.contact_id
    WHERE c.email IS NOT NULL GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT 10";
const FETCH: &str =
    "SELECT id, name, account_id, owner_id, amount, close_date, stage, type, lead_source, created_at
    FROM opportunity ORDER BY id";

/// All questions; ids are taken from the peer so that both are asked for the same.
pub async fn all(peer: &Client) -> Result<Vec<Question>> {
    let ids = texts(peer, "SELECT id FROM account ORDER BY md5(id) LIMIT 500").await?;
    let owners = texts(peer, "SELECT DISTINCT owner_id FROM opportunity ORDER BY 1").await?;
    let question = |name, sql, parameters, targets| Question { name, sql, parameters, targets };
    Ok(vec![
        question("prepared select of one record by id, all columns", BY_ID, ids, ("1.5 ×", "0.8 ×")),
        question("list of 50 by indexed filter, sorted", LIST, owners, ("1.5 ×", "0.8 ×")),
        question("filter and group, 3 keys", GROUP, vec![], ("0.2 ×", "0.05 ×")),
        question("join of three objects with group by", JOIN, vec![], ("0.2 ×", "0.05 ×")),
        question("fetch all opportunities × 10 columns, binary", FETCH, vec![], ("1 ×", "0.5 ×")),
    ])
}

async fn texts(peer: &Client, sql: &str) -> Result<Vec<String>> {
    Ok(peer.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

impl Question {
    /// Compares the answers, then times both in turn.
    pub async fn compare(&self, subject: &Client, peer: &Client, slot: Duration) -> Result<Line> {
        let (ours, theirs) = (subject.prepare(self.sql).await?, peer.prepare(self.sql).await?);
        for turn in 0..self.parameters.len().clamp(1, 20) {
            let (a, b) = (
                subject.query(&ours, &self.words(turn)).await?.len(),
                peer.query(&theirs, &self.words(turn)).await?.len(),
            );
            ensure!(a == b, "{}: {a} rows here, {b} rows there", self.name);
        }
        let (turn_a, turn_b) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let next = |turn: &std::cell::Cell<usize>| turn.replace(turn.get() + 1);
        let (a, b) = measure::in_turn(
            slot,
            async || Ok(subject.query(&ours, &self.words(next(&turn_a))).await?),
            async || Ok(peer.query(&theirs, &self.words(next(&turn_b))).await?),
        )
        .await?;
        Ok(Line { name: self.name, subject: a, peer: b, targets: self.targets, unit: Unit::Micros })
    }

    fn words(&self, turn: usize) -> Vec<&(dyn ToSql + Sync)> {
        match self.parameters.len() {
            0 => vec![],
            n => self.parameters.get(turn % n).map(|p| p as &(dyn ToSql + Sync)).into_iter().collect(),
        }
    }
}
