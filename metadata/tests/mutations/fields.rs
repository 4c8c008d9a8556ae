//! Changes of one field.

use serde_json::{Value, json};

use super::*;

pub(super) fn add_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = (mutator.object(), mutator.fresh("extra_"), new_field(mutator));
    mutator.fields(&object).insert(name.clone(), field);
    told(true, "field-added", at(&object, &name), "add an optional field")
}

pub(super) fn add_required_with_default(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name) = (mutator.object(), mutator.fresh("must_"));
    let kinds = [
        json!({"type": "text", "required": true, "default": "none"}),
        json!({"type": "number", "scale": 0, "required": true, "default": 7}),
        json!({"type": "boolean", "required": true, "default": true}),
        json!({"type": "date", "required": true, "default": "TODAY()"}),
        json!({"type": "select", "options": ["a", "b"], "required": true, "default": "b"}),
    ];
    let field = kinds.choose(mutator.random)?.clone();
    mutator.fields(&object).insert(name.clone(), field);
    told(true, "required-field-added", at(&object, &name), "add a required field with a default")
}

pub(super) fn add_required(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name) = (mutator.object(), mutator.fresh("must_"));
    mutator.fields(&object).insert(name.clone(), json!({"type": "text", "required": true}));
    told(false, "required-field-added", at(&object, &name), "add a required field without a default")
}

pub(super) fn add_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| is(field, &["select", "multiselect"]))?;
    let value = mutator.fresh("option");
    mutator.fields(&object)[&name]["options"].as_array_mut()?.push(value.clone().into());
    told(true, "option-added", format!("{} = {value:?}", at(&object, &name)), "add an option")
}

pub(super) fn add_lookup(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name) = (mutator.object(), mutator.fresh("link"));
    let field = json!({"type": "lookup", "reference": "customer", "reverseName": format!("{name}_of")});
    let target = mutator.objects().into_iter().any(|object| object == "customer");
    mutator.fields(&object).insert(name.clone(), field);
    told(true, "field-added", at(&object, &name), "add a lookup").filter(|_| target)
}

pub(super) fn longer_text(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field.get("maxLength").is_some())?;
    let longer = field["maxLength"].as_u64()? + 10;
    mutator.property(&object, &name, "maxLength", longer.into());
    told(true, "field-changed", at(&object, &name), "longer text")
}

pub(super) fn no_limit(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) =
        mutator.field(|field| field.get("max").is_some() || field.get("maxLength").is_some())?;
    let key = if field.get("max").is_some() { "max" } else { "maxLength" };
    mutator.fields(&object)[&name].as_object_mut()?.remove(key);
    told(true, "field-changed", at(&object, &name), "take a limit away")
}

pub(super) fn shorter_text(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["text", "textarea"]))?;
    let shorter = field.get("maxLength").and_then(Value::as_u64).map_or(10, |most| most - 5);
    mutator.property(&object, &name, "maxLength", shorter.into());
    told(false, "narrowed", at(&object, &name), "shorter text").filter(|_| field.get("default").is_none())
}

/// Only in the model: a decimal of another precision is another column.
pub(super) fn more_digits(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field.get("precision").is_some())?;
    let more = field["precision"].as_u64()? + 1;
    mutator.property(&object, &name, "precision", more.into());
    told(true, "field-changed", at(&object, &name), "more digits").filter(|_| more < 30)
}

pub(super) fn fewer_digits(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field.get("precision").is_some())?;
    mutator.property(&object, &name, "precision", (field["precision"].as_u64()? - 1).into());
    told(false, "narrowed", at(&object, &name), "fewer digits")
}

pub(super) fn wider_range(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) =
        mutator.field(|field| field.get("max").is_some() || field.get("min").is_some())?;
    let (key, by) = if field.get("max").is_some() { ("max", 5) } else { ("min", -5) };
    mutator.property(&object, &name, key, (field[key].as_i64()? + by).into());
    told(true, "field-changed", at(&object, &name), "a wider range")
}

