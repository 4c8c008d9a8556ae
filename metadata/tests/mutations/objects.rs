//! Changes of whole objects, of their texts, their ids and their indexes.

use serde_json::{Value, json};

use super::*;

pub(super) fn add_object(mutator: &mut Mutator<'_>) -> Option<Expected> {
    if mutator.objects().len() > 8 {
        return None;
    }
    let name = mutator.fresh("thing");
    let prefix = format!("t{}", mutator.number);
    let definition = json!({"idPrefix": prefix, "fields": {"name": {"type": "text", "maxLength": 50},
        "owner_thing": {"type": "lookup", "reference": "core".replace("core", "user"), "reverseName": name.clone() + "_list"}}});
    mutator.files.insert(format!("{name}.object.json"), definition);
    told(true, "object-added", name, "add an object")
}

pub(super) fn add_index(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let fits = |field: &Value| is(field, &["date", "currency", "boolean"]) && field.get("index").is_none();
    let (object, name, _) = mutator.field(fits)?;
    mutator.property(&object, &name, "index", true.into());
    let index = index_name(mutator, &object, &name, "idx");
    told(true, "index-added", index, "add an index")
}

pub(super) fn drop_index(mutator: &mut Mutator<'_>) -> Option<Expected> {
    if !mutator.objects().iter().any(|object| object == "customer") {
        return None;
    }
    let indexes = mutator.definition("customer").get_mut("indexes")?.as_array_mut()?;
    let at = indexes.iter().position(|index| index["name"] == "customer_by_size")?;
    indexes.remove(at);
    told(true, "index-removed", "customer: customer_by_size".into(), "drop an index")
}

pub(super) fn rename_object(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let name = mutator.object();
    let new = mutator.fresh("renamed");
    let mut definition = mutator.files.remove(&format!("{name}.object.json"))?;
    let alias = definition.as_object_mut()?.entry("alias").or_insert_with(|| json!([]));
    alias.as_array_mut()?.push(name.clone().into());
    mutator.files.insert(format!("{new}.object.json"), definition);
    told(true, "object-renamed", name, "rename an object by alias")
}

pub(super) fn relabel(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|_| true)?;
    let (key, text) = (if mutator.chance() { "label" } else { "description" }, mutator.fresh("Text "));
    mutator.property(&object, &name, key, text.into());
    told(true, "field-changed", at(&object, &name), "another text")
}

pub(super) fn translate(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|_| true)?;
    let text = mutator.fresh("Text ");
    mutator.files.get_mut("i18n/de.yml")?["objects"][&object]["fields"][&name] = json!({"label": text});
    told(true, "field-changed", at(&object, &name), "a translation")
}

pub(super) fn other_name_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| is(field, &["text", "email"]))?;
    let definition = mutator.definition(&object);
    let other = definition["nameField"] != name.as_str() && definition.get("nameField").is_some();
    // A former name of the same field is no change.
    let former = definition["fields"][&name]["alias"]
        .as_array()
        .is_some_and(|all| all.contains(&definition["nameField"]));
    definition["nameField"] = name.as_str().into();
    told(true, "object-changed", object, "another name field").filter(|_| other && !former)
}

pub(super) fn drop_unique(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field["unique"] == true)?;
    mutator.property(&object, &name, "unique", false.into());
    let index = index_name(mutator, &object, &name, "key");
    let expected = told(false, "unique-removed", index, "no longer unique")?;
    Some(Expected { dependents: vec![format!("upsert {object} on {name}")], ..expected })
}

pub(super) fn drop_unique_index(mutator: &mut Mutator<'_>) -> Option<Expected> {
    if !mutator.objects().iter().any(|object| object == "order") {
        return None;
    }
    let indexes = mutator.definition("order").get_mut("indexes")?.as_array_mut()?;
    let at = indexes.iter().position(|index| index["name"] == "order_per_customer")?;
    indexes.remove(at);
    told(false, "unique-removed", "order: order_per_customer".into(), "drop a unique index")
}

pub(super) fn add_unique(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| is(field, &["text", "date"]) && field["unique"] != true)?;
    mutator.property(&object, &name, "unique", true.into());
    let index = index_name(mutator, &object, &name, "key");
    told(false, "unique-added", index, "becomes unique")
}

pub(super) fn other_prefix(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let object = mutator.object();
    mutator.definition(&object)["idPrefix"] = mutator.fresh("p").into();
    told(false, "id-prefix-changed", object, "another prefix of ids")
}

pub(super) fn remove_object(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let object = mutator.object();
    let names: Vec<String> = {
        let alias =
            mutator.definition(&object).get("alias").and_then(Value::as_array).cloned().unwrap_or_default();
        alias.iter().filter_map(Value::as_str).map(str::to_owned).chain([object.clone()]).collect()
    };
    mutator.files.remove(&format!("{object}.object.json"));
    let mut dependents = Vec::new();
    for other in mutator.objects() {
        let lookups: Vec<String> = mutator
            .fields(&other)
            .iter()
            .filter(|(_, field)| names.iter().any(|name| field["reference"] == name.as_str()))
            .map(|(name, _)| name.clone())
            .collect();
        for lookup in lookups {
            dependents.push(format!("lookup {other}.{lookup}"));
            mutator.fields(&other).shift_remove(&lookup);
            forget(mutator, &other, &lookup);
        }
        if mutator.fields(&other).is_empty() {
            return None;
        }
    }
    for name in &names {
        mutator.files.get_mut("i18n/de.yml")?["objects"].as_object_mut()?.remove(name);
    }
    let expected = told(false, "object-removed", object, "remove an object")?;
    (!mutator.objects().is_empty()).then_some(Expected { dependents, ..expected })
}
