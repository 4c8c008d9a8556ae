//! The GraphQL questions. The peer answers the SQL with `json_agg` that a GraphQL layer over PostgreSQL would compile
//! the operation to, without the layer's own cost: the strictest peer there is.

use std::{cell::Cell, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio_postgres::Client;

use quarry_benches::{
    measure::{self, Line, Unit},
    process::Quarry,
};

/// Parameters that a restricted user is asked by, at most.
const RESTRICTED_PARAMETERS: usize = 100;

/// One operation and the SQL that gives the same JSON.
pub struct Question {
    name: &'static str,
    operation: &'static str,
    sql: &'static str,
    parameters: Vec<String>,
}

const BY_ID: &str = "query($p: ID!) { account(id: $p) { id name industry rating phone website type billingCity billingCountry customerStatus } }";
const BY_ID_SQL: &str =
    "SELECT row_to_json(x)::text FROM (SELECT id, name, industry, rating, phone, website, type,
    billing_city, billing_country, customer_status FROM account WHERE id = $1) x";
const LIST: &str =
    "query($p: ID!) { opportunities(where: {ownerId: {eq: $p}}, orderBy: [{closeDate: DESC}], first: 50) {
    nodes { id name amount stage account { id name } } } }";
const LIST_SQL: &str = "SELECT json_agg(x)::text FROM (SELECT o.id, o.name, o.amount, o.stage,
    json_build_object('id', a.id, 'name', a.name) AS account FROM opportunity o
    LEFT JOIN account a ON a.id = o.account_id WHERE o.owner_id = $1 ORDER BY o.close_date DESC, o.id LIMIT 50) x";
const LEVELS: &str = "query($p: ID!) { accounts(where: {ownerId: {eq: $p}}, orderBy: [{name: ASC}], first: 20) { nodes { id name
    contacts(first: 5, orderBy: [{lastName: ASC}]) { nodes { id lastName } }
    opportunities(first: 5, orderBy: [{closeDate: DESC}]) { nodes { id name amount } } } } }";
const LEVELS_SQL: &str = "SELECT json_agg(x)::text FROM (SELECT a.id, a.name,
    (SELECT json_agg(c) FROM (SELECT id, last_name FROM contact WHERE account_id = a.id ORDER BY last_name, id LIMIT 5) c) contacts,
    (SELECT json_agg(o) FROM (SELECT id, name, amount FROM opportunity WHERE account_id = a.id ORDER BY close_date DESC, id LIMIT 5) o) opportunities
    FROM account a WHERE a.owner_id = $1 ORDER BY a.name, a.id LIMIT 20) x";

/// All questions.
pub async fn all(peer: &Client) -> Result<Vec<Question>> {
    let texts = async |sql: &str| -> Result<Vec<String>> {
        Ok(peer.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
    };
    let ids = texts("SELECT id FROM account ORDER BY md5(id) LIMIT 500").await?;
    let owners = texts("SELECT DISTINCT owner_id FROM account ORDER BY 1").await?;
    let question = |name, operation, sql, parameters| Question { name, operation, sql, parameters };
    Ok(vec![
        question("GraphQL: account by id, 10 fields", BY_ID, BY_ID_SQL, ids),
        question("GraphQL: list of 50 by owner, newest first, with parent", LIST, LIST_SQL, owners.clone()),
        question("GraphQL: lists in lists, 20 × (5 + 5)", LEVELS, LEVELS_SQL, owners),
    ])
}

impl Question {
    /// Checks that both answer, then times both in turn.
    pub async fn compare(&self, quarry: &Quarry, peer: &Client, slot: Duration) -> Result<Line> {
        self.ask(quarry, "admin", self.parameters.first().context("no parameters")?)?;
        let statement = peer.prepare(self.sql).await?;
        let (turn_a, turn_b) = (Cell::new(0), Cell::new(0));
        let next = |turn: &Cell<usize>| {
            let index = turn.replace(turn.get() + 1) % self.parameters.len();
            self.parameters.get(index).cloned().unwrap_or_default()
        };
        let (a, b) = measure::in_turn(
            slot,
            async || self.ask(quarry, "admin", &next(&turn_a)),
            async || Ok(peer.query(&statement, &[&next(&turn_b)]).await?),
        )
        .await?;
        Ok(Line { name: self.name, subject: a, peer: b, targets: ("–", "–"), unit: Unit::Micros })
    }

    /// Checks that a restricted user gets as much as an administrator, then times both in turn.
    pub async fn restricted(mut self, quarry: &Quarry, user: &str, slot: Duration) -> Result<Line> {
        let mut same = Vec::new();
        for parameter in std::mem::take(&mut self.parameters).into_iter().take(RESTRICTED_PARAMETERS) {
            let sides = [self.ask(quarry, user, &parameter)?, self.ask(quarry, "admin", &parameter)?];
            let [his, all] = sides.map(|answer| records(&answer));
            if his == all {
                same.push(parameter);
            }
        }
        ensure!(!same.is_empty(), "{}: he sees less than an administrator everywhere", self.name);
        let turns = [const { Cell::new(0) }; 2];
        let [his, all] = measure::all_in_turn(slot, async |side| {
            let turn = turns.get(side).map_or(0, |turn| turn.replace(turn.get() + 1));
            let parameter = same.get(turn % same.len()).map_or("", String::as_str);
            self.ask(quarry, if side == 0 { user } else { "admin" }, parameter)
        })
        .await?;
        let targets = ("1.5 ×", "1.1 ×");
        Ok(Line { name: self.name, subject: his.timing, peer: all.timing, targets, unit: Unit::Micros })
    }

    fn ask(&self, quarry: &Quarry, user: &str, parameter: &str) -> Result<Value> {
        let body = json!({"query": self.operation, "variables": {"p": parameter}});
        let answer = quarry.ask(user, "/graphql", &body)?;
        ensure!(answer.get("errors").is_none(), "{}: {answer}", self.name);
        Ok(answer)
    }
}

/// Objects with an id that are not parents, which may be null for one of the two.
fn records(answer: &Value) -> usize {
    match answer {
        Value::Array(nodes) => nodes.iter().map(|node| 1 + records(node)).sum(),
        Value::Object(fields) => {
            let one = usize::from(fields.values().any(|value| !value.is_object() && !value.is_array()));
            let below = fields.iter().filter(|(name, _)| *name != "account" || one == 0);
            one + below.map(|(_, value)| records(value)).sum::<usize>()
        }
        _ => 0,
    }
}
