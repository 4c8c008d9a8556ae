//! The SQL questions of the Postgres door's table, prepared, to both servers, or to one server by two users.

use std::{borrow::Cow, cell::Cell, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio_postgres::{Client, Statement, types::ToSql};

use quarry_benches::measure::{self, Line, Unit};

/// One question with its parameters, which are taken in turn.
pub struct Question {
    name: &'static str,
    sql: Cow<'static, str>,
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

/// What a restricted role may take, as a ratio to an administrator.
const RESTRICTED: (&str, &str) = ("1.5 ×", "1.1 ×");

/// All questions; ids are taken from the peer so that both are asked for the same.
pub async fn all(peer: &Client) -> Result<Vec<Question>> {
    let ids = texts(peer, "SELECT id FROM account ORDER BY md5(id) LIMIT 500").await?;
    let owners = texts(peer, "SELECT DISTINCT owner_id FROM opportunity ORDER BY 1").await?;
    let question = |name, sql: &'static str, parameters, targets| Question {
        name,
        sql: sql.into(),
        parameters,
        targets,
    };
    Ok(vec![
        question("prepared select of one record by id, all columns", BY_ID, ids, ("1.5 ×", "0.8 ×")),
        question("list of 50 by indexed filter, sorted", LIST, owners, ("1.5 ×", "0.8 ×")),
        question("filter and group, 3 keys", GROUP, vec![], ("0.2 ×", "0.05 ×")),
        question("join of three objects with group by", JOIN, vec![], ("0.2 ×", "0.05 ×")),
        question("fetch all opportunities × 10 columns, binary", FETCH, vec![], ("1 ×", "0.5 ×")),
    ])
}

/// The same for a restricted user, who is asked for what he sees; and of the questions over many records one more each that
/// names the owners (all of whose records he sees, a parent that he does not see apart), so that both read as many.
pub async fn of_restricted(user: &Client, below: &[String]) -> Result<Vec<Question>> {
    let mut all = all(user).await?;
    let owners: Vec<_> = below.iter().map(|id| format!("'{id}'")).collect();
    let owners = format!("owner_id IN ({})", owners.join(", "));
    let named =
        |name, sql: String| Question { name, sql: sql.into(), parameters: vec![], targets: RESTRICTED };
    all.push(named(
        "filter and group, of named owners",
        GROUP.replace("WHERE", &format!("WHERE {owners} AND")),
    ));
    let join = format!("WHERE o.{owners} AND a.{owners} AND");
    all.push(named("join with group by, of named owners", JOIN.replace("WHERE", &join)));
    all.push(named(
        "fetch of named owners × 10 columns, binary",
        FETCH.replace("FROM opportunity", &format!("FROM opportunity WHERE {owners}")),
    ));
    Ok(all)
}

/// The first column of an answer.
pub async fn texts(peer: &Client, sql: &str) -> Result<Vec<String>> {
    Ok(peer.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}

impl Question {
    /// Compares the answers, then times both in turn.
    pub async fn compare(&self, subject: &Client, peer: &Client, slot: Duration) -> Result<Line> {
        let (ours, theirs) = (subject.prepare(&self.sql).await?, peer.prepare(&self.sql).await?);
        for turn in 0..self.parameters.len().clamp(1, 20) {
            let (a, b) = (
                subject.query(&ours, &self.words(turn)).await?.len(),
                peer.query(&theirs, &self.words(turn)).await?.len(),
            );
            ensure!(a == b, "{}: {a} rows here, {b} rows there", self.name);
        }
        self.time([(subject, ours), (peer, theirs)], self.targets, slot).await
    }

    /// Times a restricted user beside an administrator in turn, by parameters that give both as many rows; tells how many
    /// rows both get where there are no parameters.
    pub async fn restricted(
        mut self,
        user: &Client,
        admin: &Client,
        slot: Duration,
    ) -> Result<(Line, Option<[usize; 2]>)> {
        let (his, all) = (user.prepare(&self.sql).await?, admin.prepare(&self.sql).await?);
        let mut same = Vec::new();
        let mut rows = None;
        for turn in 0..self.parameters.len().max(1) {
            let words = self.words(turn);
            let few = user.query(&his, &words).await?.len();
            let many = admin.query(&all, &words).await?.len();
            match self.parameters.get(turn) {
                Some(parameter) if few == many && few > 0 => same.push(parameter.clone()),
                Some(_) => {}
                None => rows = Some([few, many]),
            }
        }
        ensure!(rows.is_some() || !same.is_empty(), "{}: he sees less everywhere", self.name);
        self.parameters = same;
        let line = self.time([(user, his), (admin, all)], RESTRICTED, slot).await?;
        Ok((line, rows.filter(|[few, many]| few != many)))
    }

    async fn time(
        &self,
        sides: [(&Client, Statement); 2],
        targets: (&'static str, &'static str),
        slot: Duration,
    ) -> Result<Line> {
        let turns = [const { Cell::new(0) }; 2];
        let [a, b] = measure::all_in_turn(slot, async |side| {
            let ((client, statement), turn) = sides.get(side).zip(turns.get(side)).context("no such side")?;
            Ok(client.query(statement, &self.words(turn.replace(turn.get() + 1))).await?)
        })
        .await?;
        Ok(Line { name: self.name, subject: a.timing, peer: b.timing, targets, unit: Unit::Micros })
    }

    fn words(&self, turn: usize) -> Vec<&(dyn ToSql + Sync)> {
        match self.parameters.len() {
            0 => vec![],
            n => self.parameters.get(turn % n).map(|p| p as &(dyn ToSql + Sync)).into_iter().collect(),
        }
    }
}
