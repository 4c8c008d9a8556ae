//! The sales dashboard of `docs/dashboard.md`: in ObjectQL to Quarry, in SQL to everyone else, in query objects to ObjectStack.
//!
//! The questions are those of the page, with two changes that the peers' rows need: `win_loss_analysis` has no average of `days_open` (that is
//! counted from when a record was made, which is another instant everywhere), and the owner in `filters` is named.

use anyhow::Result;
use quarry_benches::{
    company::{SELLERS, seller_id},
    results::Section,
};
use serde_json::{Value, json};

use crate::{
    asked::{Pace, Question},
    options::Options,
    sides::{Ask, dialect, http::Reading, name},
    stage::Stage,
};

/// A figure of the dashboard.
struct Figure {
    name: &'static str,
    /// ObjectQL, its object left out; and the names of what it gives.
    query: Value,
    columns: Vec<&'static str>,
    sql: &'static str,
    objectstack: Ask,
    parameters: Vec<String>,
}

/// The table.
///
/// # Errors
///
/// Those of connecting.
pub async fn section(stage: &Stage, options: &Options, troubles: &mut Vec<String>) -> Result<Section> {
    let sides = stage.http_sides("/api/v1/query").await?;
    let pace = Pace { slot: options.slot, turns: options.turns };
    let mut lines = Vec::new();
    for figure in figures() {
        lines.push(figure.question().line(&sides, pace, troubles).await);
    }
    Ok(Section {
        part: "dashboard".into(),
        title: "A sales dashboard".into(),
        text: "The figures of [dashboard.md](dashboard.md): Quarry is asked in ObjectQL over HTTP and answers JSON, PostgreSQL in SQL over its socket, \
               the others in process."
            .into(),
        command: options.command("dashboard"),
        columns: sides.iter().map(|side| side.name.to_owned()).collect(),
        ratio: Some((name::QUARRY.into(), name::POSTGRES.into())),
        lines,
        plots: Vec::new(),
    })
}

impl Figure {
    fn question(self) -> Question {
        let mut query = self.query;
        if let Some(query) = query.as_object_mut() {
            query.insert("object".into(), json!("opportunity"));
        }
        let post = Ask::Post(query, Reading::Records(self.columns));
        let mut asks = dialect::asks(self.sql);
        asks.retain(|(side, _)| ![name::QUARRY, name::ADMIN].contains(side));
        asks.extend([
            (name::QUARRY, post.clone()),
            (name::ADMIN, post),
            (name::OBJECTSTACK, self.objectstack),
        ]);
        Question {
            name: self.name.into(),
            asks,
            parameters: self.parameters,
            is_ordered: true,
            to_reach: None,
        }
    }
}

/// An aggregate of ObjectStack's.
fn aggregate(columns: &[&str], query: Value) -> Ask {
    Ask::Call(json!({ "method": "aggregate", "object": "opportunity", "columns": columns, "query": query }))
}

fn cannot(why: &str) -> Ask {
    Ask::Cannot(why.into())
}

fn figures() -> Vec<Figure> {
    let mut all = totals();
    all.extend(charts());
    all.extend(lists());
    all
}

