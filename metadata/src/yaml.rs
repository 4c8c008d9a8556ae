//! YAML (and JSON, which is nearly all YAML) as a tree that knows the line of every key and value.
//!
//! Built from the parser's events rather than its ready-made tree, because packages need what the tree forgets: keys
//! given twice, numbers as they are written (`0.10` is exact), and limits on depth and size that hold *while*
//! reading. An alias is replaced by a copy of what it names and counted as such, so ten lines of nested
//! aliases can't become a gigabyte.
//!
//! Scalars follow the core schema of YAML 1.2: `null`, `~` and nothing; `true`, `false`; decimal numbers; all else is text
//! (`yes` and `0x1F` too). Quoted is always text.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::{
    decimal::Decimal,
    limits::{YAML_DEPTH_MAX, YAML_VALUES_MAX},
};

/// A value and the line where it begins, from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub line: u32,
    /// What it is.
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Nothing: `null`, `~`, or no value at all.
    Null,
    /// True or false.
    Boolean(bool),
    /// As it is written.
    Number(String),
    /// Any other scalar, and what is quoted.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// In order, repeated keys included.
    Map(Vec<Entry>),
}

impl Content {
    /// What to call it in a message.
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Boolean(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub line: u32,
    /// What it holds.
    pub value: Node,
}

/// Why a text is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where.
    pub line: u32,
    /// A stable code: `syntax`, `yaml-tag`, `too-many`, `too-deep`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

/// Reads one document.
///
/// # Errors
///
/// The first thing that can't be read: what follows it would be guesswork.
pub fn parse(text: &str) -> Result<Node, Refusal> {
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(syntax)?;
        builder.on_event(event, line_of(span))?;
    }
    Ok(builder.root.unwrap_or(Node { line: 1, content: Content::Null }))
}

/// JSON as YAML: what JSON writes as two escapes (`\ud83d\ude00`) is one character, which YAML only knows as itself. Lines stay as they are.
pub(crate) fn from_json(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        written.push_str(before);
        if let Some(character) = surrogates(escape) {
            written.push(character);
            rest = escape.get(SURROGATES_BYTES..).unwrap_or_default();
            continue;
        }
        let mut behind = escape.chars();
        written.push('\\');
        written.extend(behind.next());
        rest = behind.as_str();
    }
    written.push_str(rest);
    Cow::Owned(written)
}

/// `ud83d\ude00`, behind its backslash.
const SURROGATES_BYTES: usize = 11;

fn surrogates(escape: &str) -> Option<char> {
    let (high, low) = escape.get(..SURROGATES_BYTES)?.strip_prefix('u')?.split_once("\\u")?;
    let unit = |digits: &str| u16::from_str_radix(digits, 16).ok();
    let mut decoded = char::decode_utf16([unit(high)?, unit(low)?]);
    decoded.next()?.ok().filter(|_| decoded.next().is_none())
}

#[derive(Default)]
struct Builder {
    open: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    values: usize,
    root: Option<Node>,
}

/// A list or mapping whose end has not come yet.
struct Frame {
    line: u32,
    anchor: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<(String, u32)>),
}

