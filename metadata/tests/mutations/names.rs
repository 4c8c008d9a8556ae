//! Names: what depends on one, and what becomes of those that go by it when it changes or goes.

use serde_json::{Value, json};

use super::*;

/// Renames a field in its place; what names it goes on naming it where the old name answers, and follows where it does not.
pub(super) fn rename(mutator: &mut Mutator<'_>, object: &str, name: &str, new: &str, by_alias: bool) {
    let fields = std::mem::take(mutator.fields(object));
    for (known, mut field) in fields {
        if known != name {
            mutator.fields(object).insert(known, field);
            continue;
        }
        let definition = field.as_object_mut().unwrap();
        match by_alias {
            true => {
                let alias = definition.entry("alias").or_insert_with(|| json!([]));
                alias.as_array_mut().unwrap().push(name.into());
            }
            false => drop(definition.remove("alias")),
        }
        mutator.fields(object).insert(new.to_owned(), field);
    }
    if !by_alias {
        forget(mutator, object, name);
    }
}

/// The names that a field answers to.
pub(super) fn names_of(mutator: &mut Mutator<'_>, object: &str, name: &str) -> Vec<String> {
    let alias =
        mutator.fields(object).get(name).and_then(|field| field.get("alias")).cloned().unwrap_or_default();
    let alias = alias.as_array().cloned().unwrap_or_default();
    alias.iter().filter_map(Value::as_str).map(str::to_owned).chain([name.to_owned()]).collect()
}

/// What of the base depends on a field: its indexes by name, the name field, the search.
pub(super) fn dependents(mutator: &mut Mutator<'_>, object: &str, name: &str) -> Vec<String> {
    let names = names_of(mutator, object, name);
    let named = |value: &Value| names.iter().any(|name| value == name.as_str());
    let definition = mutator.definition(object);
    let mut found = Vec::new();
    for index in definition.get("indexes").and_then(Value::as_array).into_iter().flatten() {
        if index["fields"].as_array().unwrap().iter().any(named) {
            let kind = if index["unique"] == true { "unique" } else { "index" };
            found.push(format!("{kind} {}", index["name"].as_str().unwrap()));
        }
    }
    if definition.get("nameField").is_some_and(named) {
        found.push(format!("name_field {object}"));
    }
    if definition.get("searchable").and_then(Value::as_array).is_some_and(|all| all.iter().any(named)) {
        found.push(format!("search {object}"));
    }
    found
}

/// Takes a field that went out of what names it, so that the package compiles.
pub(super) fn forget(mutator: &mut Mutator<'_>, object: &str, name: &str) {
    let known: Vec<String> = mutator.fields(object).keys().cloned().collect();
    let mut known: Vec<String> = known.iter().flat_map(|field| names_of(mutator, object, field)).collect();
    known.retain(|known| known != name);
    let gone = |value: &Value| !known.iter().any(|known| value == known.as_str());
    let definition = mutator.definition(object).as_object_mut().unwrap();
    if definition.get("nameField").is_some_and(gone) {
        definition.remove("nameField");
    }
    if let Some(all) = definition.get_mut("searchable").and_then(Value::as_array_mut) {
        all.retain(|field| !gone(field));
    }
    if let Some(indexes) = definition.get_mut("indexes").and_then(Value::as_array_mut) {
        indexes.retain(|index| !index["fields"].as_array().unwrap().iter().any(gone));
    }
    let former = definition.get("alias").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_its = |name: &String| name == object || former.iter().any(|alias| alias == name.as_str());
    for (name, texts) in mutator.files.get_mut("i18n/de.yml").unwrap()["objects"].as_object_mut().unwrap() {
        if let Some(fields) = texts.get_mut("fields").and_then(Value::as_object_mut).filter(|_| is_its(name))
        {
            // Texts may have gone by one of the names that it had.
            fields.retain(|field, _| known.contains(field));
        }
    }
}