pub(super) fn narrower_range(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["number", "currency", "percent"]))?;
    let (key, value) = match field.get("min") {
        Some(min) => ("min", min.as_i64()? + 1),
        None => ("max", field.get("max").and_then(Value::as_i64).map_or(90, |max| max - 1)),
    };
    mutator.property(&object, &name, key, value.into());
    told(false, "narrowed", at(&object, &name), "a narrower range").filter(|_| field.get("default").is_none())
}

pub(super) fn optional(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field["required"] == true)?;
    mutator.property(&object, &name, "required", false.into());
    told(true, "field-changed", at(&object, &name), "required to optional")
}

pub(super) fn require(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let fits = |field: &Value| {
        field["required"] != true
            && field["readonly"] != true
            && !is(field, &["autonumber", "lookup", "formula"])
    };
    let (object, name, _) = mutator.field(fits)?;
    mutator.property(&object, &name, "required", true.into());
    told(false, "narrowed", at(&object, &name), "optional to required")
}

pub(super) fn rename_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| !is(field, &["lookup"]))?;
    let new = mutator.fresh("renamed_");
    rename(mutator, &object, &name, &new, true);
    told(true, "field-renamed", at(&object, &name), "rename by alias")
        .filter(|_| field["type"] != "autonumber")
}

pub(super) fn rename_without_alias(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| !is(field, &["lookup"]))?;
    let new = mutator.fresh("renamed_");
    let dependents = dependents(mutator, &object, &name);
    rename(mutator, &object, &name, &new, false);
    let expected = told(false, "field-removed", at(&object, &name), "rename without alias")?;
    Some(Expected { dependents, ..expected })
}

pub(super) fn false_alias(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field.get("alias").is_none() && !is(field, &["lookup"]))?;
    let alias = mutator.fresh("never_");
    mutator.property(&object, &name, "alias", json!([alias]));
    told(false, "alias-changed", at(&object, &name), "an alias that never was a name")
}

pub(super) fn deprecate(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field.get("deprecated").is_none())?;
    mutator.property(&object, &name, "deprecated", true.into());
    told(true, "deprecated", at(&object, &name), "deprecate a field")
}

/// What clients write while versions change: retired, it would be refused from then on, as it should be.
const WRITTEN: [&str; 2] = ["red", "tech"];

pub(super) fn retire_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["select", "multiselect"]))?;
    let at_option = field["options"].as_array()?.iter().rposition(Value::is_string)?;
    let value = field["options"][at_option].as_str()?.to_owned();
    let is_default = field.get("default").is_some_and(|default| *default == value);
    mutator.fields(&object)[&name]["options"][at_option] = json!({"value": value, "active": false});
    let subject = format!("{} = {value:?}", at(&object, &name));
    told(true, "deprecated", subject, "retire an option")
        .filter(|_| !is_default && !WRITTEN.contains(&value.as_str()))
}

pub(super) fn wider_number_format(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["autonumber"]))?;
    let format = field["format"].as_str()?.replace("{0", "{00");
    mutator.property(&object, &name, "format", format.clone().into());
    told(true, "field-changed", at(&object, &name), "more digits for a number").filter(|_| format.len() < 18)
}

pub(super) fn other_number_format(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["autonumber"]))?;
    let format = format!("X{}", field["format"].as_str()?);
    mutator.property(&object, &name, "format", format.into());
    told(false, "changed", at(&object, &name), "another format of numbers")
}

pub(super) fn softer_delete(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field["deleteBehavior"] == "restrict")?;
    mutator.property(&object, &name, "deleteBehavior", "set_null".into());
    told(true, "field-changed", at(&object, &name), "restrict to set_null")
}

pub(super) fn harder_delete(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["lookup"]))?;
    let was = field.get("deleteBehavior").and_then(Value::as_str).unwrap_or("set_null");
    let (now, code) = if was == "restrict" { ("cascade", "changed") } else { ("restrict", "narrowed") };
    mutator.property(&object, &name, "deleteBehavior", now.into());
    told(false, code, at(&object, &name), "another behaviour of deletes")
}

pub(super) fn plainer_text(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| is(field, &["email"]))?;
    mutator.property(&object, &name, "type", "text".into());
    told(true, "field-changed", at(&object, &name), "an e-mail address becomes a text")
}

