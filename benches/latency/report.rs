//! The table, in Markdown.

use std::fmt;

use crate::measure::Line;

/// All lines of a run.
pub struct Report {
    scale: u32,
    rows: Vec<(&'static str, u64)>,
    lines: Vec<Line>,
}

impl Report {
    /// An empty table over these rows.
    pub fn new(scale: u32, rows: &[(&'static str, u64)]) -> Report {
        Report { scale, rows: rows.to_vec(), lines: Vec::new() }
    }

    /// Adds a line, and tells it on standard error as it comes.
    pub fn line(&mut self, line: Line) {
        eprintln!("{}: {:.0} / {:.0}", line.name, line.subject.p50, line.peer.p50);
        self.lines.push(line);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<_> = self.rows.iter().map(|(table, n)| format!("{n} {table}")).collect();
        writeln!(
            f,
            "Demo records at scale {}: {}. Median (p99) in µs unless said; ratio to the peer in the same run.\n",
            self.scale,
            rows.join(", ")
        )?;
        writeln!(f, "| question | Quarry | PostgreSQL 15 | ratio | to reach | to aim for |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for line in &self.lines {
            let ratio = line.subject.p50 / line.peer.p50;
            let (reach, aim) = line.targets;
            let cell = |t: &crate::measure::Timing| {
                if line.larger_is_better {
                    format!("{:.0}/s", t.p50)
                } else {
                    format!("{:.0} ({:.0})", t.p50, t.p99)
                }
            };
            writeln!(
                f,
                "| {} | {} | {} | {ratio:.2} × | {reach} | {aim} |",
                line.name,
                cell(&line.subject),
                cell(&line.peer)
            )?;
        }
        Ok(())
    }
}
