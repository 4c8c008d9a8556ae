//! Each kind of rule by itself.

use crate::{
    foreign::{
        condition::condition,
        expression::cel,
        names::meant,
        object::spelled,
        rule::{Body, Made, OTHERWISE, Writing, is_expression, said, whole},
    },
    naming::relation_of_lookup,
    yaml::{Content, Node},
};

/// What `format` names, as patterns.
const FORMATS: &[(&str, &str)] = &[
    ("email", r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    ("url", r"^(https?|ftp)://\S+$"),
    ("phone", r"^\+?[0-9][0-9 ()./-]{2,}$"),
];

fn text(line: u32, text: impl Into<String>) -> Node {
    Node::of_text(line, text)
}

/// A condition that is true where a record is wrong; so is ours of the same type.
pub(super) fn script(given: &Node, kind: &str, with: &mut Writing<'_, '_>) -> Result<Body, String> {
    let condition = given.get("condition").ok_or("it has no condition")?;
    let says = text(condition.line, said(condition, "condition", with)?);
    if kind == "cross_field" {
        let body = Body { says: vec![("type", text(given.line, kind))], took: vec!["condition"] };
        return Ok(body.says("condition", says));
    }
    Ok(Body::new("script", given.line, &["condition"]).says("condition", says))
}

/// A condition that must hold: `rule`, `constraint`, `formula`, or `condition` as data.
pub(super) fn declared(given: &Node, with: &mut Writing<'_, '_>) -> Result<Body, String> {
    const KEYS: &[&str] = &["rule", "constraint", "formula", "condition"];
    let key = KEYS.iter().copied().find(|key| given.get(key).is_some()).ok_or("it has no condition")?;
    let holds = given.get(key).ok_or("it has no condition")?;
    if let Some(ways) = holds.get("relationships") {
        with.pen.mapped("relationships", ways, "paths", "a path of lookups says the way");
    }
    let type_ = given.get("type").cloned().unwrap_or_else(|| text(given.line, key));
    with.pen.mapped("type", &type_, "kind: cross_field", "the condition is what must hold");
    let says = text(holds.line, said(holds, key, with)?);
    Ok(Body::new("cross_field", given.line, &[key]).says("condition", says))
}

/// States, each with those that may follow.
pub(super) fn machine(given: &Node, with: &mut Writing<'_, '_>) -> Result<Body, String> {
    let field = given.get("field").ok_or("it is about no field")?;
    let field = spelled(field, "field", with.fields, with.pen);
    let name = field.text().unwrap_or_default().to_owned();
    let theirs = given.get("transitions").ok_or("it has no transitions")?;
    let mut transitions = Node::map(theirs.line);
    for entry in theirs.entries() {
        let next = entry.value.any(&["allowed_next", "allowedNext", "to"]);
        if let Some(next) = next {
            with.pen.mapped(&format!("transitions.{}", entry.key), next, "a list of states", "");
        }
        let said = ["allowed_next", "allowedNext", "to", "is_terminal", "isTerminal"];
        for more in entry.value.entries().iter().filter(|more| !said.contains(&more.key.as_str())) {
            let property = format!("transitions.{}.{}", entry.key, more.key);
            with.pen.left_out(&property, &more.value, "it explains the state, and has no place here");
        }
        let state = state(&text(entry.line, &entry.key), &name, with);
        transitions
            .set(state.text().unwrap_or(&entry.key), states(next.unwrap_or(&entry.value), &name, with));
    }
    let mut body = Body::new(
        "state_machine",
        given.line,
        &["field", "transitions", "initialStates", "initial_states", "initial"],
    )
    .says("field", field)
    .says("transitions", transitions);
    if let Some(initial) = given.any(&["initialStates", "initial_states", "initial"]) {
        body = body.says("initial", states(initial, &name, with));
    }
    if let Some(conditions) = given.get("transition_conditions") {
        return Err(format!(
            "its transitions have conditions ({} of them), which can't be kept",
            conditions.entries().len()
        ));
    }
    Ok(body)
}

fn states(given: &Node, field: &str, with: &mut Writing<'_, '_>) -> Node {
    let items = match &given.content {
        Content::List(items) => items.iter().map(|item| state(item, field, with)).collect(),
        _ => vec![state(given, field, with)],
    };
    Node::new(given.line, Content::List(items))
}

/// A state in the spelling of its option.
fn state(given: &Node, field: &str, with: &mut Writing<'_, '_>) -> Node {
    let said = given.said().unwrap_or_default();
    let option = meant(&said, with.fields.options(field)).unwrap_or(&said).to_owned();
    if given.text() != Some(option.as_str()) {
        with.pen.mapped("transitions", given, &format!("{option:?}"), "the option's own spelling");
    }
    text(given.line, option)
}

/// A pattern or a known format, a range or a length of one field.
pub(super) fn format(given: &Node, with: &mut Writing<'_, '_>) -> Result<Body, String> {
    let inner = given.any(&["rule", "validation"]).filter(|inner| inner.is_map()).unwrap_or(given);
    if inner.get("operator").is_some() {
        return declared(given, with);
    }
    let took = &[
        "rule",
        "validation",
        "regex",
        "pattern",
        "format",
        "min",
        "max",
        "min_length",
        "max_length",
        "minLength",
        "maxLength",
    ];
    let pattern = inner.any(&["regex", "pattern"]);
    let named = inner.text_of("format").and_then(|name| FORMATS.iter().find(|(known, _)| *known == name));
    if let (None, Some((name, pattern))) = (pattern, named) {
        with.pen.mapped("format", &text(given.line, *name), &format!("pattern: {pattern}"), "");
        return Ok(Body::new("pattern", given.line, took).says("pattern", text(given.line, *pattern)));
    }
    if let Some(pattern) = pattern {
        with.pen.mapped("type", &text(given.line, "format"), "kind: pattern", "");
        return Ok(Body::new("pattern", given.line, took).says("pattern", pattern.clone()));
    }
    for (kind, least, most) in [
        ("range", inner.get("min"), inner.get("max")),
        ("length", inner.any(&["min_length", "minLength"]), inner.any(&["max_length", "maxLength"])),
    ] {
        if least.is_none() && most.is_none() {
            continue;
        }
        with.pen.mapped("type", &text(given.line, "field"), &format!("kind: {kind}"), "");
        let body = Body::new(kind, given.line, took);
        let body = least.iter().fold(body, |body, least| body.says("min", (*least).clone()));
        return Ok(most.iter().fold(body, |body, most| body.says("max", (*most).clone())));
    }
    Err("what it asks of the field can't be kept".to_owned())
}

/// A condition on the record that a lookup leads to.
pub(super) fn dependency(given: &Node, with: &mut Writing<'_, '_>) -> Result<Body, String> {
    let condition_given = given.get("condition").ok_or("it has no condition")?;
    let lookup = condition_given
        .get("lookup")
        .ok_or("what other records refer to it is asked by `deleteBehavior: restrict`")?;
    let field = lookup.any(&["match_field", "field"]).and_then(Node::text).ok_or("it names no lookup")?;
    let way = relation_of_lookup(meant(field, with.fields.names()).unwrap_or(field)).to_owned();
    let mut check = lookup.get("validate").cloned().ok_or("it says nothing of the other record")?;
    let target = check.text_of("field").ok_or("it is about no field of the other record")?.to_owned();
    check.set("field", text(check.line, format!("{way}.{target}")));
    let says = condition(&check, with.fields)?;
    with.pen.mapped("condition", condition_given, &format!("{says:?}"), "in CEL");
    Ok(Body::new("cross_field", given.line, &["condition"]).says("condition", text(given.line, says)))
}

/// No two records have the same: an index, unless it holds only among some.
pub(super) fn unique(given: &Node, with: &mut Writing<'_, '_>) -> Result<Made, String> {
    let mut names: Vec<Node> = given.get("field").into_iter().cloned().collect();
    names.extend(given.get("fields").map(Node::items).unwrap_or_default().iter().cloned());
    if names.is_empty() {
        return Err("it is about no field".to_owned());
    }
    let line = given.line;
    let names = spelled(&Node::new(line, Content::List(names)), "fields", with.fields, with.pen);
    if let Some(sensitive) =
        given.any(&["case_sensitive", "caseSensitive"]).filter(|flag| flag.flag() == Some(false))
    {
        with.pen.left_out("case_sensitive", sensitive, "values that differ in case are different");
    }
    let scope = given.any(&["scope", "condition", "when"]);
    if let Some(scope) = scope {
        let when = said(scope, "scope", with)?;
        let took = ["field", "fields", "scope", "condition", "when", "case_sensitive", "caseSensitive"];
        let body = Body::new("unique", line, &took).says("fields", names).says("when", text(line, when));
        return Ok(Made::Rules(vec![whole(given, None, body, with)]));
    }
    let mut index = Node::map(line);
    index.set("fields", names);
    index.set("unique", Node::new(line, Content::Boolean(true)));
    let message = given.get("message").cloned().unwrap_or_else(|| text(line, "unique"));
    with.pen.mapped("message", &message, "a unique index", "which tells of itself in its own words");
    Ok(Made::Unique(index))
}

/// `when … then … otherwise`, or `condition` and `rule`.
pub(super) fn conditional(given: &Node, with: &mut Writing<'_, '_>) -> Result<Vec<Node>, String> {
    let when_given = given.any(&["when", "condition"]).ok_or("it does not say when")?;
    let when = said(when_given, "when", with)?;
    let mut made = Vec::new();
    let branches = [
        ("then", when.clone(), ""),
        ("rule", when.clone(), ""),
        ("otherwise", format!("!coalesce({when}, false)"), OTHERWISE),
    ];
    for (key, when, suffix) in branches {
        let Some(inner) = given.get(key) else { continue };
        let holds = must_hold(inner, with)?;
        with.pen.mapped(key, inner, &format!("{holds:?}"), "the condition is what must hold");
        let mut outer = given.clone();
        if let (Some(message), None) = (inner.get("message"), given.get("message")) {
            outer.set("message", message.clone());
        }
        let took = ["when", "condition", "then", "rule", "otherwise"];
        let body = Body::new("conditional", given.line, &took)
            .says("when", text(when_given.line, when))
            .says("condition", text(inner.line, holds));
        made.push(whole(&outer, (!suffix.is_empty()).then_some(suffix), body, with));
    }
    if made.is_empty() { Err("it does not say what then".to_owned()) } else { Ok(made) }
}

/// What an inner rule asks for, as a condition that must hold.
fn must_hold(inner: &Node, with: &mut Writing<'_, '_>) -> Result<String, String> {
    match inner.text_of("type") {
        Some("script" | "cross_field") if is_expression(inner.get("condition")) => {
            let condition = inner.get("condition").ok_or("an inner rule without a condition")?;
            Ok(format!("!({})", cel(condition, with.fields.names())?.text))
        }
        Some("format") => {
            let field = inner.text_of("field").and_then(|name| meant(name, with.fields.names()));
            let field = field.ok_or("an inner rule about no field")?;
            let named =
                inner.text_of("format").and_then(|name| FORMATS.iter().find(|(known, _)| *known == name));
            let pattern =
                inner.any(&["regex", "pattern"]).and_then(Node::text).or(named.map(|(_, pattern)| *pattern));
            let pattern = pattern.ok_or("a format that is not known")?;
            Ok(format!("matches({field}, {pattern:?})"))
        }
        Some(other) if inner.any(&["rule", "condition", "constraint"]).is_none() => {
            Err(format!("an inner rule of type `{other}` can't be kept"))
        }
        Some(_) => {
            condition(inner.any(&["rule", "constraint", "condition"]).ok_or("no condition")?, with.fields)
        }
        None => condition(inner, with.fields),
    }
}
