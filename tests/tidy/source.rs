//! Every Rust file of the workspace, parsed once.

use std::{fs, ops::RangeInclusive, path::Path};

use proc_macro2::TokenStream;
use syn::{
    Attribute,
    spanned::Spanned,
    visit::{self, Visit},
};

/// One file.
pub struct Source {
    /// Its path from the root of the workspace, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
    /// The parsed text.
    pub syntax: syn::File,
    /// The same as plain tokens.
    pub tokens: TokenStream,
    /// All of it is tests or benches.
    pub is_test: bool,
    /// Lines of items that only exist in tests.
    test_lines: Vec<RangeInclusive<usize>>,
}

const ROOTS: &[&str] = &["metadata", "storage", "planner", "engine", "protocol", "benches", "src", "tests"];

/// Reads every file below the rooms, by path.
pub fn read_all(root: &Path) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in ROOTS {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let relative = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        Source::parse(&relative, fs::read_to_string(path).unwrap())
    };
    paths.iter().map(read).collect()
}

fn collect(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target" && name != "node_modules") {
            collect(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

impl Source {
    /// Parses a file's text.
    pub fn parse(path: &str, text: String) -> Self {
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let tokens = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let is_test = path.starts_with("tests/")
            || path.starts_with("benches/")
            || path.contains("/tests/")
            || path.contains("/benches/")
            || path.ends_with("/tests.rs");
        let mut items = TestItems(Vec::new());
        items.visit_file(&syntax);
        Self { path: path.to_owned(), text, syntax, tokens, is_test, test_lines: items.0 }
    }

    /// Whether a line is test code.
    pub fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }
}

/// Collects the lines of items behind `#[cfg(test)]` or `#[test]`.
struct TestItems(Vec<RangeInclusive<usize>>);

impl<'ast> Visit<'ast> for TestItems {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if attributes.iter().any(is_test) {
            self.0.push(item.span().start().line..=item.span().end().line);
        }
        visit::visit_item(self, item);
    }
}

fn is_test(attribute: &Attribute) -> bool {
    let is = |name: &str| attribute.path().segments.last().is_some_and(|segment| segment.ident == name);
    is("test")
        || (is("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test"))
}
