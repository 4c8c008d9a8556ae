//! A value of a file on the way from YAML to a definition: it knows its place, and reports when it is not what is expected.

use std::path::Path;

use crate::{
    decimal::Decimal,
    definition::Located,
    issue::{Issues, Place},
    model::Labels,
    yaml::{self, Content, Entry, Node},
};

/// A value, its file, and the path of keys to it.
#[derive(Clone, Debug)]
pub(crate) struct Value<'a> {
    file: &'a Path,
    line: u32,
    path: String,
    node: &'a Node,
}

impl<'a> Value<'a> {
    /// The whole of a file.
    pub(crate) fn root(file: &'a Path, node: &'a Node) -> Self {
        Self { file, line: node.line, path: String::new(), node }
    }

    pub(crate) fn place(&self) -> Place {
        Place { file: self.file.to_owned(), line: self.line, path: self.path.clone() }
    }

    pub(crate) fn content(&self) -> &'a Content {
        &self.node.content
    }

    pub(crate) fn located<T>(&self, value: T) -> Located<T> {
        Located { value, place: self.place() }
    }

    /// The value of a key of this mapping.
    pub(crate) fn entry(&self, entry: &'a Entry) -> Value<'a> {
        let path =
            if self.path.is_empty() { entry.key.clone() } else { format!("{}.{}", self.path, entry.key) };
        Value { file: self.file, line: entry.line, path, node: &entry.value }
    }

    /// Text, which may not be empty. A number or boolean is not turned into text: the author is asked to quote it.
    pub(crate) fn text(&self, issues: &mut Issues) -> Option<&'a str> {
        match self.content() {
            Content::Text(text) if !text.trim().is_empty() => Some(text),
            Content::Text(_) => {
                issues.error(&self.place(), "empty", "an empty text; write one or leave the key out");
                None
            }
            Content::Number(text) => self.wrong(issues, &format!("text; quote it: \"{text}\"")),
            Content::Boolean(flag) => self.wrong(issues, &format!("text; quote it: \"{flag}\"")),
            _ => self.wrong(issues, "text"),
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, issues: &mut Issues) -> Option<bool> {
        match self.content() {
            Content::Boolean(flag) => Some(*flag),
            _ => self.wrong(issues, "`true` or `false`"),
        }
    }

    /// A whole number that is not negative.
    pub(crate) fn count(&self, issues: &mut Issues) -> Option<u32> {
        match self.content() {
            Content::Number(text) if text.parse::<u32>().is_ok() => text.parse().ok(),
            _ => self.wrong(issues, "a whole number, 0 or more"),
        }
    }

    /// An exact number, quoted or not.
    pub(crate) fn decimal(&self, issues: &mut Issues) -> Option<Decimal> {
        let read = match self.content() {
            Content::Number(text) | Content::Text(text) => Decimal::parse(text),
            _ => None,
        };
        read.or_else(|| self.wrong(issues, "a number of at most 38 digits"))
    }

    /// The items of a list.
    pub(crate) fn list(&self, issues: &mut Issues) -> Option<Vec<Value<'a>>> {
        let Content::List(items) = self.content() else { return self.wrong(issues, "a list") };
        let item = |(at, node): (usize, &'a Node)| Value {
            file: self.file,
            line: node.line,
            path: format!("{}[{at}]", self.path),
            node,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The entries of a mapping, each key once.
    pub(crate) fn entries(&self, issues: &mut Issues) -> Option<Vec<(&'a str, Value<'a>)>> {
        let Content::Map(entries) = self.content() else { return self.wrong(issues, "a mapping") };
        let mut read: Vec<(&str, Value<'_>)> = Vec::with_capacity(entries.len());
        let mut lines = std::collections::HashMap::new();
        for entry in entries {
            let value = self.entry(entry);
            match lines.insert(entry.key.as_str(), entry.line) {
                Some(line) => {
                    let message = format!("the key `{}` is already given in line {line}", entry.key);
                    issues.error(&value.place(), "duplicate-key", message);
                }
                None => read.push((&entry.key, value)),
            }
        }
        Some(read)
    }

    /// A text for people: one, in English, or one by locale.
    pub(crate) fn labels(&self, issues: &mut Issues) -> Option<Labels> {
        if !matches!(self.content(), Content::Map(_)) {
            return self.text(issues).map(|text| Labels([("en".to_owned(), text.to_owned())].into()));
        }
        let mut labels = Labels::default();
        for (locale, value) in self.entries(issues)? {
            let Some(locale) = crate::definition::identifier::locale(locale, &value, issues) else {
                continue;
            };
            if let Some(text) = value.text(issues) {
                labels.0.insert(locale, text.to_owned());
            }
        }
        Some(labels)
    }

    /// Reports that the value is not `expected`; gives nothing.
    pub(crate) fn wrong<T>(&self, issues: &mut Issues, expected: &str) -> Option<T> {
        issues.error(
            &self.place(),
            "wrong-type",
            format!("{} where there must be {expected}", self.content().noun()),
        );
        None
    }
}

/// Reads a file's text; what keeps it from being read is an issue.
pub(crate) fn parse(file: &Path, text: &str, issues: &mut Issues) -> Option<Node> {
    let is_json = file.extension().is_some_and(|end| end == "json");
    let text = if is_json { yaml::from_json(text) } else { text.into() };
    match yaml::parse(&text) {
        Ok(node) => Some(node),
        Err(refusal) => {
            let place = Place { file: file.to_owned(), line: refusal.line, path: String::new() };
            issues.error(&place, refusal.code, refusal.message);
            None
        }
    }
}
