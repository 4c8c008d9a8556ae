//! The benchmark's page, in Markdown: made of what a run found, and of nothing else.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::results::{Cell, Line, Peer, Plot, Results, Section, Unit};

/// Where the drawings lie, seen from the page.
const DRAWINGS: &str = "benchmarks";
/// Between these lines of the README stands what [`summary`] gives.
const MARKS: (&str, &str) = ("<!-- benchmark: written by ./bench -->", "<!-- /benchmark -->");

/// The whole page.
pub fn page(results: &Results) -> String {
    let mut out = String::new();
    let Results { date, commit, command, sizes, .. } = results;
    line(&mut out, "# Benchmarks");
    line(&mut out, "");
    line(
        &mut out,
        &format!(
            "Quarry and its peers, asked the same in one run: `{command}` on {date}, at {commit}. {sizes} \
             This page is written by the run; `./bench page benches/results/{date}.json` writes it again."
        ),
    );
    line(&mut out, "");
    line(&mut out, METHOD);
    troubles(&mut out, results);
    line(&mut out, "## The machine\n");
    for (name, value) in &results.machine {
        line(&mut out, &format!("- {name}: {value}"));
    }
    line(&mut out, "\n## Who was asked\n");
    results.peers.iter().for_each(|about| peer(&mut out, about));
    for about in &results.sections {
        section(&mut out, about);
    }
    out
}

const METHOD: &str = "\
How it was done:

- **Same rows.** One generator makes the records by their number. Quarry gets them through its whole pipeline (types, rules, references, \
permissions); all others get the same rows as files.
- **Same work.** Before a question is timed, its answers are compared row by row. Who answers otherwise is not timed, and the page says so.
- **In turns.** All sides take turns of the same length. A figure is the median of all calls; in parentheses are the lowest and the highest \
median of a turn. What is drawn or said to be faster within these ranges is not.
- **Security on.** *Quarry* is a user with a permission set: who is below him in the hierarchy decides about each record that he sees, which is \
asked of every row. He sees all of them here, so that the answers are the same. *Quarry, admin* is an administrator. No peer has row security on.
- **Losing figures stay.** Of times and bytes a ratio above 1 means slower or more, of what is done a second one below 1 means fewer: they are \
in the tables like the others.
- What a side cannot do is said in its place and counts for nothing. One client asks at a time unless a table says otherwise; its own cost is \
in every figure. Programs that are libraries (DuckDB, SQLite, ObjectStack, DataFusion) are asked in their own process and timed there, without \
a connection between: to their favour.
";

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn troubles(out: &mut String, results: &Results) {
    if results.troubles.is_empty() {
        return;
    }
    line(out, "## What went wrong in this run\n");
    results.troubles.iter().for_each(|trouble| line(out, &format!("- {trouble}")));
    line(out, "");
}

fn peer(out: &mut String, about: &Peer) {
    let Peer { name, version, settings, absent } = about;
    match absent {
        Some(why) => line(out, &format!("- **{name}**: not asked. {why}")),
        None => line(out, &format!("- **{name}** {version}: {}", settings.join("; "))),
    }
}

fn section(out: &mut String, about: &Section) {
    line(out, &format!("\n## {}\n", about.title));
    line(out, &format!("{} Alone: `{}`.\n", about.text, about.command));
    if !about.lines.is_empty() {
        table(out, about);
    }
    for Plot { file, title, .. } in &about.plots {
        line(out, &format!("\n![{title}]({DRAWINGS}/{file}.svg)"));
    }
}

