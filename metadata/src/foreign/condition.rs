//! Conditions that are written as data, in CEL: `{field, operator, value}`, `{if, then}`, `{all_of: […]}` and lists of filters.

use crate::{
    foreign::{expression::cel, names::meant, object::Fields},
    yaml::{Content, Node},
};

/// Conditions within conditions that are followed.
const DEPTH_MAX: usize = 8;

/// A condition in CEL, true where the data form is true.
///
/// # Errors
///
/// What in it can't be said.
pub(super) fn condition(node: &Node, fields: &Fields) -> Result<String, String> {
    within(node, fields, 0)
}

fn within(node: &Node, fields: &Fields, depth: usize) -> Result<String, String> {
    if depth > DEPTH_MAX {
        return Err(format!("more than {DEPTH_MAX} conditions within conditions"));
    }
    let one = |key: &str| node.get(key).map(|inner| within(inner, fields, depth + 1));
    let all = |key: &str, sign: &str| node.get(key).map(|list| several(list, sign, fields, depth + 1));
    match &node.content {
        Content::Map(_) if node.get("source").is_some() => Ok(cel(node, fields.names())?.text),
        Content::Map(_) => {
            if let Some(condition) = one("if") {
                let then = one("then").ok_or("`if` without `then`")??;
                let condition = condition?;
                return Ok(match one("else").or_else(|| one("otherwise")) {
                    Some(otherwise) => format!("(coalesce({condition}, false) ? {then} : {})", otherwise?),
                    None => format!("(!({condition}) || {then})"),
                });
            }
            let any = all("any_of", "||").or_else(|| all("or", "||"));
            let any = any.or_else(|| all("all_of", "&&")).or_else(|| all("and", "&&"));
            let any = any.or_else(|| all("none_of", "||").map(|any| Ok(format!("!({})", any?))));
            if let Some(found) = any {
                return match all("then_require", "&&") {
                    Some(required) => Ok(format!("(!({}) || {})", found?, required?)),
                    None => found,
                };
            }
            comparison(node, fields)
        }
        Content::List(_) => filters(node, fields, depth),
        _ => Ok(format!("({})", cel(node, fields.names())?.text)),
    }
}

fn several(list: &Node, sign: &str, fields: &Fields, depth: usize) -> Result<String, String> {
    let parts: Result<Vec<_>, _> = list.items().iter().map(|item| within(item, fields, depth)).collect();
    let parts = parts?;
    match parts.is_empty() {
        true => Err("a list of no conditions".to_owned()),
        false => Ok(format!("({})", parts.join(&format!(" {sign} ")))),
    }
}

/// `["status", "=", "paid"]`, or several with `and` or `or` between them.
fn filters(list: &Node, fields: &Fields, depth: usize) -> Result<String, String> {
    if let [field, operator, value] = list.items()
        && let (Some(name), Some(operator)) = (field.text(), operator.text())
    {
        return compare(&path(name, fields), name, operator, Some(value), fields);
    }
    let mut text = String::new();
    let mut sign = None;
    for item in list.items() {
        match item.text().map(str::to_ascii_lowercase).as_deref() {
            Some("and") => sign = Some("&&"),
            Some("or") => sign = Some("||"),
            Some(other) => return Err(format!("`{other}` between conditions")),
            None => {
                let part = within(item, fields, depth + 1)?;
                text = match text.is_empty() {
                    true => part,
                    false => format!("({text} {} {part})", sign.take().unwrap_or("&&")),
                };
            }
        }
    }
    if text.is_empty() { Err("a list of no conditions".to_owned()) } else { Ok(text) }
}

