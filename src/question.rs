//! `quarry query` and `quarry sql`: one question, its answer on standard output.

use std::io::Read;

use anyhow::{Context, Result};

use crate::{command::Question, print, reach::Records, settings::Settings};

/// Answers an ObjectQL question.
///
/// # Errors
///
/// A question that is no JSON, those of the question, and those of writing.
pub fn objectql(settings: &Settings, question: &Question) -> Result<()> {
    let text = text(&question.text)?;
    let json = serde_json::from_str(&text).context("the question is no JSON")?;
    let records = Records::open(settings, &question.reach)?;
    print::print(records.query(&json)?, question.format)?;
    records.close()
}

/// Answers a SQL query.
///
/// # Errors
///
/// Those of the query, and those of writing.
pub fn sql(settings: &Settings, question: &Question) -> Result<()> {
    let text = text(&question.text)?;
    let records = Records::open(settings, &question.reach)?;
    print::print(records.sql(&text)?, question.format)?;
    records.close()
}

fn text(given: &str) -> Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("standard input can't be read")?;
    Ok(text)
}