fn table(out: &mut String, about: &Section) {
    let has_targets = about.lines.iter().any(|line| line.to_reach.is_some());
    let mut head = vec!["".to_owned()];
    head.extend(about.columns.iter().cloned());
    if let Some((above, below)) = &about.ratio {
        head.push(format!("{above} / {below}"));
    }
    if has_targets {
        head.push("to reach".to_owned());
    }
    line(out, &row(&head));
    line(out, &row(&vec!["---".to_owned(); head.len()]).replace(' ', ""));
    for asked in &about.lines {
        let mut cells = vec![asked.name.clone()];
        cells.extend(asked.cells.iter().map(|cell| told(cell, asked.unit)));
        if about.ratio.is_some() {
            cells.push(ratio(about, asked));
        }
        if has_targets {
            cells.push(asked.to_reach.clone().unwrap_or_else(|| "–".to_owned()));
        }
        line(out, &row(&cells));
    }
}

fn row(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    format!("| {} |", cells.join(" | "))
}

fn ratio(about: &Section, asked: &Line) -> String {
    about.ratio_of(asked).map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2} ×"))
}

/// A figure as people read it.
pub fn told(cell: &Cell, unit: Unit) -> String {
    match cell {
        Cell::Said(why) => format!("*{why}*"),
        Cell::Once(figure) => amount(*figure, unit),
        Cell::Measured { p50, low, high, .. } => {
            format!("{} ({}–{})", amount(*p50, unit), amount(*low, unit), amount(*high, unit))
        }
    }
}

/// A number with its unit.
pub fn amount(figure: f64, unit: Unit) -> String {
    match unit {
        Unit::Micros if figure >= 1e6 => format!("{:.2} s", figure / 1e6),
        Unit::Micros if figure >= 1e4 => format!("{:.1} ms", figure / 1e3),
        Unit::Micros => format!("{figure:.0} µs"),
        Unit::PerSecond => format!("{}/s", grouped(figure)),
        Unit::Bytes if figure >= 1e9 => format!("{:.2} GB", figure / 1e9),
        Unit::Bytes if figure >= 1e6 => format!("{:.1} MB", figure / 1e6),
        Unit::Bytes => format!("{:.1} kB", figure / 1e3),
        Unit::Count => grouped(figure),
    }
}

/// A whole number with commas, a small one with a digit behind the point.
fn grouped(figure: f64) -> String {
    if figure != 0.0 && figure < 10.0 && figure.fract() != 0.0 {
        return format!("{figure:.1}");
    }
    let digits = format!("{figure:.0}");
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The lines for which the design says what is to be reached, with the ratio of this run.
pub fn summary(results: &Results) -> String {
    let mut out = String::new();
    let Results { command, date, sizes, .. } = results;
    let _infallible = writeln!(
        out,
        "Asked beside its peers in one run (`{command}`, {date}; [all figures](docs/benchmarks.md)). {sizes}\n"
    );
    line(&mut out, "| | Quarry | peer | ratio | to reach |");
    line(&mut out, "|---|---|---|---|---|");
    for about in &results.sections {
        let Some((ours, theirs)) = &about.ratio else { continue };
        for asked in about.lines.iter().filter(|asked| asked.to_reach.is_some()) {
            let cell = |name: &str| {
                let column = about.columns.iter().position(|column| column == name)?;
                asked.cells.get(column)
            };
            let figure = |name: &str| match cell(name) {
                Some(Cell::Said(why)) => format!("*{why}*"),
                Some(cell) => cell.figure().map_or_else(String::new, |figure| amount(figure, asked.unit)),
                None => "–".to_owned(),
            };
            let reach = asked.to_reach.clone().unwrap_or_default();
            let peer = format!("{} ({theirs})", figure(theirs));
            let cells = [asked.name.clone(), figure(ours), peer, ratio(about, asked), reach];
            line(&mut out, &row(&cells));
        }
    }
    out
}

/// The README with this summary between its marks; nothing where it has no marks.
pub fn readme(old: &str, summary: &str) -> Option<String> {
    let (first, last) = MARKS;
    let (before, rest) = old.split_once(first)?;
    let (_, after) = rest.split_once(last)?;
    Some(format!("{before}{first}\n{summary}{last}{after}"))
}