/// `{field, operator, value}`, `{field, operator, compare_to}`, `{expression}`, `{expression, operator, value}`.
fn comparison(node: &Node, fields: &Fields) -> Result<String, String> {
    let (left, name) = match (node.get("expression"), node.text_of("field")) {
        (Some(expression), _) => (format!("({})", cel(expression, fields.names())?.text), ""),
        (None, Some(name)) => (path(name, fields), name),
        (None, None) => return Err("a condition about no field".to_owned()),
    };
    let Some(operator) = node.get("operator").and_then(Node::said) else {
        return match node.get("value") {
            Some(value) => compare(&left, name, "=", Some(value), fields),
            None => Ok(left),
        };
    };
    match node.any(&["compare_to", "compareTo"]).and_then(Node::text) {
        Some(other) => {
            let sign =
                sign(&operator).ok_or_else(|| format!("the operator `{operator}` between two fields"))?;
            Ok(format!("{left} {sign} {}", path(other, fields)))
        }
        None => compare(&left, name, &operator, node.get("value"), fields),
    }
}

fn sign(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "=" | "==" | "===" | "eq" | "equals" => "==",
        "!=" | "!==" | "<>" | "ne" | "not_equals" => "!=",
        ">" | "gt" => ">",
        ">=" | "gte" => ">=",
        "<" | "lt" => "<",
        "<=" | "lte" => "<=",
        _ => return None,
    })
}

fn compare(
    left: &str,
    name: &str,
    operator: &str,
    value: Option<&Node>,
    fields: &Fields,
) -> Result<String, String> {
    match operator {
        "is_null" | "is_empty" | "empty" => return Ok(format!("isBlank({left})")),
        "is_not_null" | "not_empty" | "is_not_empty" | "exists" => return Ok(format!("!isBlank({left})")),
        _ => {}
    }
    let value = value.ok_or_else(|| format!("`{operator}` with no value"))?;
    let right = literal(value, name, fields)?;
    if let Some(sign) = sign(operator) {
        return Ok(format!("{left} {sign} {right}"));
    }
    match operator {
        "in" => Ok(format!("{left} in {right}")),
        "not_in" | "nin" => Ok(format!("!({left} in {right})")),
        "contains" if fields.is_list(name) => Ok(format!("{right} in {left}")),
        "contains" => Ok(format!("contains({left}, {right})")),
        "not_contains" => Ok(format!("!contains({left}, {right})")),
        "starts_with" | "startswith" => Ok(format!("startsWith({left}, {right})")),
        "ends_with" | "endswith" => Ok(format!("endsWith({left}, {right})")),
        "between" => match value.items() {
            [least, most] => Ok(format!(
                "({left} >= {} && {left} <= {})",
                literal(least, name, fields)?,
                literal(most, name, fields)?
            )),
            _ => Err("`between` with other than two values".to_owned()),
        },
        _ => Err(format!("the operator `{operator}`")),
    }
}

/// A value in CEL; an option in the spelling that its field has.
fn literal(value: &Node, name: &str, fields: &Fields) -> Result<String, String> {
    Ok(match &value.content {
        Content::Null => "null".to_owned(),
        Content::Boolean(flag) => flag.to_string(),
        Content::Number(text) => text.clone(),
        Content::Text(text) if text.starts_with('$') => cel(value, fields.names())?.text,
        Content::Text(text) => {
            let option = meant(text, fields.options(name));
            format!("{:?}", option.unwrap_or(text))
        }
        Content::List(items) => {
            let items: Result<Vec<_>, _> = items.iter().map(|item| literal(item, name, fields)).collect();
            format!("[{}]", items?.join(", "))
        }
        Content::Map(_) => return Err("a value that is a mapping".to_owned()),
    })
}

/// A field's name or a path, its first step as the object spells it.
fn path(name: &str, fields: &Fields) -> String {
    let (first, behind) = name.split_once('.').map_or((name, None), |(first, behind)| (first, Some(behind)));
    let first = meant(first, fields.names()).unwrap_or(first);
    match behind {
        // A way to another record is called as its lookup is, without `_id`.
        Some(behind) => format!("{}.{behind}", crate::naming::relation_of_lookup(first)),
        None => first.to_owned(),
    }
}
