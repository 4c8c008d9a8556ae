//! Messages: others write `{{new_status}}`, `${amount}` and names that are no fields.

use crate::{
    foreign::{
        names::meant,
        rule::{Writing, in_languages},
    },
    yaml::{Content, Entry, Node},
};

/// A message, whose braces hold only what can be told.
pub(super) fn message(given: &Node, with: &mut Writing<'_, '_>) -> Node {
    if let Content::Map(entries) = &given.content {
        let said = |entry: &Entry| Entry { value: one(&entry.value, with), ..entry.clone() };
        let mut labels = Node::new(given.line, Content::Map(entries.iter().map(said).collect()));
        if labels.get("en").is_none()
            && let Some(first) = labels.entries().first().map(|entry| entry.value.clone())
        {
            with.pen.mapped("message", &first, "en", "a message is there in English at least");
            labels.set("en", first);
        }
        return labels;
    }
    let text = one(given, with);
    in_languages(text, with.locale)
}

fn one(given: &Node, with: &mut Writing<'_, '_>) -> Node {
    let said = given.said().unwrap_or_default();
    let written = placeholders(&said, with);
    if written != said {
        with.pen.mapped("message", given, &format!("{written:?}"), "fields of the record in braces");
    }
    Node::of_text(given.line, written)
}

fn placeholders(text: &str, with: &Writing<'_, '_>) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let double = behind.starts_with('{');
        let inner = behind.strip_prefix('{').unwrap_or(behind);
        let Some((name, after)) = inner.split_once('}') else { break };
        written.push_str(before.strip_suffix('$').filter(|_| !double).unwrap_or(before));
        written.push_str(&placeholder(name.trim(), with));
        rest = if double { after.strip_prefix('}').unwrap_or(after) } else { after };
    }
    written.push_str(&rest.replace(['{', '}'], ""));
    written
}

/// `{status}` for a field, `{old.status}` for what it was, else the bare name.
fn placeholder(name: &str, with: &Writing<'_, '_>) -> String {
    let field = |name: &str| meant(name, with.fields.names()).map(str::to_owned);
    let plain = name.strip_prefix("record.").unwrap_or(name);
    let old = ["old_", "old.", "previous."].iter().find_map(|before| plain.strip_prefix(before));
    let new = ["new_", "new."].iter().find_map(|before| plain.strip_prefix(before));
    match (field(plain), old.and_then(field), new.and_then(field)) {
        (Some(field), ..) => format!("{{{field}}}"),
        (None, Some(field), _) => format!("{{old.{field}}}"),
        (None, None, Some(field)) => format!("{{{field}}}"),
        _ => plain.to_owned(),
    }
}
