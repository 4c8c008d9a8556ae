//! PATCH (RFC 7644, section 3.5.2): operations on a resource as JSON. What comes out is read as if it had been sent whole.

use serde_json::{Map, Value, json};

use super::{
    filter::Filter,
    problem::{no_path, wrong},
};
use crate::problem::Problem;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Add,
    Replace,
    Remove,
}

/// One operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    pub act: Act,
    /// Where; none: the value is an object of attributes.
    pub path: Option<Path>,
    pub value: Value,
}

/// `attribute`, `attribute.sub`, `attribute[filter]`, `attribute[filter].sub`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    /// As it was sent, for messages.
    pub text: String,
    /// Small.
    pub attribute: String,
    pub filter: Option<Filter>,
    /// Small.
    pub sub: Option<String>,
}

impl Operation {
    /// Reads an operation.
    ///
    /// # Errors
    ///
    /// `invalidPath`, `invalidValue`.
    pub fn of(value: &Value) -> Result<Operation, Problem> {
        let given = value.as_object().ok_or_else(|| wrong("Operations", "a list of objects"))?;
        if let Some(unknown) = given.keys().find(|key| !["op", "path", "value"].contains(&key.as_str())) {
            return Err(Problem::invalid(format!("unknown key {unknown:?} in an operation")));
        }
        // Some directories write it large.
        let act = match given.get("op").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
            Some("add") => Act::Add,
            Some("replace") => Act::Replace,
            Some("remove") => Act::Remove,
            _ => return Err(wrong("op", "add, replace or remove")),
        };
        let path = match given.get("path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(Path::parse(path)?),
            Some(_) => return Err(wrong("path", "a text")),
        };
        if act == Act::Remove && path.is_none() {
            let message = "to remove something, say with path what";
            return Err(Problem::new(axum::http::StatusCode::BAD_REQUEST, "NO_TARGET", message));
        }
        Ok(Operation { act, path, value: given.get("value").cloned().unwrap_or(Value::Null) })
    }

    /// The operation as one for each attribute that it is about, each with its path.
    pub fn by_attribute(&self) -> Result<Vec<(Path, Value)>, Problem> {
        if let Some(path) = &self.path {
            return Ok(vec![(path.clone(), self.value.clone())]);
        }
        let Value::Object(attributes) = &self.value else {
            return Err(wrong("value", "an object of attributes where there is no path"));
        };
        attributes.iter().map(|(name, value)| Ok((Path::parse(name)?, value.clone()))).collect()
    }
}

impl Path {
    fn parse(text: &str) -> Result<Path, Problem> {
        let refuse = || no_path(text);
        // `urn:…:User:name.formatted`; a filter may hold a colon.
        let (head, filter, tail) = match text.split_once('[') {
            None => (text, None, ""),
            Some((head, rest)) => {
                let (filter, tail) = rest.rsplit_once(']').ok_or_else(refuse)?;
                (head, Some(Filter::parse(filter)?), tail)
            }
        };
        let head = head.rsplit_once(':').map_or(head, |(_, name)| name);
        let (attribute, sub) = match (head.split_once('.'), tail.strip_prefix('.')) {
            (None, None) if tail.is_empty() => (head, None),
            (None, Some(sub)) => (head, Some(sub)),
            (Some((attribute, sub)), None) if filter.is_none() => (attribute, Some(sub)),
            _ => return Err(refuse()),
        };
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-$".contains(c))
        };
        if !is_name(attribute) || sub.is_some_and(|sub| !is_name(sub)) {
            return Err(refuse());
        }
        let small = str::to_ascii_lowercase;
        Ok(Path { text: text.to_owned(), attribute: small(attribute), filter, sub: sub.map(small) })
    }
}

/// Does an operation to an attribute with one value, or with parts.
pub(super) fn on_single(
    resource: &mut Map<String, Value>,
    name: &str,
    act: Act,
    path: &Path,
    value: Value,
) -> Result<(), Problem> {
    if path.filter.is_some() {
        return Err(no_path(&path.text));
    }
    match (&path.sub, act) {
        (None, Act::Remove) => drop(resource.remove(name)),
        (None, _) => match (resource.get_mut(name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, value) => drop(resource.insert(name.to_owned(), value)),
        },
        (Some(sub), act) => {
            let parts = resource.entry(name).or_insert_with(|| json!({}));
            let Value::Object(parts) = parts else { return Err(no_path(&path.text)) };
            let known = parts.keys().find(|known| known.eq_ignore_ascii_case(sub)).cloned();
            let sub = known.unwrap_or_else(|| sub.clone());
            match act {
                Act::Remove => drop(parts.remove(&sub)),
                _ => drop(parts.insert(sub, value)),
            }
        }
    }
    Ok(())
}

/// Does an operation to an attribute with many values.
pub(super) fn on_many(
    resource: &mut Map<String, Value>,
    name: &str,
    act: Act,
    path: &Path,
    value: Value,
) -> Result<(), Problem> {
    let values = resource.entry(name).or_insert_with(|| json!([]));
    let Value::Array(values) = values else { return Err(no_path(&path.text)) };
    let new = match value {
        Value::Array(new) => new,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    match (&path.filter, &path.sub, act) {
        (None, None, Act::Add) => values.extend(new),
        (None, None, Act::Replace) => *values = new,
        (None, None, Act::Remove) => values.clear(),
        (Some(filter), None, Act::Remove) => values.retain(|value| !matches(value, filter)),
        (Some(filter), sub, _) => {
            let mut chosen: Vec<&mut Value> =
                values.iter_mut().filter(|value| matches(value, filter)).collect();
            if chosen.is_empty() {
                // As directories expect: what is not there yet is made, with what it was looked for by.
                values.push(json!({ filter.path.clone(): filter.value.clone() }));
                chosen = values.iter_mut().rev().take(1).collect();
            }
            for value in chosen {
                let Value::Object(parts) = value else { return Err(no_path(&path.text)) };
                match (sub, act, new.first()) {
                    (Some(sub), Act::Remove, _) => drop(parts.remove(sub)),
                    (Some(sub), _, Some(new)) => drop(parts.insert(sub.clone(), new.clone())),
                    (None, _, Some(Value::Object(new))) => parts.extend(new.clone()),
                    _ => return Err(wrong(&path.text, "given with a value")),
                }
            }
        }
        (None, Some(_), _) => return Err(no_path(&path.text)),
    }
    Ok(())
}

fn matches(value: &Value, filter: &Filter) -> bool {
    let Some(parts) = value.as_object() else { return false };
    parts.iter().any(|(name, value)| name.eq_ignore_ascii_case(&filter.path) && *value == filter.value)
}
