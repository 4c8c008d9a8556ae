//! The GraphQL questions: to Quarry, to PostGraphile, and to the PostgreSQL behind it in the SQL that gives the same JSON (what a layer over it
//! would cost if it cost nothing).

use anyhow::Result;
use quarry_benches::results::Section;
use serde_json::json;

use crate::{
    asked::{Pace, Question},
    options::Options,
    questions::{accounts, owners},
    sides::{Ask, http::Reading, name},
    stage::Stage,
};

/// What is asked for by id, for every rate too.
pub const BY_ID: [&str; 2] = [
    "query($p: ID!) { account(id: $p) { id name industry rating phone website type billingCity billingCountry customerStatus } }",
    "query($p: String!) { account: accountByRowId(rowId: $p) { id: rowId name industry rating phone website type billingCity billingCountry customerStatus } }",
];
const BY_ID_SQL: &str =
    "SELECT row_to_json(x)::text FROM (SELECT id, name, industry, rating, phone, website, type,
    billing_city, billing_country, customer_status FROM account WHERE id = $1) x";
const LIST: [&str; 2] = [
    "query($p: ID!) { opportunities(where: {ownerId: {eq: $p}}, orderBy: [{closeDate: DESC}], first: 50) {
        nodes { id name amount stage account { id name } } } }",
    "query($p: String!) { opportunities: allOpportunities(condition: {ownerId: $p}, orderBy: [CLOSE_DATE_DESC, ROW_ID_ASC], first: 50) {
        nodes { id: rowId name amount stage account: accountByAccountId { id: rowId name } } } }",
];
const LIST_SQL: &str = "SELECT coalesce(json_agg(x), '[]')::text FROM (SELECT o.id, o.name, o.amount, o.stage,
    json_build_object('id', a.id, 'name', a.name) AS account FROM opportunity o
    LEFT JOIN account a ON a.id = o.account_id WHERE o.owner_id = $1 ORDER BY o.close_date DESC, o.id LIMIT 50) x";
const LEVELS: [&str; 2] = [
    "query($p: ID!) { accounts(where: {ownerId: {eq: $p}}, orderBy: [{name: ASC}], first: 20) { nodes { id name
        opportunities(first: 5, orderBy: [{closeDate: DESC}]) { nodes { id name
        activities(first: 5, orderBy: [{activityDate: DESC}]) { nodes { id subject } } } } } } }",
    "query($p: String!) { accounts: allAccounts(condition: {ownerId: $p}, orderBy: [NAME_ASC, ROW_ID_ASC], first: 20) { nodes { id: rowId name
        opportunities: opportunitiesByAccountId(first: 5, orderBy: [CLOSE_DATE_DESC, ROW_ID_ASC]) { nodes { id: rowId name
        activities: activitiesByOpportunityId(first: 5, orderBy: [ACTIVITY_DATE_DESC, ROW_ID_ASC]) { nodes { id: rowId subject } } } } } } }",
];
const LEVELS_SQL: &str = "SELECT coalesce(json_agg(x), '[]')::text FROM (SELECT a.id, a.name,
    (SELECT coalesce(json_agg(y), '[]') FROM (SELECT o.id, o.name,
        (SELECT coalesce(json_agg(z), '[]') FROM (SELECT t.id, t.subject FROM activity t WHERE t.opportunity_id = o.id
            ORDER BY t.activity_date DESC, t.id LIMIT 5) z) AS activities
        FROM opportunity o WHERE o.account_id = a.id ORDER BY o.close_date DESC, o.id LIMIT 5) y) AS opportunities
    FROM account a WHERE a.owner_id = $1 ORDER BY a.name, a.id LIMIT 20) x";
const GROUP: [&str; 2] = [
    "{ opportunities { groups(by: [{stage: VALUE}, {closeDate: MONTH}], first: 10000) { keys sum { amount } } } }",
    "{ opportunities: allOpportunities { groups: groupedAggregates(groupBy: [STAGE, CLOSE_DATE_TRUNCATED_TO_MONTH]) { keys sum { amount } } } }",
];
const GROUP_SQL: &str =
    "SELECT json_agg(x)::text FROM (SELECT stage, date_trunc('month', close_date)::date AS month, sum(amount)
    FROM opportunity GROUP BY 1, 2) x";

/// The table.
///
/// # Errors
///
/// Those of connecting.
pub async fn section(stage: &Stage, options: &Options, troubles: &mut Vec<String>) -> Result<Section> {
    let sides = stage.graphql_sides().await?;
    let pace = Pace { slot: options.slot, turns: options.turns };
    let mut lines = Vec::new();
    for question in all(stage) {
        lines.push(question.line(&sides, pace, troubles).await);
    }
    Ok(Section {
        part: "graphql".into(),
        title: "GraphQL".into(),
        text: "One client over HTTP/1.1 that keeps its connection; answers read to the last byte. PostgreSQL is asked in SQL, over its socket, for the \
               JSON that the operation gives: what PostGraphile would take if it took nothing itself."
            .into(),
        command: options.command("graphql"),
        columns: sides.iter().map(|side| side.name.to_owned()).collect(),
        ratio: Some((name::QUARRY.into(), name::POSTGRAPHILE.into())),
        lines,
        plots: Vec::new(),
    })
}

/// An operation as it is posted.
pub fn posted(operation: &str) -> serde_json::Value {
    let has_parameter = operation.contains("$p");
    let variables = if has_parameter { json!({ "p": "$p" }) } else { json!({}) };
    json!({ "query": operation, "variables": variables })
}

fn all(stage: &Stage) -> Vec<Question> {
    let question = |name: &str, [ours, theirs]: [&str; 2], sql: &str, parameters: Vec<String>, to_reach| {
        let ours = Ask::Post(posted(ours), Reading::Data);
        Question {
            name: name.into(),
            asks: vec![
                (name::QUARRY, ours.clone()),
                (name::ADMIN, ours),
                (name::POSTGRAPHILE, Ask::Post(posted(theirs), Reading::Data)),
                (name::POSTGRES, Ask::SqlJson(sql.into())),
            ],
            is_ordered: !parameters.is_empty(),
            parameters,
            to_reach: Some(to_reach),
        }
    };
    vec![
        question("account by id, 10 fields", BY_ID, BY_ID_SQL, accounts(&stage.company), "0.33 ×"),
        question("list of 50 by owner, newest first, with parent", LIST, LIST_SQL, owners(), "0.33 ×"),
        question("three levels of lists, 20 × 5 × 5", LEVELS, LEVELS_SQL, owners(), "0.33 ×"),
        question("group by stage and month with sum", GROUP, GROUP_SQL, vec![], "0.1 ×"),
    ]
}
