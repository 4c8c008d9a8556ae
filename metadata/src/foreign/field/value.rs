//! What a new record gets, in whatever spelling; and choices that list nothing to choose.

use crate::{
    foreign::{field::option_of, names::folded, pen::Pen},
    yaml::{Content, Node},
};

/// A choice without options: of several values a free list, of one a text.
pub(super) fn without_options(field: &mut Node, pen: &mut Pen<'_>) {
    let Some(type_) = field.get("type").cloned() else { return };
    let many = field.get("multiple").and_then(Node::flag) == Some(true);
    let is_choice = matches!(type_.text(), Some("select" | "radio" | "multiselect" | "checkboxes" | "tags"));
    if !is_choice || field.get("options").is_some() {
        return;
    }
    let many = many || !matches!(type_.text(), Some("select" | "radio"));
    let to = if many { "array" } else { "text" };
    pen.mapped("type", &type_, to, "no options are listed, so any value is one");
    field.set("type", Node::of_text(type_.line, to));
    field.remove("multiple");
}

/// `"pdf, .docx"` as a list of endings.
pub(super) fn accepted(field: &mut Node, pen: &mut Pen<'_>) {
    let Some(given) = field.get("accept").cloned() else { return };
    let texts: Vec<&str> = match &given.content {
        Content::Text(text) => text.split(',').map(str::trim).collect(),
        _ => given.items().iter().filter_map(Node::text).collect(),
    };
    let is_bare = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    let is_ours = matches!(given.content, Content::List(_)) && !texts.iter().any(|text| is_bare(text));
    if is_ours || texts.len() < given.items().len() {
        return;
    }
    let ending = |text: &str| if is_bare(text) { format!(".{text}") } else { text.to_owned() };
    let list: Vec<String> = texts.into_iter().filter(|text| !text.is_empty()).map(ending).collect();
    pen.mapped("accept", &given, &list.join(", "), "media types, and endings of names");
    let items = list.into_iter().map(|text| Node::of_text(given.line, text)).collect();
    field.set("accept", Node::new(given.line, Content::List(items)));
}

/// Brings `default` to a form that its field takes.
pub(super) fn default(field: &mut Node, pen: &mut Pen<'_>) {
    let Some(given) = field.get("default").cloned() else { return };
    let said = given.said().unwrap_or_default();
    let to = match field.text_of("type").unwrap_or_default() {
        "select" | "radio" | "multiselect" | "checkboxes" | "tags" => return of_choice(field, &given, pen),
        "boolean" | "toggle" => match folded(&said).as_str() {
            _ if given.flag().is_some() => return,
            "true" | "1" | "yes" => Content::Boolean(true),
            "false" | "0" | "no" => Content::Boolean(false),
            _ => return,
        },
        "date" if is_moment(&said, "today") => Content::Text("TODAY()".to_owned()),
        "date" if is_moment(&said, "now") => Content::Text("TODAY()".to_owned()),
        "datetime" | "time" if is_moment(&said, "now") => Content::Text("NOW()".to_owned()),
        "lookup" | "user" if is_user(&said) => Content::Text("$currentUser".to_owned()),
        "text" | "textarea" | "markdown" | "html" | "richtext" | "code" | "email" | "phone" | "url"
        | "color"
            if given.text().is_none() && !said.is_empty() =>
        {
            Content::Text(said.clone())
        }
        _ => return,
    };
    if to == given.content {
        return;
    }
    let written = Node::new(given.line, to);
    // The same moment in another spelling is no news.
    if folded(&said) != folded(&written.said().unwrap_or_default()) || given.text().is_none() {
        pen.mapped("default", &given, &crate::foreign::pen::shown(&written), "");
    }
    field.set("default", written);
}

fn is_moment(said: &str, moment: &str) -> bool {
    said.trim_start_matches(['$', '{']).trim_end_matches([')', '(', '}']).eq_ignore_ascii_case(moment)
}

fn is_user(said: &str) -> bool {
    let bare = said.trim_start_matches(['$', '{']).trim_end_matches([')', '(', '}']);
    matches!(folded(bare).as_str(), "currentuser" | "currentuserid" | "userid" | "currentuser.id" | "user.id")
}

/// The option that is meant; one that can't be told is left out.
fn of_choice(field: &mut Node, given: &Node, pen: &mut Pen<'_>) {
    let many = matches!(field.text_of("type"), Some("multiselect" | "checkboxes" | "tags"))
        || field.get("multiple").and_then(Node::flag) == Some(true);
    let items = match &given.content {
        Content::List(items) if many || items.len() == 1 => items.clone(),
        Content::List(_) | Content::Map(_) => return,
        _ => vec![given.clone()],
    };
    let mut written = Vec::new();
    for item in &items {
        match item.said().and_then(|said| option_of(&said, field)) {
            Some(option) => {
                if item.text() != Some(option.as_str()) {
                    pen.mapped("default", item, &format!("{option:?}"), "the option's own spelling");
                }
                written.push(Node::of_text(item.line, option));
            }
            None => pen.left_out("default", item, "it is not one of the options"),
        }
    }
    field.remove("default");
    let one = match many {
        true if !written.is_empty() => Some(Node::new(given.line, Content::List(written))),
        true => None,
        false => written.into_iter().next(),
    };
    let Some(default) = one else { return };
    single_default(field, pen);
    field.set("default", default);
}

/// An option that says `default` too is said to be it twice.
fn single_default(field: &mut Node, pen: &mut Pen<'_>) {
    let Some(Node { content: Content::List(options), line }) = field.remove("options") else { return };
    let mut kept = Vec::with_capacity(options.len());
    for mut option in options {
        if let Some(flag) = option.remove("default") {
            pen.mapped("options.default", &flag, "default", "the field's own default says it");
        }
        kept.push(option);
    }
    field.set("options", Node::new(line, Content::List(kept)));
}
