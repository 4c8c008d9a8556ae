//! What a run of the benchmark found: all that its page says, as it is kept in `benches/results/`.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::measure::Spread;

/// A run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// The day.
    pub date: String,
    /// Of what state of the source.
    pub commit: String,
    /// What was said to run it.
    pub command: String,
    /// What it ran on, by name.
    pub machine: Vec<(String, String)>,
    /// How much there was, in words.
    pub sizes: String,
    /// Everyone who was asked, or was to be.
    pub peers: Vec<Peer>,
    /// Its parts.
    pub sections: Vec<Section>,
    /// What went wrong: parts that broke off, answers that differ.
    pub troubles: Vec<String>,
}

/// Someone who was asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Its name, which is a column's too.
    pub name: String,
    /// As it tells it.
    pub version: String,
    /// How it was set up, and how it was asked.
    pub settings: Vec<String>,
    /// Why it was not asked.
    pub absent: Option<String>,
}

/// A table of the page, and what is drawn below it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Section {
    /// The part of the suite.
    pub part: String,
    /// Its heading.
    pub title: String,
    /// What was done.
    pub text: String,
    /// What gives these figures alone.
    pub command: String,
    /// Who was asked.
    pub columns: Vec<String>,
    /// The columns that the ratio is made of, the first by the second.
    pub ratio: Option<(String, String)>,
    /// What was asked.
    pub lines: Vec<Line>,
    /// Drawings.
    pub plots: Vec<Plot>,
}

/// One question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// What was asked.
    pub name: String,
    /// What its figures count.
    pub unit: Unit,
    /// A figure for each column.
    pub cells: Vec<Cell>,
    /// What the ratio is to be, where a page of the design says so.
    pub to_reach: Option<String>,
}

/// What figures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Microseconds; less is better.
    Micros,
    /// A second; more is better.
    PerSecond,
    /// Less is better.
    Bytes,
    /// So many.
    Count,
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Cell {
    /// Of many calls in turns with the others.
    Measured {
        /// The median of all.
        p50: f64,
        /// The 99th percentile of all.
        p99: f64,
        /// The lowest median of a turn.
        low: f64,
        /// The highest median of a turn.
        high: f64,
        /// How many.
        calls: usize,
    },
    /// Measured once.
    Once(f64),
    /// There is none: why.
    Said(String),
}

/// A drawing: lines over two axes, both by powers of ten.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plot {
    /// Its file, without folder and ending.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// What goes to the right.
    pub x: String,
    /// What goes up.
    pub y: String,
    /// A line for each.
    pub series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Cell {
    /// A side's times.
    pub fn measured(spread: &Spread) -> Cell {
        let Spread { timing, low, high, calls } = spread;
        Cell::Measured { p50: timing.p50, p99: timing.p99, low: *low, high: *high, calls: *calls }
    }

    /// Why there is no figure.
    pub fn said(why: impl ToString) -> Cell {
        Cell::Said(why.to_string())
    }

    /// What it comes to, if there is a figure.
    pub fn figure(&self) -> Option<f64> {
        match self {
            Cell::Measured { p50: figure, .. } | Cell::Once(figure) => Some(*figure),
            Cell::Said(_) => None,
        }
    }
}

impl Section {
    /// A line's ratio, if both have a figure.
    pub fn ratio_of(&self, line: &Line) -> Option<f64> {
        let (above, below) = self.ratio.as_ref()?;
        let figure = |name: &str| {
            let column = self.columns.iter().position(|column| column == name)?;
            line.cells.get(column)?.figure()
        };
        let (above, below) = (figure(above)?, figure(below)?);
        (below > 0.0).then(|| above / below)
    }
}

impl Results {
    /// Reads a run.
    ///
    /// # Errors
    ///
    /// A file that is missing, or is no run.
    pub fn read(path: &Path) -> Result<Results> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| format!("{} is no run of the benchmark", path.display()))
    }

    /// Keeps it.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| path.display().to_string())
    }
}
