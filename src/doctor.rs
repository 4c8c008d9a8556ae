//! `quarry doctor`: looks at the settings, the files and who may log in, and tells what is weak. It changes nothing.
//!
//! Each check is a function that adds to a [`Report`]; what could not be looked at is told too, so that silence means "looked at, and sound".

mod files;
mod network;
#[cfg(test)]
mod tests;
mod users;

use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

use crate::settings::Settings;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not looked at, or worth knowing.
    Note,
    /// Weak: to be changed when there is time.
    Warning,
    /// Open to whoever comes by.
    Critical,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The check's stable name.
    pub check: &'static str,
    /// What there is.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// All that was looked at, and found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The names of the checks that were made.
    pub checked: Vec<&'static str>,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// A check begins.
    fn check(&mut self, name: &'static str) {
        self.checked.push(name);
    }

    /// Adds what the last check has found.
    fn add(&mut self, level: Level, message: impl Into<String>, advice: impl Into<String>) {
        let check = self.checked.last().copied().unwrap_or("doctor");
        self.findings.push(Finding { level, check, message: message.into(), advice: advice.into() });
    }

    fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).max()
    }
}

/// Prints what is weak. The exit code is 0 when nothing is (notes may be), 1 with warnings, 2 when something is critical.
///
/// # Errors
///
/// Only when nothing can be printed.
pub fn run(settings: &Settings, json: bool) -> Result<ExitCode> {
    let mut report = look(settings);
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    match json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => tell(&report),
    }
    Ok(match report.worst() {
        None | Some(Level::Note) => ExitCode::SUCCESS,
        Some(Level::Warning) => ExitCode::from(1),
        Some(Level::Critical) => ExitCode::from(2),
    })
}

/// Makes all checks.
pub fn look(settings: &Settings) -> Report {
    let mut report = Report::default();
    network::look(settings, &mut report);
    files::look(settings, &mut report);
    users::look(settings, &mut report);
    report
}

fn tell(report: &Report) {
    for Finding { level, check, message, advice } in &report.findings {
        let level = match level {
            Level::Note => "note    ",
            Level::Warning => "warning ",
            Level::Critical => "CRITICAL",
        };
        println!("{level}  {check}: {message}");
        if !advice.is_empty() {
            println!("          {advice}");
        }
    }
    let weak = report.findings.iter().filter(|finding| finding.level > Level::Note).count();
    match weak {
        0 => println!("{} checks, nothing weak was found", report.checked.len()),
        _ => println!("{} checks, {weak} weak settings", report.checked.len()),
    }
}
