//! A rule about records as others write it, in our words: the kinds of v4 and of the newest spec.

use crate::{
    definition::validation::KEYS,
    foreign::{
        condition::condition,
        expression::cel,
        names::{meant, snake_case},
        object::{Fields, spelled},
        options::in_locale,
        pen::Pen,
    },
    naming::title_case,
    yaml::{Content, Node},
};

mod kinds;
mod message;

/// What a rule became.
pub(super) enum Made {
    /// Rules of a file of validations.
    Rules(Vec<Node>),
    /// An index of these fields, each combination once.
    Unique(Node),
}

/// What a rule is written with.
pub(super) struct Writing<'a, 'l> {
    pub(super) fields: &'a Fields,
    pub(super) locale: &'a str,
    pub(super) pen: &'a mut Pen<'l>,
}

/// The end of the name of a rule that was the other side of one.
pub(super) const OTHERWISE: &str = "_otherwise";
/// Keys that only explain a rule.
const EXPLAINS: &[&str] = &["ai_context", "label", "tags", "description"];

/// Writes a rule in our words.
///
/// # Errors
///
/// Why it can't be: the rule is left out as a whole then.
pub(super) fn rule(given: &Node, with: &mut Writing<'_, '_>) -> Result<Made, String> {
    if given.get("active").and_then(Node::flag) == Some(false) {
        return Err("it is not active".to_owned());
    }
    // Our own form needs no reading.
    if given.get("kind").is_some() {
        return Ok(Made::Rules(vec![given.clone()]));
    }
    let said = given.any(&["type"]).and_then(Node::text);
    let kind = said.unwrap_or(if given.get("formula").is_some() { "formula" } else { "" });
    match kind {
        "unique" => return kinds::unique(given, with),
        "conditional" => return kinds::conditional(given, with).map(Made::Rules),
        _ => {}
    }
    let body = match kind {
        "script" | "cross_field" if is_expression(given.get("condition")) => {
            kinds::script(given, kind, with)?
        }
        "cross_field" | "formula" | "business_rule" => kinds::declared(given, with)?,
        "state_machine" => kinds::machine(given, with)?,
        "format" | "field" => kinds::format(given, with)?,
        "dependency" => kinds::dependency(given, with)?,
        "custom" | "async" if given.get("condition").is_none() => {
            return Err("it is code; what it says can be written as a condition in CEL".to_owned());
        }
        "custom" => kinds::declared(given, with)?,
        "" => return Err("it does not say its type".to_owned()),
        other => return Err(format!("rules of type `{other}` can't be kept yet")),
    };
    Ok(Made::Rules(vec![whole(given, None, body, with)]))
}

/// Whether it is a text or an envelope around one.
fn is_expression(condition: Option<&Node>) -> bool {
    condition.is_some_and(|node| node.said().is_some() || node.get("source").is_some())
}

/// What all rules have in common around what one says; `suffix` tells two apart that were one.
fn whole(given: &Node, suffix: Option<&str>, body: Body, with: &mut Writing<'_, '_>) -> Node {
    let mut rule = Node::map(given.line);
    let name = given.get("name").cloned().unwrap_or_else(|| Node::of_text(given.line, "rule"));
    let said = name.said().unwrap_or_default();
    let snake = snake_case(&said) + suffix.unwrap_or_default();
    if snake != said {
        let reason = if suffix.is_some() { "it became two rules" } else { "names are snake_case" };
        with.pen.mapped("name", &name, &snake, reason);
    }
    rule.set("name", Node::of_text(name.line, snake));
    for (key, value) in body.says {
        rule.set(key, value);
    }
    for entry in given.entries() {
        let key = match entry.key.as_str() {
            "trigger" | "triggers" => "on",
            key => KEYS.canonical(key).unwrap_or(key),
        };
        let taken =
            ["name", "type", "kind", "message"].contains(&key) || body.took.contains(&entry.key.as_str());
        if taken || rule.get(key).is_some() || entry.value.content == Content::Null {
            continue;
        }
        if EXPLAINS.contains(&key) && key != "description" && key != "label" {
            with.pen.left_out(key, &entry.value, "it explains the rule, and has no place here");
            continue;
        }
        if key != entry.key {
            with.pen.aliased(&entry.key, entry.line, key);
        }
        let value = match key {
            "on" => events(&entry.value),
            "fields" => about(&entry.value, with),
            "field" => spelled(&entry.value, "field", with.fields, with.pen),
            _ => entry.value.clone(),
        };
        if value.items().is_empty() && matches!(value.content, Content::List(_)) {
            continue;
        }
        rule.set(key, value);
    }
    let said = given.any(&["message", "errorMessage", "error_message"]).cloned();
    let message = said.unwrap_or_else(|| {
        let text = format!("{} is not met", title_case(&snake_case(&name.said().unwrap_or_default())));
        with.pen.mapped(
            "message",
            &Node::new(given.line, Content::Null),
            &format!("{text:?}"),
            "there was none",
        );
        Node::of_text(given.line, text)
    });
    rule.set("message", message::message(&message, with));
    rule
}

/// What a rule says beside what all have in common.
#[derive(Default)]
pub(super) struct Body {
    says: Vec<(&'static str, Node)>,
    /// Keys of the rule that are said with it.
    took: Vec<&'static str>,
}

impl Body {
    fn new(kind: &str, line: u32, took: &[&'static str]) -> Body {
        Body {
            says: vec![(if TYPES.contains(&kind) { "type" } else { "kind" }, Node::of_text(line, kind))],
            took: took.to_vec(),
        }
    }

    fn says(mut self, key: &'static str, value: Node) -> Body {
        self.says.push((key, value));
        self
    }
}

/// Kinds whose condition is true where a record is wrong.
const TYPES: &[&str] = &["script"];

/// One event or several.
fn events(given: &Node) -> Node {
    match given.content {
        Content::Text(_) => Node::new(given.line, Content::List(vec![given.clone()])),
        _ => given.clone(),
    }
}

/// The fields that a finding is told about: those that there are.
fn about(given: &Node, with: &mut Writing<'_, '_>) -> Node {
    let mut known = Vec::new();
    for item in given.items() {
        match item.text().and_then(|name| meant(name, with.fields.names())) {
            Some(name) => known.push(Node::of_text(item.line, name)),
            None => with.pen.left_out("fields", item, "there is no such field"),
        }
    }
    Node::new(given.line, Content::List(known))
}

/// A condition in CEL, of text or of data; notes where it had to be written otherwise.
fn said(given: &Node, property: &str, with: &mut Writing<'_, '_>) -> Result<String, String> {
    if is_expression(Some(given)) {
        let written = cel(given, with.fields.names())?;
        if written.changed {
            with.pen.mapped(property, given, &format!("{:?}", written.text), "in CEL");
        }
        return Ok(written.text);
    }
    let text = condition(given, with.fields)?;
    with.pen.mapped(property, given, &format!("{text:?}"), "in CEL");
    Ok(text)
}

/// A message in the language that the texts are in, and in English, which there must be.
fn in_languages(text: Node, locale: &str) -> Node {
    if locale == "en" || text.is_map() {
        return text;
    }
    let mut labels = in_locale(text.clone(), locale);
    labels.set("en", text);
    labels
}
