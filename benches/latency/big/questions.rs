//! The questions that go through doors, to all four: an administrator, a user who sees half, one who sees nearly all, and PostgreSQL.

use std::{cell::Cell, time::Duration};

use anyhow::{Context, Result, ensure};
use quarry_benches::{
    company::{HEAD, LEAD},
    measure,
    process::Quarry,
};
use serde_json::{Value, json};
use tokio_postgres::{Client, Statement, types::ToSql};

use super::table::Row;
use crate::questions::texts;

/// Thirty fields of an account that everyone sees, one of them masked.
pub const FIELDS: [&str; 30] = [
    "id",
    "name",
    "account_number",
    "type",
    "industry",
    "ownership",
    "region",
    "number_of_employees",
    "rating",
    "customer_status",
    "sla_tier",
    "health_score",
    "next_renewal_date",
    "owner_id",
    "sic_code",
    "ticker_symbol",
    "phone",
    "fax",
    "website",
    "email",
    "billing_street",
    "billing_city",
    "billing_postal_code",
    "billing_country",
    "shipping_street",
    "shipping_city",
    "shipping_postal_code",
    "shipping_country",
    "description",
    "tax_number",
];
const BY_OWNER: &str = "SELECT id, name, stage, amount, close_date FROM opportunity WHERE owner_id = $1
    ORDER BY close_date DESC, id LIMIT 50";
const BY_STAGE: &str = "SELECT id, name, stage, amount, close_date FROM opportunity WHERE stage = $1
    ORDER BY close_date DESC, id LIMIT 50";
/// Three objects joined, grouped, the ten largest.
pub const JOIN: &str = "SELECT a.industry, o.stage, count(*), sum(o.amount) FROM opportunity o
    JOIN account a ON a.id = o.account_id JOIN contact c ON c.id = o.contact_id
    WHERE c.email IS NOT NULL GROUP BY 1, 2 ORDER BY 4 DESC, 1, 2 LIMIT 10";
/// Months as New York has them.
pub const MONTHS: &str =
    "SELECT date_trunc('month', decided_at AT TIME ZONE 'America/New_York') AS month, stage, count(*),
    sum(amount) FROM opportunity GROUP BY 1, 2 ORDER BY 1, 2";
/// Indexes that fit these questions beyond those of the suite.
const INDEXES: &str = "CREATE INDEX ON opportunity (stage, close_date DESC, id);
    CREATE INDEX ON opportunity (contact_id); ANALYZE";
/// Parameters whose answers are compared.
const COMPARED: usize = 20;
const SIDES: usize = 4;

/// The question for a record by its id.
pub fn by_id() -> String {
    format!("SELECT {} FROM account WHERE id = $1", FIELDS.join(", "))
}

/// Makes the indexes in PostgreSQL.
pub async fn index(peer: &Client) -> Result<()> {
    peer.batch_execute(INDEXES).await?;
    // What is left to be written is not written while it is measured.
    Ok(peer.batch_execute("CHECKPOINT").await?)
}

/// Ids of accounts that both users see.
pub async fn ids(lead: &Client) -> Result<Vec<String>> {
    texts(lead, "SELECT id FROM account ORDER BY md5(id) LIMIT 500").await
}

