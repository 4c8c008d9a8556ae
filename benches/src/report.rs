//! The table, in Markdown.

use std::fmt;

use crate::measure::{Line, Timing, Unit};

/// All lines of a run.
pub struct Report {
    caption: String,
    sides: [&'static str; 2],
    lines: Vec<Line>,
}

impl Report {
    /// An empty table; the caption says what it was measured on.
    pub fn new(caption: String) -> Report {
        Self::between(["Quarry", "peer"], caption)
    }

    /// An empty table about two sides: what is measured, and what it is held against.
    pub fn between(sides: [&'static str; 2], caption: String) -> Report {
        Report { caption, sides, lines: Vec::new() }
    }

    /// Adds a line, and tells it on standard error as it comes.
    #[allow(clippy::print_stderr)]
    pub fn line(&mut self, line: Line) {
        eprintln!("{}: {} / {}", line.name, cell(line.unit, &line.subject), cell(line.unit, &line.peer));
        self.lines.push(line);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [subject, peer] = self.sides;
        writeln!(
            f,
            "{} Medians (99th percentiles); the ratio is to the {} in the same run.\n",
            self.caption, peer
        )?;
        writeln!(f, "| question | {subject} | {peer} | ratio | to reach | to aim for |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for line in &self.lines {
            let ratio = line.subject.p50 / line.peer.p50;
            let (reach, aim) = line.targets;
            let (ours, theirs) = (cell(line.unit, &line.subject), cell(line.unit, &line.peer));
            writeln!(f, "| {} | {ours} | {theirs} | {ratio:.2} × | {reach} | {aim} |", line.name)?;
        }
        Ok(())
    }
}

fn cell(unit: Unit, timing: &Timing) -> String {
    let Timing { p50, p99 } = *timing;
    match unit {
        Unit::Micros if p50 >= 100_000.0 => format!("{:.0} ms ({:.0})", p50 / 1e3, p99 / 1e3),
        Unit::Micros => format!("{p50:.0} µs ({p99:.0})"),
        Unit::PerSecond => format!("{p50:.0}/s"),
        Unit::Bytes => format!("{:.0} MB", p50 / 1e6),
    }
}

/// Microseconds as people read them.
pub fn magnitude(micros: f64) -> String {
    match micros {
        micros if micros >= 1_000_000.0 => format!("{:.2} s", micros / 1e6),
        micros if micros >= 10_000.0 => format!("{:.1} ms", micros / 1e3),
        micros => format!("{micros:.0} µs"),
    }
}
