//! Trees written as YAML, in the hand of our own packages: a field that fits stands in one line.

use crate::yaml::{Content, Entry, Node, parse};

/// Characters of a line that a mapping or list may fill.
const LINE_CHARS: usize = 120;

/// The text of a file.
pub(super) fn yaml(root: &Node) -> String {
    let mut text = String::new();
    match &root.content {
        Content::Map(entries) if !entries.is_empty() => map(entries, 0, &mut text),
        _ => text.push_str(&(flow(root) + "\n")),
    }
    text
}

/// A mapping, a line or more for each key; the depth of a file is limited, and so is this recursion.
fn map(entries: &[Entry], depth: usize, into: &mut String) {
    for entry in entries {
        let key = format!("{}{}:", "  ".repeat(depth), scalar(&entry.key));
        value(&key, &entry.value, depth, into);
    }
}

/// What stands behind a key.
fn value(key: &str, node: &Node, depth: usize, into: &mut String) {
    let line = flow(node);
    // What holds a whole package is spread, however short it is.
    let spread =
        depth == 0 && matches!(&node.content, Content::Map(inner) if inner.iter().any(|e| e.value.is_map()));
    let fits = key.chars().count() + line.chars().count() < LINE_CHARS;
    match &node.content {
        Content::Map(entries) if !entries.is_empty() && (spread || !fits) => {
            into.push_str(&format!("{key}\n"));
            map(entries, depth + 1, into);
        }
        Content::List(items) if !items.is_empty() && (!fits || items.iter().any(Node::is_map)) => {
            into.push_str(&format!("{key}\n"));
            items.iter().for_each(|item| list_item(item, depth + 1, into));
        }
        _ => into.push_str(&format!("{key} {line}\n")),
    }
}

fn list_item(node: &Node, depth: usize, into: &mut String) {
    let indent = "  ".repeat(depth);
    let line = flow(node);
    match &node.content {
        Content::Map(entries) if indent.len() + line.chars().count() + 2 >= LINE_CHARS => {
            let mut inner = String::new();
            map(entries, depth + 1, &mut inner);
            into.push_str(&format!("{indent}- {}", inner.trim_start()));
        }
        _ => into.push_str(&format!("{indent}- {line}\n")),
    }
}

/// A value in one line.
fn flow(node: &Node) -> String {
    match &node.content {
        Content::Null => "null".to_owned(),
        Content::Boolean(flag) => flag.to_string(),
        Content::Number(text) => text.clone(),
        Content::Text(text) => scalar(text),
        Content::List(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Content::Map(entries) if entries.is_empty() => "{}".to_owned(),
        Content::Map(entries) => {
            let pairs = entries.iter().map(|e| format!("{}: {}", scalar(&e.key), flow(&e.value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A text, in quotes where it would be read as something else without them.
fn scalar(text: &str) -> String {
    let plain = |c: char| {
        c.is_alphanumeric() || matches!(c, '_' | ' ' | '.' | '/' | '-' | '(' | ')' | '$' | '+' | ';')
    };
    let begins = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$'));
    let safe = begins && !text.ends_with(' ') && text.chars().all(plain);
    // The reader is the judge of what an unquoted text is: `true`, `1.0` and `~` are none.
    if safe && parse(text).is_ok_and(|node| node.content == Content::Text(text.to_owned())) {
        return text.to_owned();
    }
    quoted(text)
}

/// JSON's quotes, which YAML knows too, with what neither takes as it is written out.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
