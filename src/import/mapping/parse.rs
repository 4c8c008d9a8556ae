//! Strict reading of a mapping: every unknown or missing key is a finding, and all findings come at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chrono::format::{Item, StrftimeItems};
use quarry_metadata::{
    FieldName, Issue, ObjectName, Place, Severity,
    nearest::did_you_mean,
    yaml::{self, Content, Entry, Node},
};
use serde_json::Value;

use super::{ColumnMapping, FileMapping, Format, Mapping, Reference, Transform, WhenEmpty};

const TRANSFORMS: &[(&str, Transform)] = &[
    ("trim", Transform::Trim),
    ("collapse_spaces", Transform::CollapseSpaces),
    ("lowercase", Transform::Lowercase),
    ("uppercase", Transform::Uppercase),
    ("boolean", Transform::Boolean),
];

const EMPTIES: &[(&str, WhenEmpty)] = &[
    ("clear", WhenEmpty::Clear),
    ("count", WhenEmpty::Count),
    ("leave", WhenEmpty::Leave),
    ("refuse", WhenEmpty::Refuse),
];

const FORMATS: &[(&str, Format)] =
    &[("csv", Format::Csv { delimiter: b',' }), ("ndjson", Format::Ndjson), ("parquet", Format::Parquet)];

pub(super) fn parse(file: &Path, text: &str) -> Result<Mapping, Vec<Issue>> {
    let mut parse = Parse { file, issues: Vec::new() };
    let mapping = match yaml::parse(text) {
        Ok(node) => parse.mapping(&node),
        Err(refusal) => {
            parse.issue(refusal.line, "", refusal.code, refusal.message);
            None
        }
    };
    match mapping {
        Some(mapping) if parse.issues.is_empty() => Ok(mapping),
        _ => Err(parse.issues),
    }
}

/// Collects findings while it reads; what is wrong is left out of the result.
struct Parse<'a> {
    file: &'a Path,
    issues: Vec<Issue>,
}

/// The entries of one mapping node, each key known and there once.
struct Keys<'n> {
    line: u32,
    path: String,
    entries: BTreeMap<&'n str, &'n Node>,
}

impl<'n> Keys<'n> {
    fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.get(key).copied()
    }

    fn at(&self, key: &str) -> String {
        join(&self.path, key)
    }
}