fn totals() -> Vec<Figure> {
    let sum = |alias: &str| json!({ "function": "sum", "field": "amount", "alias": alias });
    let count = json!({ "function": "count", "alias": "deals" });
    vec![
        Figure {
            name: "total_revenue",
            query: json!({ "where": { "stage": "closed_won" }, "aggregations": [
                { "function": "sum", "field": "amount", "as": "total_revenue" }, { "function": "count", "as": "deals" }] }),
            columns: vec!["total_revenue", "deals"],
            sql: "SELECT sum(amount), count(*) FROM opportunity WHERE stage = 'closed_won'",
            objectstack: aggregate(&["s", "deals"], json!({ "where": { "stage": "closed_won" }, "aggregations": [sum("s"), count] })),
            parameters: vec![],
        },
        Figure {
            name: "pipeline_value",
            query: json!({ "where": { "stage": { "$nin": ["closed_won", "closed_lost"] } }, "aggregations": [
                { "function": "sum", "field": "amount", "as": "pipeline_value" }, { "function": "count", "as": "deals" }] }),
            columns: vec!["pipeline_value", "deals"],
            sql: "SELECT sum(amount), count(*) FROM opportunity WHERE stage NOT IN ('closed_won', 'closed_lost')",
            objectstack: aggregate(
                &["s", "deals"],
                json!({ "where": { "stage": { "$nin": ["closed_won", "closed_lost"] } }, "aggregations": [sum("s"), count] }),
            ),
            parameters: vec![],
        },
        Figure {
            name: "win_rate",
            query: json!({ "where": { "is_closed": true }, "aggregations": [
                { "function": "avg", "field": "is_won", "as": "win_rate" },
                { "function": "count", "filter": { "is_won": true }, "as": "won" }, { "function": "count", "as": "closed" }] }),
            columns: vec!["won", "closed", "win_rate"],
            sql: "SELECT sum(CASE WHEN stage = 'closed_won' THEN 1 ELSE 0 END), count(*),
                avg(CASE WHEN stage = 'closed_won' THEN 1.0 ELSE 0.0 END) FROM opportunity WHERE stage IN ('closed_won', 'closed_lost')",
            objectstack: cannot("no average of a condition"),
            parameters: vec![],
        },
        Figure {
            name: "avg_deal_size",
            query: json!({ "where": { "stage": "closed_won" },
                "aggregations": [{ "function": "avg", "field": "amount", "as": "avg_deal_size" }] }),
            columns: vec!["avg_deal_size"],
            sql: "SELECT avg(amount) FROM opportunity WHERE stage = 'closed_won'",
            objectstack: aggregate(
                &["a"],
                json!({ "where": { "stage": "closed_won" }, "aggregations": [{ "function": "avg", "field": "amount", "alias": "a" }] }),
            ),
            parameters: vec![],
        },
    ]
}

fn charts() -> Vec<Figure> {
    let figure = |name, query, columns: &[&'static str], sql, objectstack| Figure {
        name,
        query,
        columns: columns.to_vec(),
        sql,
        objectstack,
        parameters: vec![],
    };
    vec![
        figure(
            "pipeline_funnel",
            json!({ "where": { "is_closed": false }, "groupBy": ["stage_order", "stage"], "aggregations": [
                { "function": "count", "as": "deals" }, { "function": "sum", "field": "amount", "as": "amount" }], "orderBy": ["stage_order"] }),
            &["stage", "deals", "amount"],
            "SELECT stage, count(*), sum(amount) FROM opportunity WHERE stage NOT IN ('closed_won', 'closed_lost') GROUP BY stage
                ORDER BY CASE stage WHEN 'prospecting' THEN 1 WHEN 'qualification' THEN 2 WHEN 'needs_analysis' THEN 3
                WHEN 'proposal' THEN 4 ELSE 5 END",
            cannot("no formula in a group's key"),
        ),
        figure(
            "revenue_by_month",
            json!({ "where": { "stage": "closed_won" }, "groupBy": [{ "field": "close_date", "granularity": "month", "as": "month" }],
                "aggregations": [{ "function": "sum", "field": "amount", "as": "revenue" }], "orderBy": ["month"] }),
            &["month", "revenue"],
            "SELECT {month:close_date}, sum(amount) FROM opportunity WHERE stage = 'closed_won' GROUP BY {month:close_date} ORDER BY 1",
            aggregate(
                &["month", "revenue"],
                json!({ "where": { "stage": "closed_won" },
                    "groupBy": [{ "field": "close_date", "dateGranularity": "month", "alias": "month" }],
                    "aggregations": [{ "function": "sum", "field": "amount", "alias": "revenue" }] }),
            ),
        ),
        figure(
            "revenue_by_industry",
            json!({ "where": { "stage": "closed_won" }, "groupBy": [{ "field": "account.industry", "as": "industry" }], "aggregations": [
                { "function": "sum", "field": "amount", "as": "revenue" }, { "function": "count", "as": "deals" }], "orderBy": ["-revenue"] }),
            &["industry", "revenue", "deals"],
            "SELECT a.industry, sum(o.amount), count(*) FROM opportunity o JOIN account a ON a.id = o.account_id
                WHERE o.stage = 'closed_won' GROUP BY a.industry ORDER BY sum(o.amount) DESC, a.industry",
            cannot("no path in a group's key"),
        ),
        figure(
            "win_loss_analysis",
            json!({ "where": { "is_closed": true }, "groupBy": ["stage", "loss_reason"], "aggregations": [
                { "function": "count", "as": "deals" }, { "function": "sum", "field": "amount", "as": "amount" }], "orderBy": ["-deals"] }),
            &["stage", "loss_reason", "deals", "amount"],
            "SELECT stage, loss_reason, count(*), sum(amount) FROM opportunity WHERE stage IN ('closed_won', 'closed_lost')
                GROUP BY stage, loss_reason ORDER BY count(*) DESC, stage, loss_reason",
            aggregate(
                &["stage", "loss_reason", "deals", "amount"],
                json!({ "where": { "stage": { "$in": ["closed_won", "closed_lost"] } }, "groupBy": ["stage", "loss_reason"],
                    "aggregations": [{ "function": "count", "alias": "deals" }, { "function": "sum", "field": "amount", "alias": "amount" }] }),
            ),
        ),
        figure(
            "forecast_vs_actual",
            json!({ "groupBy": [{ "field": "close_date", "granularity": "quarter", "as": "quarter" }], "aggregations": [
                { "function": "sum", "field": "expected_revenue", "as": "forecast" },
                { "function": "sum", "field": "amount", "filter": { "stage": "closed_won" }, "as": "actual" },
                { "function": "sum", "field": "amount", "filter": { "forecast_category": "commit" }, "as": "commit" }], "orderBy": ["quarter"] }),
            &["quarter", "forecast", "actual", "commit"],
            "SELECT {quarter:close_date}, sum(round(amount * probability / 100.0, 2)),
                sum(CASE WHEN stage = 'closed_won' THEN amount ELSE 0 END),
                sum(CASE WHEN forecast_category = 'commit' THEN amount ELSE 0 END)
                FROM opportunity GROUP BY {quarter:close_date} ORDER BY 1",
            cannot("no expression in an aggregate"),
        ),
    ]
}

