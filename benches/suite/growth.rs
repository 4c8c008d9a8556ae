//! The same questions as the records grow.

use anyhow::Result;
use quarry_benches::{
    company::Company,
    page::amount,
    results::{Plot, Section, Unit},
};

use crate::{
    asked::Pace,
    options::Options,
    questions,
    sides::name,
    stage::{Cast, Stage, tell},
};

/// Which of [`questions::all`], and what their drawings are called.
const ASKED: [(usize, &str); 4] = [(0, "by-id"), (1, "by-owner"), (3, "group"), (4, "join")];

/// The table, and a drawing for each question.
///
/// # Errors
///
/// A stage that can't be set.
pub async fn section(options: &Options, troubles: &mut Vec<String>) -> Result<Section> {
    let pace = Pace { slot: options.slot, turns: options.turns };
    let mut by_question: Vec<Vec<_>> = ASKED.iter().map(|_| Vec::new()).collect();
    let mut columns: Vec<String> = Vec::new();
    for records in &options.growth {
        tell(&format!("growth: {records} records"));
        let stage = Stage::set(Company::of(*records), Cast::Sql, options.limit).await?;
        let sides = stage.sql_sides().await?;
        columns = sides.iter().map(|side| side.name.to_owned()).collect();
        let mut all: Vec<_> = questions::all(&stage.company).into_iter().map(Some).collect();
        for ((number, _), lines) in ASKED.iter().zip(&mut by_question) {
            let Some(question) = all.get_mut(*number).and_then(Option::take) else { continue };
            let line = question.line(&sides, pace, troubles).await;
            lines.push((stage.company.records(), line));
        }
    }
    let mut plots = Vec::new();
    for ((_, file), lines) in ASKED.iter().zip(&by_question) {
        let series = columns.iter().enumerate().map(|(column, side)| {
            let point = |(records, line): &(u64, quarry_benches::results::Line)| {
                let figure = line.cells.get(column)?.figure()?;
                Some((*records as f64, figure))
            };
            (side.clone(), lines.iter().filter_map(point).collect::<Vec<_>>())
        });
        plots.push(Plot {
            file: format!("growth-{file}"),
            title: lines.first().map(|(_, line)| line.name.clone()).unwrap_or_default(),
            x: "records".into(),
            y: "µs, median".into(),
            series: series.filter(|(_, points)| !points.is_empty()).collect(),
        });
    }
    let lines = by_question.into_iter().flatten().map(|(records, mut line)| {
        line.name = format!("{}: of {} records", line.name, amount(records as f64, Unit::Count));
        line.to_reach = None;
        line
    });
    Ok(Section {
        part: "growth".into(),
        title: "As the records grow".into(),
        text: "The same questions over companies of more and more records (accounts, contacts, opportunities and activities together), each set up anew.".into(),
        command: options.command("growth"),
        columns,
        ratio: Some((name::QUARRY.into(), name::POSTGRES.into())),
        lines: lines.collect(),
        plots,
    })
}