impl Parse<'_> {
    fn mapping(&mut self, node: &Node) -> Option<Mapping> {
        let keys = self.keys(node, "", &["version", "aliases", "files"])?;
        match self.must_get(&keys, "version").map(|version| (version.line, &version.content)) {
            Some((_, Content::Number(number))) if number == "1" => {}
            Some((line, _)) => self.issue(line, "version", "wrong-value", "the only version so far is 1"),
            None => {}
        }
        let aliases = keys.get("aliases").map(|node| self.aliases(node)).unwrap_or_default();
        let list = self.must_get(&keys, "files")?;
        let files: Vec<_> = self
            .list(list, "files")
            .iter()
            .enumerate()
            .filter_map(|(index, node)| self.file(node, &format!("files.{index}")))
            .collect();
        self.check_files(&files, &aliases, list.line);
        Some(Mapping { files, aliases })
    }

    fn aliases(&mut self, node: &Node) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut tables = BTreeMap::new();
        for table in self.entries(node, "aliases") {
            let at = join("aliases", &table.key);
            let mut texts = BTreeMap::new();
            for alias in self.entries(&table.value, &at) {
                if let Some(meant) = self.text(&alias.value, &join(&at, &alias.key)) {
                    texts.insert(alias.key.clone(), meant);
                }
            }
            tables.insert(table.key.clone(), texts);
        }
        tables
    }

    fn file(&mut self, node: &Node, path: &str) -> Option<FileMapping> {
        const KEYS: &[&str] =
            &["file", "object", "key", "columns", "ignore", "set", "format", "delimiter", "nulls"];
        let keys = self.keys(node, path, KEYS)?;
        let file = self.must_text(&keys, "file");
        let object = self.must_text(&keys, "object");
        let key =
            self.must_get(&keys, "key").map(|node| self.texts(node, &keys.at("key"))).unwrap_or_default();
        let columns = self.must_get(&keys, "columns").map(|node| self.columns(node, &keys.at("columns")));
        let ignore = keys.get("ignore").map(|node| self.texts(node, &keys.at("ignore"))).unwrap_or_default();
        let set = keys.get("set").map(|node| self.set(node, &keys.at("set"))).unwrap_or_default();
        let nulls = keys.get("nulls").map(|node| self.texts(node, &keys.at("nulls")));
        let file = file?;
        let format = self.format(&keys, &file)?;
        let mapping = FileMapping {
            file,
            object: ObjectName::new(object?),
            key: key.into_iter().map(FieldName::new).collect(),
            columns: columns?,
            ignore,
            set,
            format,
            nulls: nulls.unwrap_or_else(|| vec![String::new()]),
        };
        self.check_file(&mapping, &keys);
        Some(mapping)
    }

    fn format(&mut self, keys: &Keys<'_>, file: &str) -> Option<Format> {
        let format = match keys.get("format") {
            Some(node) => self.choice(node, &keys.at("format"), FORMATS)?,
            None => match file.rsplit_once('.').map(|(_, end)| end) {
                Some("csv") => Format::Csv { delimiter: b',' },
                Some("tsv") => Format::Csv { delimiter: b'\t' },
                Some("ndjson" | "jsonl") => Format::Ndjson,
                Some("parquet") => Format::Parquet,
                _ => {
                    let message = format!("the name `{file}` doesn't say how it is written; add `format`");
                    self.issue(keys.line, &keys.at("format"), "missing-property", message);
                    return None;
                }
            },
        };
        let Some(node) = keys.get("delimiter") else { return Some(format) };
        let at = keys.at("delimiter");
        let text = self.text(node, &at)?;
        match (format, text.as_bytes()) {
            (Format::Csv { .. }, [delimiter]) if !matches!(delimiter, b'"' | b'\r' | b'\n') => {
                Some(Format::Csv { delimiter: *delimiter })
            }
            (Format::Csv { .. }, _) => {
                self.issue(node.line, &at, "wrong-value", "a delimiter is one ASCII character, not a quote");
                None
            }
            _ => {
                self.issue(node.line, &at, "wrong-value", "only CSV has a delimiter");
                None
            }
        }
    }

    fn columns(&mut self, node: &Node, path: &str) -> Vec<ColumnMapping> {
        let entries = self.entries(node, path);
        if entries.is_empty() {
            self.issue(node.line, path, "empty", "at least one column is needed");
        }
        entries.iter().filter_map(|entry| self.column(entry, &join(path, &entry.key))).collect()
    }

    fn column(&mut self, entry: &Entry, path: &str) -> Option<ColumnMapping> {
        let mut column = ColumnMapping {
            column: entry.key.clone(),
            field: FieldName::from(""),
            transforms: Vec::new(),
            date: None,
            alias: None,
            reference: None,
            empty: WhenEmpty::Clear,
        };
        if let Content::Text(field) = &entry.value.content {
            column.field = FieldName::from(field.as_str());
            return Some(column);
        }
        let known = &["field", "transform", "date", "alias", "reference", "empty"];
        let keys = self.keys(&entry.value, path, known)?;
        column.field = FieldName::new(self.must_text(&keys, "field")?);
        if let Some(node) = keys.get("transform") {
            let at = keys.at("transform");
            column.transforms =
                self.list(node, &at).iter().filter_map(|step| self.choice(step, &at, TRANSFORMS)).collect();
        }
        column.date = keys.get("date").and_then(|node| self.date(node, &keys.at("date")));
        column.alias = keys.get("alias").and_then(|node| self.text(node, &keys.at("alias")));
        column.reference = keys.get("reference").and_then(|node| self.reference(node, &keys.at("reference")));
        if let Some(node) = keys.get("empty") {
            column.empty = self.choice(node, &keys.at("empty"), EMPTIES)?;
        }
        Some(column)
    }

    fn date(&mut self, node: &Node, path: &str) -> Option<String> {
        let format = self.text(node, path)?;
        if StrftimeItems::new(&format).any(|item| matches!(item, Item::Error)) {
            self.issue(node.line, path, "wrong-value", format!("`{format}` is no way to write a day"));
        }
        Some(format)
    }

    fn reference(&mut self, node: &Node, path: &str) -> Option<Reference> {
        let keys = self.keys(node, path, &["object", "by"])?;
        let object = self.must_text(&keys, "object");
        let by = self.must_text(&keys, "by");
        Some(Reference { object: ObjectName::new(object?), by: FieldName::new(by?) })
    }

    fn set(&mut self, node: &Node, path: &str) -> Vec<(FieldName, Value)> {
        let mut set = Vec::new();
        for entry in self.entries(node, path) {
            let value = match &entry.value.content {
                Content::Null => Value::Null,
                Content::Boolean(flag) => Value::Bool(*flag),
                Content::Number(number) => number.parse().map_or(Value::Null, Value::Number),
                Content::Text(text) => Value::String(text.clone()),
                Content::List(_) | Content::Map(_) => {
                    self.issue(
                        entry.line,
                        &join(path, &entry.key),
                        "wrong-type",
                        "a fixed value is a single value",
                    );
                    continue;
                }
            };
            set.push((FieldName::from(entry.key.as_str()), value));
        }
        set
    }

    fn check_files(
        &mut self,
        files: &[FileMapping],
        aliases: &BTreeMap<String, BTreeMap<String, String>>,
        line: u32,
    ) {
        let mut names = BTreeSet::new();
        for file in files {
            if !names.insert(&file.file) {
                self.issue(line, "files", "duplicate-file", format!("`{}` is mapped twice", file.file));
            }
            for alias in file.columns.iter().filter_map(|column| column.alias.as_deref()) {
                if !aliases.contains_key(alias) {
                    let hint = did_you_mean(alias, aliases.keys().map(String::as_str));
                    let message =
                        format!("`{}` uses an alias table `{alias}` that is not declared{hint}", file.file);
                    self.issue(line, "files", "unknown-alias", message);
                }
            }
        }
    }

    fn check_file(&mut self, file: &FileMapping, keys: &Keys<'_>) {
        if file.file.contains(['/', '\\']) {
            self.issue(keys.line, &keys.at("file"), "wrong-value", "a file's name stands without its folder");
        }
        let filled =
            file.columns.iter().map(|column| &column.field).chain(file.set.iter().map(|(field, _)| field));
        let mut fields = BTreeSet::new();
        for field in filled {
            if !fields.insert(field.as_str()) {
                let message = format!("the field `{field}` is filled twice");
                self.issue(keys.line, &keys.at("columns"), "duplicate-field", message);
            }
        }
        for key in &file.key {
            let at = keys.at("key");
            if !fields.contains(key.as_str()) {
                let hint = did_you_mean(key.as_str(), fields.iter().copied());
                let message = format!("the key field `{key}` is filled from no column{hint}");
                self.issue(keys.line, &at, "unknown-field", message);
            }
            if file.columns.iter().any(|column| column.field == *key && file.refers_to_itself(column)) {
                self.issue(
                    keys.line,
                    &at,
                    "wrong-value",
                    "a reference to the same file can't be part of its key",
                );
            }
        }
        for column in file.columns.iter().filter(|column| file.ignore.contains(&column.column)) {
            let message = format!("`{}` is both mapped and ignored", column.column);
            self.issue(keys.line, &keys.at("ignore"), "duplicate-column", message);
        }
    }

    fn keys<'n>(&mut self, node: &'n Node, path: &str, known: &[&str]) -> Option<Keys<'n>> {
        if !matches!(node.content, Content::Map(_)) {
            self.issue(
                node.line,
                path,
                "wrong-type",
                format!("a mapping is needed, not {}", node.content.noun()),
            );
            return None;
        }
        let mut entries = BTreeMap::new();
        for entry in self.entries(node, path) {
            if known.contains(&entry.key.as_str()) {
                entries.insert(entry.key.as_str(), &entry.value);
            } else {
                let hint = did_you_mean(&entry.key, known.iter().copied());
                let message = format!("unknown property `{}`{hint}", entry.key);
                self.issue(entry.line, &join(path, &entry.key), "unknown-property", message);
            }
        }
        Some(Keys { line: node.line, path: path.to_owned(), entries })
    }

    /// The entries of a mapping, without those whose key was there before.
    fn entries<'n>(&mut self, node: &'n Node, path: &str) -> Vec<&'n Entry> {
        let Content::Map(entries) = &node.content else {
            self.issue(
                node.line,
                path,
                "wrong-type",
                format!("a mapping is needed, not {}", node.content.noun()),
            );
            return Vec::new();
        };
        let mut seen = BTreeSet::new();
        let mut once = Vec::new();
        for entry in entries {
            if seen.insert(entry.key.as_str()) {
                once.push(entry);
            } else {
                let message = format!("`{}` is there twice", entry.key);
                self.issue(entry.line, &join(path, &entry.key), "duplicate-key", message);
            }
        }
        once
    }

    fn list<'n>(&mut self, node: &'n Node, path: &str) -> &'n [Node] {
        let Content::List(items) = &node.content else {
            self.issue(
                node.line,
                path,
                "wrong-type",
                format!("a list is needed, not {}", node.content.noun()),
            );
            return &[];
        };
        if items.is_empty() {
            self.issue(node.line, path, "empty", "an empty list says nothing");
        }
        items
    }

    fn texts(&mut self, node: &Node, path: &str) -> Vec<String> {
        self.list(node, path).iter().filter_map(|item| self.text(item, path)).collect()
    }

    fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.content {
            Content::Text(text) | Content::Number(text) => Some(text.clone()),
            other => {
                self.issue(node.line, path, "wrong-type", format!("text is needed, not {}", other.noun()));
                None
            }
        }
    }

    fn choice<T: Copy>(&mut self, node: &Node, path: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, path)?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let hint = did_you_mean(&text, names.iter().copied());
            let message = format!("`{text}` is not one of {}{hint}", names.join(", "));
            self.issue(node.line, path, "wrong-value", message);
        }
        found
    }

    fn must_get<'n>(&mut self, keys: &Keys<'n>, key: &str) -> Option<&'n Node> {
        let found = keys.get(key);
        if found.is_none() {
            self.issue(keys.line, &keys.at(key), "missing-property", format!("`{key}` is missing"));
        }
        found
    }

    fn must_text(&mut self, keys: &Keys<'_>, key: &str) -> Option<String> {
        let node = self.must_get(keys, key)?;
        self.text(node, &keys.at(key))
    }

    fn issue(&mut self, line: u32, path: &str, code: &'static str, message: impl Into<String>) {
        let place = Place { file: self.file.to_owned(), line, path: path.to_owned() };
        self.issues.push(Issue { place, severity: Severity::Error, code, message: message.into() });
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