impl Builder {
    fn on_event(&mut self, event: Event<'_>, line: u32) -> Result<(), Refusal> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(refusal(line, "syntax", "a second document; a file holds one"))
            }
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => {
                Err(refusal(line, "yaml-tag", "YAML tags (`!…`) are not used in packages"))
            }
            Event::Scalar(text, style, anchor, None) => self.on_scalar(&text, style, anchor, line),
            Event::SequenceStart(anchor, None) => self.open(line, anchor, FrameKind::List(Vec::new())),
            Event::MappingStart(anchor, None) => self.open(line, anchor, FrameKind::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.on_alias(anchor, line),
            _ => Ok(()),
        }
    }

    fn on_scalar(&mut self, text: &str, style: ScalarStyle, anchor: usize, line: u32) -> Result<(), Refusal> {
        self.count(1, line)?;
        if let Some(Frame { kind: FrameKind::Map(_, key @ None), .. }) = self.open.last_mut() {
            *key = Some((text.to_owned(), line));
            return Ok(());
        }
        let content = if style == ScalarStyle::Plain { plain(text) } else { Content::Text(text.to_owned()) };
        self.put(Node { line, content }, anchor)
    }

    fn on_alias(&mut self, anchor: usize, line: u32) -> Result<(), Refusal> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(refusal(line, "syntax", "an alias inside what it names"));
        };
        let (values, depth) = measure(node);
        self.check_depth(self.open.len() + depth, line)?;
        self.count(values, line)?;
        let content = self.anchors.get(&anchor).map_or(Content::Null, |node| node.content.clone());
        self.put(Node { line, content }, 0)
    }

    fn open(&mut self, line: u32, anchor: usize, kind: FrameKind) -> Result<(), Refusal> {
        if let Some(Frame { kind: FrameKind::Map(_, None), .. }) = self.open.last() {
            return Err(refusal(line, "syntax", "a key must be text, not a list or mapping"));
        }
        self.count(1, line)?;
        self.check_depth(self.open.len() + 1, line)?;
        self.open.push(Frame { line, anchor, kind });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
        let Some(frame) = self.open.pop() else { return Ok(()) };
        let content = match frame.kind {
            FrameKind::List(items) => Content::List(items),
            FrameKind::Map(entries, _) => Content::Map(entries),
        };
        self.put(Node { line: frame.line, content }, frame.anchor)
    }

    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Refusal> {
        if anchor > 0 {
            self.count(measure(&node).0, node.line)?;
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Frame { kind: FrameKind::List(items), .. }) => items.push(node),
            Some(Frame { kind: FrameKind::Map(entries, key), .. }) => {
                let Some((key, line)) = key.take() else {
                    return Err(refusal(node.line, "syntax", "a key must be text, not an alias"));
                };
                entries.push(Entry { key, line, value: node });
            }
        }
        Ok(())
    }

    fn count(&mut self, values: usize, line: u32) -> Result<(), Refusal> {
        self.values = self.values.saturating_add(values);
        if self.values > YAML_VALUES_MAX {
            return Err(refusal(line, "too-many", format!("more than {YAML_VALUES_MAX} values in one file")));
        }
        Ok(())
    }

    fn check_depth(&self, depth: usize, line: u32) -> Result<(), Refusal> {
        if depth > YAML_DEPTH_MAX {
            return Err(refusal(
                line,
                "too-deep",
                format!("more than {YAML_DEPTH_MAX} values within values"),
            ));
        }
        Ok(())
    }
}

/// What an unquoted scalar means.
fn plain(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Boolean(true),
        "false" | "False" | "FALSE" => Content::Boolean(false),
        _ if Decimal::parse(text).is_some() => Content::Number(text.to_owned()),
        _ => Content::Text(text.to_owned()),
    }
}

/// How many values are in a tree, and how deep. The tree's depth is limited, and so is this recursion.
fn measure(node: &Node) -> (usize, usize) {
    let inner: Vec<_> = match &node.content {
        Content::List(items) => items.iter().map(measure).collect(),
        Content::Map(entries) => entries.iter().map(|entry| measure(&entry.value)).collect(),
        _ => return (1, 0),
    };
    let values = inner.iter().map(|(values, _)| values + 1).sum::<usize>();
    (values + 1, 1 + inner.iter().map(|(_, depth)| *depth).max().unwrap_or(0))
}

fn line_of(span: Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(u32::MAX)
}

fn syntax(error: ScanError) -> Refusal {
    let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
    refusal(line, "syntax", format!("can't be read as YAML: {}", error.info()))
}

fn refusal(line: u32, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal { line, code, message: message.into() }
}

#[cfg(test)]
mod tests;
