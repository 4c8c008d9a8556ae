//! The questions of the design's pages, in SQL: records by id, lists, groups, joins and a fetch of many rows.

use anyhow::Result;
use quarry_benches::{
    company::{Company, SELLERS, account_id, seller_id},
    results::Section,
};
use serde_json::json;

use crate::{
    asked::{Pace, Question},
    options::Options,
    sides::{Ask, dialect, name},
    stage::Stage,
};

/// Different records that are asked for.
const DIFFERENT: u64 = 200;

const BY_ID: &str = "SELECT id, name, account_number, type, industry, ownership, region, annual_revenue, number_of_employees, rating,
    customer_status, sla_tier, next_renewal_date, owner_id, sic_code, ticker_symbol, phone, fax, website, email,
    billing_street, billing_city, billing_postal_code, billing_country, shipping_street, shipping_city, shipping_postal_code,
    shipping_country, description FROM account WHERE id = $1";
const BY_OWNER: &str = "SELECT id, name, stage, amount, close_date FROM opportunity WHERE owner_id = $1
    ORDER BY close_date DESC, id LIMIT 50";
const BY_STAGE: &str = "SELECT id, name, stage, amount, close_date FROM opportunity WHERE stage = $1
    ORDER BY close_date DESC, id LIMIT 50";
const GROUP: &str = "SELECT stage, type, lead_source, count(*), sum(amount) FROM opportunity
    WHERE amount > 1000 GROUP BY stage, type, lead_source ORDER BY stage, type, lead_source";
const JOIN: &str = "SELECT a.industry, o.stage, count(*), sum(o.amount) FROM opportunity o
    JOIN account a ON a.id = o.account_id JOIN contact c ON c.id = o.contact_id
    WHERE c.email IS NOT NULL GROUP BY a.industry, o.stage ORDER BY sum(o.amount) DESC, a.industry, o.stage LIMIT 10";
const MONTHS: &str = "SELECT {ny-month:decided_at} AS month, stage, count(*), sum(amount) FROM opportunity
    GROUP BY {ny-month:decided_at}, stage ORDER BY 1, stage";
const ACTIVITY: &str = "SELECT o.stage, t.type, count(*), sum(t.duration_in_minutes) FROM activity t
    JOIN opportunity o ON o.id = t.opportunity_id WHERE t.status <> 'cancelled'
    GROUP BY o.stage, t.type ORDER BY o.stage, t.type";
const FETCH: &str =
    "SELECT id, name, account_id, owner_id, amount, close_date, stage, type, lead_source, decided_at
    FROM opportunity WHERE id < $1 ORDER BY id";

/// The table.
///
/// # Errors
///
/// Those of connecting.
pub async fn section(stage: &Stage, options: &Options, troubles: &mut Vec<String>) -> Result<Section> {
    let sides = stage.sql_sides().await?;
    let pace = Pace { slot: options.slot, turns: options.turns };
    let mut lines = Vec::new();
    for question in all(&stage.company) {
        lines.push(question.line(&sides, pace, troubles).await);
    }
    Ok(Section {
        part: "questions".into(),
        title: "Records, lists, groups and joins, in SQL".into(),
        text: "Prepared statements, one client, rows to the last one. Quarry and PostgreSQL are asked over their sockets, the others in process. \
               DuckDB and DataFusion have no index and scan for a record by its id; ObjectStack is asked through its own query \
               objects; it sorts no groups, which may come from it in any order."
            .into(),
        command: options.command("questions"),
        columns: sides.iter().map(|side| side.name.to_owned()).collect(),
        ratio: Some((name::QUARRY.into(), name::POSTGRES.into())),
        lines,
        plots: Vec::new(),
    })
}

/// All of them.
pub fn all(company: &Company) -> Vec<Question> {
    let question = |name: &str, sql: &str, parameters: Vec<String>, to_reach| Question {
        name: name.into(),
        asks: dialect::asks(sql),
        parameters,
        is_ordered: true,
        to_reach,
    };
    let fetched = company.opportunities.min(1_000_000);
    let fetch = format!("fetch of {fetched} rows × 10 columns, binary");
    let stages =
        ["prospecting", "proposal", "negotiation", "closed_won", "closed_lost"].map(str::to_owned).to_vec();
    let mut all = vec![
        question("record by id, 29 columns", BY_ID, accounts(company), Some("1.5 ×")),
        question("list of 50 by owner, newest first", BY_OWNER, owners(), Some("1.5 ×")),
        question("list of 50 by stage, newest first", BY_STAGE, stages, Some("1.5 ×")),
        question("filter and group of opportunities, 3 keys", GROUP, vec![], Some("0.2 ×")),
        question("join of three objects with group by, top 10", JOIN, vec![], Some("0.2 ×")),
        question("activities by stage of their opportunity", ACTIVITY, vec![], None),
        question("month × stage by New York's clock", MONTHS, vec![], None),
        question(&fetch, FETCH, vec![quarry_benches::company::opportunity_id(fetched)], Some("1 ×")),
    ];
    for (question, ask) in all.iter_mut().zip(objectstack()) {
        question.asks.push((name::OBJECTSTACK, ask));
    }
    if let Some(fetch) = all.last_mut() {
        fetch
            .asks
            .iter_mut()
            .filter(|(side, _)| ![name::QUARRY, name::ADMIN, name::POSTGRES].contains(side))
            .for_each(|(_, ask)| *ask = Ask::Cannot("no wire".into()));
    }
    all
}

/// The same in ObjectStack's query objects.
fn objectstack() -> Vec<Ask> {
    let columns = |sql: &str| -> Vec<String> {
        let list = sql.split("FROM").next().unwrap_or_default().trim_start_matches("SELECT");
        list.split(',').map(|column| column.trim().to_owned()).collect()
    };
    let list = |sql: &str, object: &str, field: &str, limit: u32| {
        let fields = columns(sql);
        let order = json!([{ "field": "close_date", "order": "desc" }, { "field": "id", "order": "asc" }]);
        let order = if limit > 1 { order } else { json!([]) };
        let query = json!({ "where": { field: "$p" }, "fields": fields, "orderBy": order, "limit": limit });
        Ask::Call(json!({ "method": "find", "object": object, "columns": fields, "query": query }))
    };
    vec![
        list(BY_ID, "account", "id", 1),
        list(BY_OWNER, "opportunity", "owner_id", 50),
        list(BY_STAGE, "opportunity", "stage", 50),
        Ask::Call(json!({ "method": "aggregate", "object": "opportunity",
            "columns": ["stage", "type", "lead_source", "n", "sum"],
            "query": { "where": { "amount": { "$gt": 1000 } }, "groupBy": ["stage", "type", "lead_source"],
                "aggregations": [{ "function": "count", "alias": "n" }, { "function": "sum", "field": "amount", "alias": "sum" }] } })),
        Ask::Cannot("no joins".into()),
        Ask::Cannot("no joins".into()),
        Ask::Cannot("no clock of a place in a group's key".into()),
        Ask::Cannot("no wire".into()),
    ]
}

/// Ids of accounts all over the table.
pub fn accounts(company: &Company) -> Vec<String> {
    let every = (company.accounts / DIFFERENT).max(1);
    (0..DIFFERENT.min(company.accounts)).map(|number| account_id(number * every)).collect()
}

/// Everyone who sells.
pub fn owners() -> Vec<String> {
    (0..SELLERS).map(seller_id).collect()
}