fn lists() -> Vec<Figure> {
    vec![
        Figure {
            name: "top_deals",
            query: json!({ "where": { "is_closed": false }, "fields": ["name", "account.name", "owner.name", "amount", "stage", "close_date"],
                "orderBy": ["-amount"], "limit": 10 }),
            columns: vec!["name", "account.name", "owner.name", "amount", "stage", "close_date"],
            sql: "SELECT o.name, a.name, u.name, o.amount, o.stage, o.close_date FROM opportunity o
                JOIN account a ON a.id = o.account_id JOIN {user} u ON u.id = o.owner_id
                WHERE o.stage NOT IN ('closed_won', 'closed_lost') ORDER BY o.amount DESC, o.id LIMIT 10",
            objectstack: cannot("no path in a list"),
            parameters: vec![],
        },
        Figure {
            name: "team_leaderboard",
            query: json!({ "where": { "stage": "closed_won" }, "groupBy": [{ "field": "owner.name", "as": "seller" }], "aggregations": [
                { "function": "sum", "field": "amount", "as": "revenue" }, { "function": "count", "as": "deals" }],
                "orderBy": ["-revenue"], "limit": 10 }),
            columns: vec!["seller", "revenue", "deals"],
            sql: "SELECT u.name, sum(o.amount), count(*) FROM opportunity o JOIN {user} u ON u.id = o.owner_id
                WHERE o.stage = 'closed_won' GROUP BY u.name ORDER BY sum(o.amount) DESC, u.name LIMIT 10",
            objectstack: cannot("no path in a group's key"),
            parameters: vec![],
        },
        Figure {
            name: "filters",
            query: json!({ "where": { "stage": "closed_won", "owner_id": "$p", "account.region": "emea",
                "close_date": { "$between": ["2024-01-01", "2025-10-31"] } }, "aggregations": [
                { "function": "sum", "field": "amount", "as": "total_revenue" }, { "function": "count", "as": "deals" }] }),
            columns: vec!["total_revenue", "deals"],
            sql: "SELECT coalesce(sum(o.amount), 0), count(*) FROM opportunity o JOIN account a ON a.id = o.account_id
                WHERE o.stage = 'closed_won' AND o.owner_id = $1 AND a.region = 'emea' AND o.close_date BETWEEN '2024-01-01' AND '2025-10-31'",
            objectstack: cannot("no path in a filter"),
            parameters: (0..SELLERS).step_by(5).map(seller_id).collect(),
        },
    ]
}
