//! What moved between two runs of the criterion benches.
//!
//! A bench moved where the confidence intervals of its medians lie apart, and the medians are more than a twentieth apart: what is less is this
//! machine's mood. A baseline is one small file ([`Baseline`]), kept with the source, of one machine.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Medians that are less apart have not moved.
const APART: f64 = 0.05;

/// The medians of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// On what it ran.
    pub machine: String,
    /// Each bench by its whole name.
    pub benches: BTreeMap<String, Median>,
}

/// A median with its confidence interval, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Median {
    /// It is hardly less than this.
    pub low: f64,
    /// The median.
    pub at: f64,
    /// It is hardly more than this.
    pub high: f64,
}

impl Baseline {
    /// What criterion left in its folder.
    ///
    /// # Errors
    ///
    /// Files that are not criterion's.
    pub fn of_criterion(folder: &Path, machine: String) -> Result<Baseline> {
        let mut benches = BTreeMap::new();
        collect(folder, &mut benches)?;
        Ok(Baseline { machine, benches })
    }

    /// Reads a kept one.
    ///
    /// # Errors
    ///
    /// A file that is missing, or is none.
    pub fn read(path: &Path) -> Result<Baseline> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| format!("{} is no baseline", path.display()))
    }

    /// Keeps it; benches that did not run this time keep what was there.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn keep(&self, path: &Path) -> Result<()> {
        let mut kept = if path.exists() { Baseline::read(path)? } else { Baseline::default() };
        kept.machine.clone_from(&self.machine);
        kept.benches.extend(self.benches.clone());
        fs::write(path, serde_json::to_string_pretty(&kept)? + "\n")
            .with_context(|| path.display().to_string())
    }
}

fn collect(folder: &Path, benches: &mut BTreeMap<String, Median>) -> Result<()> {
    let (about, estimates) = (folder.join("new/benchmark.json"), folder.join("new/estimates.json"));
    if about.exists() && estimates.exists() {
        let read = |path: &Path| -> Result<Value> {
            serde_json::from_str(&fs::read_to_string(path)?).with_context(|| path.display().to_string())
        };
        let (about, estimates) = (read(&about)?, read(&estimates)?);
        let name = about.get("full_id").and_then(Value::as_str).context("a bench without a name")?;
        let number = |pointer: &str| {
            estimates
                .pointer(pointer)
                .and_then(Value::as_f64)
                .with_context(|| format!("{name} has no {pointer}"))
        };
        let median = Median {
            low: number("/median/confidence_interval/lower_bound")?,
            at: number("/median/point_estimate")?,
            high: number("/median/confidence_interval/upper_bound")?,
        };
        benches.insert(name.to_owned(), median);
    }
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "new" && name != "base") {
            collect(&path, benches)?;
        }
    }
    Ok(())
}

/// What moved, as a table; and what is there on one side only.
pub fn told(before: &Baseline, now: &Baseline) -> String {
    let mut out = String::new();
    if before.machine != now.machine {
        let _infallible = writeln!(
            out,
            "The baseline is of another machine ({}; this is {}): differences may be the machine's.\n",
            before.machine, now.machine
        );
    }
    let (mut moved, mut steady, mut new) = (Vec::new(), 0, Vec::new());
    for (name, at) in &now.benches {
        match before.benches.get(name) {
            None => new.push(name.as_str()),
            Some(old) if is_apart(old, at) => moved.push((at.at / old.at, name, old, at)),
            Some(_) => steady += 1,
        }
    }
    moved.sort_by(|left, right| right.0.total_cmp(&left.0));
    if moved.is_empty() {
        let _infallible = writeln!(out, "Nothing moved ({steady} benches).");
    } else {
        let _infallible = writeln!(out, "| bench | baseline | now | ratio |\n|---|---|---|---|");
        for (ratio, name, old, at) in moved {
            let word = if ratio > 1.0 { "slower" } else { "faster" };
            let _infallible =
                writeln!(out, "| {name} | {} | {} | {ratio:.2} × {word} |", time(old.at), time(at.at));
        }
        let _infallible = writeln!(out, "\n{steady} benches did not move.");
    }
    if !new.is_empty() {
        let _infallible = writeln!(out, "New: {}.", new.join(", "));
    }
    out
}

fn is_apart(old: &Median, new: &Median) -> bool {
    let intervals = new.low > old.high || new.high < old.low;
    intervals && (new.at / old.at - 1.0).abs() > APART
}

fn time(nanos: f64) -> String {
    match nanos {
        nanos if nanos >= 1e9 => format!("{:.2} s", nanos / 1e9),
        nanos if nanos >= 1e6 => format!("{:.2} ms", nanos / 1e6),
        nanos if nanos >= 1e3 => format!("{:.2} µs", nanos / 1e3),
        nanos => format!("{nanos:.0} ns"),
    }
}
