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
        let agent = ureq::Agent::new_with_defaults();
        let ask = |parameter: &str| -> Result<Value> {
            let body = json!({"query": self.operation, "variables": {"p": parameter}});
            let url = format!("{}/graphql", quarry.url);
            let answer = agent.post(url).header("Authorization", quarry.authorization()).send_json(&body);
            Ok(answer?.body_mut().read_json()?)
        };
        let first = self.parameters.first().context("no parameters")?;
        let answer = ask(first)?;
        ensure!(answer.get("errors").is_none(), "{}: {answer}", self.name);
        let statement = peer.prepare(self.sql).await?;
        let (turn_a, turn_b) = (Cell::new(0), Cell::new(0));
        let next = |turn: &Cell<usize>| {
            let index = turn.replace(turn.get() + 1) % self.parameters.len();
            self.parameters.get(index).cloned().unwrap_or_default()
        };
        let (a, b) = measure::in_turn(
            slot,
            async || ask(&next(&turn_a)),
            async || Ok(peer.query(&statement, &[&next(&turn_b)]).await?),
        )
        .await?;
        Ok(Line { name: self.name, subject: a, peer: b, targets: ("–", "–"), unit: Unit::Micros })
    }
}
