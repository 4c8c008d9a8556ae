//! What was found, and what is allowed nevertheless.

use std::{cell::Cell, fmt};

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root of the workspace.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The rule's name, as exceptions say it.
    pub rule: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} [{}]", self.path, self.line, self.message, self.rule)
    }
}

/// What `exceptions.toml` allows.
#[derive(Debug)]
pub struct Exceptions(Vec<Exception>);

#[derive(Debug)]
struct Exception {
    rule: String,
    /// A file, or a folder when it ends with `/`.
    path: String,
    /// Only findings whose message says this.
    about: Option<String>,
    reason: String,
    used: Cell<bool>,
}

impl Exceptions {
    /// Reads `[[exception]]` tables of `rule`, `path`, `about?`, `reason`.
    pub fn read(text: &str) -> Self {
        let table: toml::Table = text.parse().expect("exceptions.toml is TOML");
        let entries = table.get("exception").and_then(|list| list.as_array()).cloned().unwrap_or_default();
        let read = |entry: &toml::Value| {
            let text = |key: &str| entry.get(key).and_then(|value| value.as_str()).map(str::to_owned);
            Exception {
                rule: text("rule").expect("an exception names its rule"),
                path: text("path").expect("an exception names its path"),
                about: text("about"),
                reason: text("reason").filter(|reason| reason.len() >= 10).expect("an exception says why"),
                used: Cell::new(false),
            }
        };
        Self(entries.iter().map(read).collect())
    }

    /// The findings that no exception allows, sorted, and a finding for each exception that allows nothing.
    pub fn apply(&self, mut findings: Vec<Finding>) -> Vec<Finding> {
        findings.retain(|finding| !self.0.iter().any(|exception| exception.allows(finding)));
        for exception in self.0.iter().filter(|exception| !exception.used.get()) {
            findings.push(Finding {
                path: "tests/tidy/exceptions.toml".to_owned(),
                line: 1,
                rule: "exceptions",
                message: format!(
                    "nothing needs the exception from `{}` for {} any more ({}); take it out",
                    exception.rule, exception.path, exception.reason
                ),
            });
        }
        findings.sort();
        findings
    }
}

impl Exception {
    fn allows(&self, finding: &Finding) -> bool {
        let here =
            self.path == finding.path || (self.path.ends_with('/') && finding.path.starts_with(&self.path));
        let about = self.about.as_ref().is_none_or(|about| finding.message.contains(about));
        let allows = self.rule == finding.rule && here && about;
        if allows {
            self.used.set(true);
        }
        allows
    }
}
