//! The suite's questions by a user with a restricted role, beside the same by an administrator, in turn.
//!
//! He has the set `bench_lead` of the package beside this file: private accounts, opportunities and contacts, of which he
//! sees his own and those of half of the sellers, who are below him in the hierarchy of roles; a rule about another
//! object's field; a hidden and a masked field on the account. One in thirty accounts of these sellers belongs to somebody
//! else, so that he sees opportunities whose account he does not see.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio_postgres::Client;

use quarry_benches::{company::SET, process::Quarry, report::Report};

use crate::{graphql, questions};

/// Who asks.
pub const USER: &str = "bench_lead";
/// His role.
pub const ROLE: &str = "rol_bench_lead";
/// The role below it.
pub const ROLE_BELOW: &str = "rol_bench_rep";

/// Of so many accounts of a seller who is below him one is somebody else's.
const STRANGERS_EVERY: usize = 30;
/// Records of one statement.
const UPDATED_AT_ONCE: usize = 1_000;

/// The table.
pub async fn compare(quarry: &Quarry, slot: Duration) -> Result<Report> {
    let admin = quarry.connect().await?;
    let below = settle(quarry, &admin).await?;
    let user = quarry.connect_as(USER).await?;
    let mut seen = Vec::new();
    for table in ["account", "contact", "opportunity"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = async |client: &Client| anyhow::Ok(client.query_one(&sql, &[]).await?.get::<_, i64>(0));
        let (his, all) = (count(&user).await?, count(&admin).await?);
        ensure!(his > 0 && his < all, "he sees {his} of {all} {table}");
        seen.push(format!("{his} of {all} {table}"));
    }
    let (mut lines, mut fewer) = (Vec::new(), Vec::new());
    for question in questions::of_restricted(&user, &below).await? {
        let (line, rows) = question.restricted(&user, &admin, slot).await?;
        if let Some([few, many]) = rows {
            fewer.push(format!("{few} rows of {many} for {:?}", line.name));
        }
        lines.push(line);
    }
    for question in graphql::all(&user).await? {
        lines.push(question.restricted(quarry, USER, slot).await?);
    }
    let fewer = if fewer.is_empty() { String::new() } else { format!(" He gets {}.", fewer.join(", ")) };
    let caption = format!(
        "{} sellers are below the restricted user, who sees {}.{fewer}",
        below.len(),
        seen.join(", ")
    );
    let mut report = Report::between(["restricted", "administrator"], caption);
    lines.into_iter().for_each(|line| report.line(line));
    Ok(report)
}

/// Puts every other seller below him; the ids of those.
async fn settle(quarry: &Quarry, admin: &Client) -> Result<Vec<String>> {
    quarry.add_user(USER, SET)?;
    let owners = questions::texts(admin, "SELECT DISTINCT owner_id FROM account ORDER BY 1").await?;
    let below: Vec<String> = owners.iter().step_by(2).cloned().collect();
    ensure!(below.len() < owners.len(), "there is one seller only");
    let list = below.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
    let stranger = owners.get(1).map_or("", String::as_str);
    let mine = format!("SELECT id FROM account WHERE owner_id IN ({list}) ORDER BY md5(id)");
    let mine = questions::texts(admin, &mine).await?;
    let few: Vec<_> = mine.iter().step_by(STRANGERS_EVERY).map(|id| format!("'{id}'")).collect();
    let few = few.join(", ");
    for statement in [
        format!("INSERT INTO role (id, name) VALUES ('{ROLE}', 'Bench Lead')"),
        format!("INSERT INTO role (id, name, parent_role_id) VALUES ('{ROLE_BELOW}', 'Bench Rep', '{ROLE}')"),
        format!("UPDATE \"user\" SET role_id = '{ROLE}' WHERE username = '{USER}'"),
        format!("UPDATE \"user\" SET role_id = '{ROLE_BELOW}' WHERE id IN ({list})"),
        format!("UPDATE account SET owner_id = '{stranger}' WHERE id IN ({few})"),
    ] {
        admin
            .batch_execute(&statement)
            .await
            .with_context(|| statement.chars().take(80).collect::<String>())?;
    }
    for ids in questions::texts(admin, "SELECT id FROM account ORDER BY id").await?.chunks(UPDATED_AT_ONCE) {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else { continue };
        let update = format!("UPDATE account SET tax_number = id WHERE id BETWEEN '{first}' AND '{last}'");
        admin.batch_execute(&update).await.context("the masked field could not be filled")?;
    }
    Ok(below)
}