/// What rules wrote is computed, in its column.
pub(super) fn take_over(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let fits = |field: &Value| field["readonly"] == true && field["unique"] != true;
    let (object, name, field) = mutator.field(fits)?;
    let names = names_of(mutator, &object, &name);
    let is_name =
        mutator.definition(&object).get("nameField").is_some_and(|of| names.iter().any(|name| of == name));
    let expression = if is(&field, &["text"]) { "\"made\"" } else { "7" };
    let mut formula = json!({"type": "formula", "expression": expression, "index": true});
    for key in ["alias", "label", "description", "deprecated"] {
        if let Some(value) = field.get(key) {
            formula[key] = value.clone();
        }
    }
    mutator.fields(&object)[&name] = formula;
    told(true, "field-changed", at(&object, &name), "take over a readonly field").filter(|_| !is_name)
}

pub(super) fn remove_unused_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    remove_option_where(mutator, true)
}

pub(super) fn remove_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    remove_option_where(mutator, false)
}

pub(super) fn remove_option_where(mutator: &mut Mutator<'_>, unused: bool) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["select", "multiselect"]))?;
    let value_of = |option: &Value| option["value"].as_str().or(option.as_str()).unwrap().to_owned();
    let options = field["options"].as_array()?;
    let position = options.iter().position(|option| value_of(option).starts_with("unused") == unused)?;
    let value = value_of(&options[position]);
    let is_default = field.get("default").is_some_and(|default| *default == value);
    mutator.fields(&object)[&name]["options"].as_array_mut()?.remove(position);
    if is_default {
        mutator.property(&object, &name, "default", Value::Null);
        mutator.fields(&object)[&name].as_object_mut()?.remove("default");
    }
    let subject = format!("{} = {value:?}", at(&object, &name));
    let expected = told(unused, "option-removed", subject, "remove an option")?;
    let dependents =
        if is_default && !unused { vec![format!("default {}", at(&object, &name))] } else { Vec::new() };
    Some(Expected { dependents, ..expected }).filter(|_| options.len() > 1 && field["required"] != true)
}

pub(super) fn change_type(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) =
        mutator.field(|field| is(field, &["number", "currency", "date", "boolean", "datetime"]))?;
    let dependents = dependents(mutator, &object, &name);
    let definition = &mut mutator.fields(&object)[&name];
    // Its former names go on answering.
    let mut text = json!({"type": "text"});
    if let Some(alias) = definition.get("alias") {
        text["alias"] = alias.clone();
    }
    *definition = text;
    let expected = told(false, "type-changed", at(&object, &name), "another type")?;
    Some(Expected { dependents, ..expected })
}

pub(super) fn make_readonly(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let fits = |field: &Value| {
        field["required"] != true && field["readonly"] != true && !is(field, &["autonumber", "formula"])
    };
    let (object, name, _) = mutator.field(fits)?;
    mutator.property(&object, &name, "readonly", true.into());
    told(false, "narrowed", at(&object, &name), "becomes readonly")
}

pub(super) fn other_target(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["lookup"]))?;
    let other = if field["reference"] == "user" { object.as_str() } else { "user" };
    mutator.property(&object, &name, "reference", other.into());
    told(false, "target-changed", at(&object, &name), "refers to another object")
}

pub(super) fn other_reverse_name(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field["reference"] == "customer")?;
    let was = field["reverseName"].as_str()?.to_owned();
    let now = mutator.fresh("list");
    mutator.property(&object, &name, "reverseName", now.into());
    let here = mutator.objects().contains(&"customer".to_owned());
    told(false, "relation-removed", format!("customer.{was}"), "another reverse name").filter(|_| here)
}

pub(super) fn remove_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|_| true)?;
    let dependents = dependents(mutator, &object, &name);
    mutator.fields(&object).shift_remove(&name);
    forget(mutator, &object, &name);
    let expected = told(false, "field-removed", at(&object, &name), "remove a field")?;
    (!mutator.fields(&object).is_empty()).then_some(Expected { dependents, ..expected })
}
