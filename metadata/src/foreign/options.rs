//! The choices of a field, and the default among them, in whatever spelling.

use crate::{
    foreign::{names::folded, pen::Pen},
    yaml::{Content, Entry, Node},
};

/// `options` as our list, with the language of its labels.
pub(super) fn options(given: &Node, locale: &str, pen: &mut Pen<'_>) -> Node {
    let items: Vec<Node> = match &given.content {
        Content::Map(entries) => {
            pen.mapped("options", given, "a list", "a mapping of value to label");
            entries.iter().map(of_pair).collect()
        }
        _ => given.items().to_vec(),
    };
    let mut seen = Vec::new();
    let mut written = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(option) = option(item, at, locale, pen) else { continue };
        let value = option.text().or_else(|| option.text_of("value")).unwrap_or_default().to_owned();
        if seen.contains(&value) {
            pen.left_out(&format!("options[{at}]"), item, "the option is given twice");
            continue;
        }
        seen.push(value);
        written.push(option);
    }
    Node::new(given.line, Content::List(written))
}

fn of_pair(entry: &Entry) -> Node {
    let mut option = Node::map(entry.line);
    option.set("value", Node::of_text(entry.line, &entry.key));
    match entry.value.is_map() {
        true => entry.value.entries().iter().for_each(|inner| option.set(&inner.key, inner.value.clone())),
        false => option.set("label", entry.value.clone()),
    }
    option
}

fn option(item: &Node, at: usize, locale: &str, pen: &mut Pen<'_>) -> Option<Node> {
    let property = |key: &str| format!("options[{at}].{key}");
    if !item.is_map() {
        let text = item.said()?;
        if item.text().is_none() {
            pen.mapped(
                &format!("options[{at}]"),
                item,
                &format!("{text:?}"),
                "the value of an option is text",
            );
        }
        return Some(Node::of_text(item.line, text));
    }
    let mut option = Node::map(item.line);
    let value = item.get("value").filter(|value| value.said().is_some_and(|said| !said.trim().is_empty()));
    let (value, from) = match (value, item.any(&["label", "name"]).filter(|label| label.said().is_some())) {
        (Some(value), _) => (value.said()?, value),
        (None, Some(label)) => {
            pen.mapped(&property("label"), label, "value", "the option has no value of its own");
            (label.said()?, label)
        }
        (None, None) => {
            pen.left_out(&format!("options[{at}]"), item, "an option with neither value nor label");
            return None;
        }
    };
    if from.text().is_none() {
        pen.mapped(&property("value"), from, &format!("{value:?}"), "the value of an option is text");
    }
    option.set("value", Node::of_text(item.line, &value));
    for entry in item.entries() {
        match entry.key.as_str() {
            "value" => {}
            "label" if entry.value.said().is_some() => {
                let text = entry.value.said().unwrap_or_default();
                option.set("label", in_locale(Node::of_text(entry.line, text), locale));
            }
            "disabled" => {
                pen.mapped(&property("disabled"), &entry.value, "active", "the other way round");
                let active = Content::Boolean(entry.value.flag() != Some(true));
                option.set("active", Node::new(entry.line, active));
            }
            _ if entry.value.content == Content::Null => {}
            key => option.set(key, entry.value.clone()),
        }
    }
    Some(option)
}

/// A text for people in the language that it is in.
pub(super) fn in_locale(text: Node, locale: &str) -> Node {
    if locale == "en" || text.is_map() {
        return text;
    }
    let mut labels = Node::map(text.line);
    labels.set(locale, text);
    labels
}

/// The value of each option, with what its label says.
fn values(options: &Node) -> impl Iterator<Item = (&str, Option<&Node>)> {
    options.items().iter().filter_map(|item| {
        item.text().map(|value| (value, None)).or_else(|| Some((item.text_of("value")?, item.get("label"))))
    })
}

/// The values of a list of options.
pub(super) fn values_of(options: &Node) -> Vec<String> {
    values(options).map(|(value, _)| value.to_owned()).collect()
}

/// The option that a text means: by its value, without case, blanks and underscores, else by its label.
pub(super) fn chosen<'o>(text: &str, options: &'o Node) -> Option<&'o str> {
    let wanted = folded(text);
    let by_value = || values(options).find(|(value, _)| folded(value) == wanted);
    let says = |label: &Node| {
        let inner = label.entries().iter().filter_map(|entry| entry.value.text());
        label.text().into_iter().chain(inner).any(|label| folded(label) == wanted)
    };
    let by_label = || values(options).find(|(_, label)| label.is_some_and(says));
    let found = values(options).find(|(value, _)| *value == text).or_else(by_value).or_else(by_label);
    found.map(|(value, _)| value)
}
