//! Who writes notes about one thing into the report.

use crate::{
    foreign::report::{Change, Key, Log, Note},
    yaml::{Content, Node},
};

/// Characters of what was there that a note repeats.
const FROM_CHARS: usize = 80;

/// Writes about one thing.
pub(super) struct Pen<'l> {
    pub(super) log: &'l mut Log,
    pub(super) key: Key,
}

impl Pen<'_> {
    /// A property says the same in other words.
    pub(super) fn mapped(&mut self, property: &str, from: &Node, to: &str, reason: &str) {
        let note = Note {
            line: from.line,
            property: property.to_owned(),
            change: Change::Mapped,
            from: shown(from),
            to: to.to_owned(),
            reason: reason.to_owned(),
        };
        self.log.note(&self.key, note);
    }

    /// A property has another name here.
    pub(super) fn aliased(&mut self, property: &str, line: u32, to: &str) {
        self.stands_for(property, line, to, "");
    }

    /// A thing is there already under that name.
    pub(super) fn stands_for(&mut self, property: &str, line: u32, to: &str, reason: &str) {
        let note = Note {
            line,
            property: property.to_owned(),
            change: Change::Aliased,
            from: String::new(),
            to: to.to_owned(),
            reason: reason.to_owned(),
        };
        self.log.note(&self.key, note);
    }

    /// A property is not taken.
    pub(super) fn left_out(&mut self, property: &str, from: &Node, reason: &str) {
        let note = Note {
            line: from.line,
            property: property.to_owned(),
            change: Change::LeftOut,
            from: shown(from),
            to: String::new(),
            reason: reason.to_owned(),
        };
        self.log.note(&self.key, note);
    }
}

/// What stood there, where it is short.
pub(super) fn shown(node: &Node) -> String {
    let text = match &node.content {
        Content::Text(text) => format!("{text:?}"),
        Content::Number(text) => text.clone(),
        Content::Boolean(flag) => flag.to_string(),
        Content::Null => "null".to_owned(),
        Content::List(items) if items.iter().all(|item| item.said().is_some()) => {
            format!("[{}]", items.iter().filter_map(Node::said).collect::<Vec<_>>().join(", "))
        }
        Content::List(items) => format!("({} items)", items.len()),
        Content::Map(entries) => {
            format!("({})", entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>().join(", "))
        }
    };
    match text.chars().count() > FROM_CHARS {
        true => text.chars().take(FROM_CHARS).chain(['…']).collect(),
        false => text,
    }
}
