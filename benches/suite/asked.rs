//! A question to all sides: its answers compared, then all of them timed in turns.

use std::{cell::Cell as Counter, time::Duration};

use anyhow::Result;
use quarry_benches::{
    answer::{Row, difference},
    measure,
    results::{Cell, Line, Unit},
};

use crate::{
    sides::{Ask, Side, name},
    stage::tell,
};

/// Parameters whose answers are compared.
const COMPARED: usize = 5;

/// A question, in the words of each side.
pub struct Question {
    /// What is asked.
    pub name: String,
    /// In each side's words, by its column; who is not named here is not asked.
    pub asks: Vec<(&'static str, Ask)>,
    /// Its parameter, another each time; none where it has none.
    pub parameters: Vec<String>,
    /// Whether the order of the rows is part of it.
    pub is_ordered: bool,
    /// What the ratio is to be.
    pub to_reach: Option<&'static str>,
}

/// How long, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A side's turn.
    pub slot: Duration,
    /// How many turns each has.
    pub turns: usize,
}

/// A side that is timed: where its figure goes, and how it is asked.
struct Timed<'a> {
    column: usize,
    side: &'a Side,
    ask: &'a Ask,
    turn: Counter<usize>,
}

impl Question {
    fn ask(&self, side: &Side) -> Option<&Ask> {
        self.asks.iter().find(|(name, _)| *name == side.name).map(|(_, ask)| ask)
    }

    fn parameter(&self, turn: usize) -> Option<&str> {
        self.parameters.get(turn % self.parameters.len().max(1)).map(String::as_str)
    }

    /// Asks all sides; what went wrong with our own answers goes to the troubles.
    pub async fn line(&self, sides: &[Side], pace: Pace, troubles: &mut Vec<String>) -> Line {
        tell(&self.name);
        let mut cells = vec![Cell::said("not asked"); sides.len()];
        let answers = self.answers(sides, &mut cells).await;
        let mut timed = Vec::new();
        let reference = reference(sides, &answers);
        for (column, ((side, cell), answer)) in sides.iter().zip(&mut cells).zip(&answers).enumerate() {
            let (Some(answer), Some(ask)) = (answer, self.ask(side)) else { continue };
            let is_ordered = self.is_ordered && !ask.sorts_no_groups();
            let differs = reference.and_then(|reference| {
                reference.iter().zip(answer).find_map(|(left, right)| difference(left, right, is_ordered))
            });
            match differs {
                Some(differs) => *cell = Cell::Said(format!("another answer: {differs}")),
                None => timed.push(Timed { column, side, ask, turn: Counter::new(0) }),
            }
        }
        let spreads = measure::those_in_turn(timed.len(), (pace.slot, pace.turns), async |number| {
            self.time(timed.get(number)).await
        })
        .await;
        for (timed, spread) in timed.iter().zip(spreads) {
            if let Some(cell) = cells.get_mut(timed.column) {
                *cell = spread
                    .map_or_else(|error| Cell::Said(format!("{error:#}")), |spread| Cell::measured(&spread));
            }
        }
        self.own_troubles(sides, &cells, troubles);
        let to_reach = self.to_reach.map(str::to_owned);
        Line { name: self.name.clone(), unit: Unit::Micros, cells, to_reach }
    }

    async fn time(&self, timed: Option<&Timed<'_>>) -> Result<f64> {
        let Some(Timed { side, ask, turn, .. }) = timed else { return Ok(0.0) };
        side.time(ask, self.parameter(turn.replace(turn.get() + 1))).await
    }

    /// The answers of each side to the first parameters; why there are none is said in its cell.
    async fn answers(&self, sides: &[Side], cells: &mut [Cell]) -> Vec<Option<Vec<Vec<Row>>>> {
        let mut all = Vec::new();
        for (side, cell) in sides.iter().zip(cells) {
            let Some(ask) = self.ask(side) else {
                all.push(None);
                continue;
            };
            if let Ask::Cannot(why) = ask {
                *cell = Cell::said(why);
                all.push(None);
                continue;
            }
            let mut answers = Vec::new();
            let mut failed = None;
            for turn in 0..self.parameters.len().clamp(1, COMPARED) {
                match side.answer(ask, self.parameter(turn)).await {
                    Ok(rows) => answers.push(rows),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            if let Some(error) = &failed {
                *cell = Cell::Said(format!("{error:#}"));
            }
            all.push(failed.is_none().then_some(answers));
        }
        all
    }

    fn own_troubles(&self, sides: &[Side], cells: &[Cell], troubles: &mut Vec<String>) {
        for (side, cell) in sides.iter().zip(cells) {
            if let (name::QUARRY | name::ADMIN, Cell::Said(why), Some(_)) = (side.name, cell, self.ask(side))
            {
                troubles.push(format!("{}: {} has no figure: {why}", self.name, side.name));
            }
        }
    }
}

/// Whose answers are what the others are held against: PostgreSQL's, or the first that are there.
fn reference<'a>(sides: &[Side], answers: &'a [Option<Vec<Vec<Row>>>]) -> Option<&'a Vec<Vec<Row>>> {
    let of_postgres = sides.iter().position(|side| side.name == name::POSTGRES);
    let of_postgres = of_postgres.and_then(|column| answers.get(column)?.as_ref());
    of_postgres.or_else(|| answers.iter().flatten().next())
}
