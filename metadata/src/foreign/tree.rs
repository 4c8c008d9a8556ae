//! Trees of values that are read, changed and written again; each keeps the line that it came from.

use crate::yaml::{Content, Entry, Node};

impl Node {
    pub(super) fn new(line: u32, content: Content) -> Node {
        Node { line, content }
    }

    pub(super) fn of_text(line: u32, text: impl Into<String>) -> Node {
        Node { line, content: Content::Text(text.into()) }
    }

    pub(super) fn map(line: u32) -> Node {
        Node { line, content: Content::Map(Vec::new()) }
    }

    /// What is said as text; numbers and truth values as they are written.
    pub(super) fn said(&self) -> Option<String> {
        match &self.content {
            Content::Text(text) | Content::Number(text) => Some(text.clone()),
            Content::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match &self.content {
            Content::Boolean(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.content, Content::Map(_))
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.content {
            Content::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match &self.content {
            Content::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of the first of these keys that is there.
    pub(super) fn any(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Node::text)
    }

    /// Sets a key of a mapping, at the end when it is new.
    pub(super) fn set(&mut self, key: &str, value: Node) {
        let Content::Map(entries) = &mut self.content else { return };
        match entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.value = value,
            None => entries.push(Entry { key: key.to_owned(), line: value.line, value }),
        }
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Node> {
        let Content::Map(entries) = &mut self.content else { return None };
        let at = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(at).value)
    }

    /// Follows a path of keys and places; as far as it leads.
    pub(super) fn at(&self, path: &[Step]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Item(at) => node.items().get(*at),
        })
    }

    /// Takes out what a path leads to.
    pub(super) fn take(&mut self, path: &[Step]) -> Option<Node> {
        let (last, before) = path.split_last()?;
        let inner = before.iter().try_fold(self, |node, step| match (step, &mut node.content) {
            (Step::Key(key), Content::Map(entries)) => {
                entries.iter_mut().find(|entry| entry.key == *key).map(|entry| &mut entry.value)
            }
            (Step::Item(at), Content::List(items)) => items.get_mut(*at),
            _ => None,
        })?;
        match (last, &mut inner.content) {
            (Step::Key(key), _) => inner.remove(key),
            (Step::Item(at), Content::List(items)) if *at < items.len() => Some(items.remove(*at)),
            _ => None,
        }
    }
}

/// One step of a path into a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Key(String),
    Item(usize),
}

/// The steps of `fields.name.options[2].value`, as places of findings write them; `root` decides where a key with a point in it ends.
pub(super) fn steps(path: &str, root: &Node) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut node = Some(root);
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((at, behind)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let at = at.parse().unwrap_or(usize::MAX);
            node = node.and_then(|node| node.items().get(at));
            steps.push(Step::Item(at));
            rest = behind;
            continue;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
        let key = key_before(rest, node);
        node = node.and_then(|node| node.get(key));
        steps.push(Step::Key(key.to_owned()));
        rest = rest.get(key.len()..).unwrap_or_default();
    }
    steps
}

/// The longest key of the mapping that the path goes on with, else up to the next sign.
fn key_before<'a>(rest: &'a str, node: Option<&Node>) -> &'a str {
    let ends =
        |key: &str| matches!(rest.get(key.len()..).and_then(|r| r.chars().next()), None | Some('.' | '['));
    let keys = node.map(Node::entries).unwrap_or_default().iter().map(|entry| entry.key.as_str());
    let known = keys.filter(|key| rest.starts_with(key) && ends(key)).map(str::len).max();
    // A step is never empty, or the path would not get shorter.
    let end = known.filter(|end| *end > 0);
    let end = end.unwrap_or_else(|| {
        rest.char_indices().skip(1).find(|(_, c)| matches!(c, '.' | '[')).map_or(rest.len(), |(at, _)| at)
    });
    rest.get(..end).unwrap_or(rest)
}
