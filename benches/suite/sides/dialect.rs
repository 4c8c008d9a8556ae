//! One SQL text in each side's dialect.
//!
//! Most of it is the same everywhere. What is not is written in braces: `{month:F}` and `{quarter:F}` are the first day of a day's period,
//! `{ny-month:F}` the first day of an instant's month by New York's clock, `{user}` the table whose name is a word of SQL.

#[cfg(test)]
mod tests;

use super::{Ask, name};

/// A question in SQL for every side that is asked in it; who can't is told why.
pub fn asks(sql: &str) -> Vec<(&'static str, Ask)> {
    [name::QUARRY, name::ADMIN, name::POSTGRES, name::DUCKDB, name::SQLITE, name::DATAFUSION]
        .map(|side| (side, ask(sql, side)))
        .to_vec()
}

/// The same for one side.
pub fn ask(sql: &str, side: &str) -> Ask {
    if side == name::SQLITE && sql.contains("{ny-month:") {
        return Ask::Cannot("no time zones".into());
    }
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((word, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push_str(&spelled(word, side));
        rest = after;
    }
    out.push_str(rest);
    if side == name::SQLITE {
        out = out.replace("$1", "?1");
    }
    Ask::Sql(out)
}

fn spelled(word: &str, side: &str) -> String {
    let (what, field) = word.split_once(':').unwrap_or((word, ""));
    match (what, side) {
        ("user", _) => "\"user\"".to_owned(),
        ("month", name::SQLITE) => format!("strftime('%Y-%m-01', {field})"),
        ("quarter", name::SQLITE) => {
            format!(
                "printf('%s-%02d-01', strftime('%Y', {field}), (strftime('%m', {field}) - 1) / 3 * 3 + 1)"
            )
        }
        ("month" | "quarter", _) => format!("date_trunc('{what}', {field})"),
        ("ny-month", _) => {
            format!("CAST(date_trunc('month', {field} AT TIME ZONE 'America/New_York') AS date)")
        }
        _ => format!("{{{word}}}"),
    }
}