/// One side of a question.
enum Side<'a> {
    Sql(&'a Client, Statement),
    Http(&'a Quarry, &'static str, &'a Value),
}

/// A question for all sides.
struct Question<'a> {
    name: &'static str,
    sides: [Side<'a>; SIDES],
    parameters: Vec<String>,
    /// Everyone gets as many rows.
    is_same: bool,
}

/// All questions.
pub async fn all(quarry: &Quarry, peer: &Client, slot: Duration) -> Result<Vec<Row>> {
    let (admin, lead, head) =
        (quarry.connect().await?, quarry.connect_as(LEAD).await?, quarry.connect_as(HEAD).await?);
    let clients = [&admin, &lead, &head, peer];
    let owners = "SELECT id FROM \"user\" WHERE id LIKE 'usr_seller_%' AND role_id = 'rol_rep' ORDER BY id";
    let (ids, owners) = (ids(&lead).await?, texts(&admin, owners).await?);
    let stages = ["prospecting", "proposal", "negotiation", "closed_won", "closed_lost"].map(str::to_owned);
    let by_id = by_id();
    let months = json!({
        "object": "opportunity",
        "groupBy": [{ "field": "decided_at", "granularity": "month", "timeZone": "America/New_York", "as": "month" }, "stage"],
        "aggregations": [{ "function": "count", "as": "n" }, { "function": "sum", "field": "amount", "as": "won" }],
        "orderBy": ["month", "stage"],
    });
    let mut rows = Vec::new();
    let sql = [
        ("record by id, 30 fields, prepared SQL", by_id.as_str(), ids, true, "–"),
        ("list of 50 by owner, newest first, prepared SQL", BY_OWNER, owners, true, "–"),
        ("list of 50 by stage, newest first, prepared SQL", BY_STAGE, stages.to_vec(), true, "–"),
        ("join of three objects, group, top 10", JOIN, vec![], false, "0.2 ×"),
        ("month × stage in New York time, SQL", MONTHS, vec![], false, "0.1 ×"),
    ];
    for (name, sql, parameters, is_same, to_reach) in sql {
        let sides = sql_sides(clients, sql).await.with_context(|| name)?;
        let question = Question { name, sides, parameters, is_same };
        rows.push(question.time(slot).await?.reaching(to_reach));
    }
    let http = |user| Side::Http(quarry, user, &months);
    let sides = [http("admin"), http(LEAD), http(HEAD), Side::Sql(peer, peer.prepare(MONTHS).await?)];
    let name = "month × stage in New York time, ObjectQL";
    let question = Question { name, sides, parameters: vec![], is_same: false };
    rows.push(question.time(slot).await?.reaching("0.1 ×"));
    Ok(rows)
}

async fn sql_sides<'a>(clients: [&'a Client; SIDES], sql: &str) -> Result<[Side<'a>; SIDES]> {
    let mut sides = Vec::new();
    for client in clients {
        sides.push(Side::Sql(client, client.prepare(sql).await?));
    }
    sides.try_into().ok().context("not as many sides as clients")
}

/// What an answer is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    rows: usize,
    /// All counts of its groups together.
    counted: i64,
}

impl Question<'_> {
    /// Compares the answers, then times all sides in turn.
    async fn time(&self, slot: Duration) -> Result<Row> {
        let name = self.name;
        for turn in 0..self.parameters.len().clamp(1, COMPARED) {
            let mut told = Vec::new();
            for side in &self.sides {
                told.push(side.ask(self.parameter(turn)).await.with_context(|| name)?);
            }
            let [admin, lead, head, peer] = told.as_slice() else { continue };
            ensure!(admin == peer, "{name}: {admin:?} here, {peer:?} there");
            match self.is_same {
                true => ensure!(lead.rows == admin.rows && head.rows == admin.rows, "{name}: {told:?}"),
                false => ensure!(lead.counted < head.counted && head.rows <= admin.rows, "{name}: {told:?}"),
            }
        }
        let turns = [const { Cell::new(0) }; SIDES];
        let [admin, lead, head, peer] = measure::all_in_turn(slot, async |side| {
            let (side, turn) = self.sides.get(side).zip(turns.get(side)).context("no such side")?;
            side.ask(self.parameter(turn.replace(turn.get() + 1))).await
        })
        .await?;
        Ok(Row::of(name, admin, [lead, head], Some(peer)))
    }

    fn parameter(&self, turn: usize) -> Option<&String> {
        self.parameters.get(turn % self.parameters.len().max(1))
    }
}

impl Side<'_> {
    async fn ask(&self, parameter: Option<&String>) -> Result<Told> {
        match self {
            Side::Sql(client, statement) => {
                let words: Vec<_> = parameter.map(|word| word as &(dyn ToSql + Sync)).into_iter().collect();
                let rows = client.query(statement, &words).await?;
                let counts = rows.iter().filter_map(|row| row.try_get::<_, i64>(2).ok());
                Ok(Told { rows: rows.len(), counted: counts.sum() })
            }
            Side::Http(quarry, user, question) => {
                let answer = quarry.ask(user, "/api/v1/query", question)?;
                let records = answer.get("records").and_then(Value::as_array).context("no records")?;
                let counts = records.iter().filter_map(|record| record.get("n")?.as_i64());
                Ok(Told { rows: records.len(), counted: counts.sum() })
            }
        }
    }
}
