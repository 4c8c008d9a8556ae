//! Random changes of a package as its author would make them, each with what must become of it. Used by the tests of this
//! room and by those of the running engine.

use std::collections::BTreeMap;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value, json};

/// A package on its way: file by path, as JSON.
pub type Files = BTreeMap<String, Value>;

/// What must become of a change.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What was done, for messages.
    #[allow(dead_code)]
    pub told: String,
    /// Whether it may be.
    pub safe: bool,
    /// The code of one difference.
    pub code: &'static str,
    /// What that difference is about.
    pub subject: String,
    /// Dependents that must be named, as `kind name`.
    pub dependents: Vec<String>,
}

/// The package before any change.
pub fn base() -> Files {
    let mut files = Files::new();
    files.insert("package.yml".into(), json!({"name": "shop", "version": "1.0.0", "depends": {"core": "*"}}));
    files.insert(
        "customer.object.json".into(),
        json!({"label": "Customer", "idPrefix": "cus", "nameField": "name", "searchable": ["name", "notes"], "fields": {
            "name": {"type": "text", "required": true, "maxLength": 100},
            "number": {"type": "autonumber", "format": "C-{0000}"},
            "email": {"type": "email", "unique": true},
            "notes": {"type": "textarea", "maxLength": 500},
            "size": {"type": "number", "scale": 0, "min": 0, "max": 1000},
            "revenue": {"type": "currency", "precision": 12, "scale": 2, "min": 0},
            "industry": {"type": "select", "options": ["tech", "food", "law", "unused_a"]},
            "colors": {"type": "multiselect", "options": ["red", "green", "unused_b"]},
            "vip": {"type": "boolean", "default": false},
            "parent": {"type": "lookup", "reference": "customer", "reverseName": "children", "deleteBehavior": "restrict"}
        }, "indexes": [{"name": "customer_by_size", "fields": ["size", "industry"]}]}),
    );
    files.insert(
        "order.object.json".into(),
        json!({"label": "Order", "idPrefix": "ord", "nameField": "title", "fields": {
            "title": {"type": "text", "required": true, "maxLength": 80},
            "code": {"type": "text", "maxLength": 20, "unique": true},
            "customer_id": {"type": "lookup", "reference": "customer", "reverseName": "orders"},
            "amount": {"type": "currency", "precision": 14, "scale": 2},
            "discount": {"type": "percent", "min": 0, "max": 100},
            "due": {"type": "date"},
            "placed_at": {"type": "datetime"},
            "stage": {"type": "select", "options": ["open", "won", "lost", "unused_c"], "default": "open"},
            "extra": {"type": "json"}
        }, "indexes": [{"name": "order_per_customer", "fields": ["customer_id", "title"], "unique": true}]}),
    );
    files.insert(
        "i18n/de.yml".into(),
        json!({"objects": {"customer": {"label": "Kunde", "fields": {"industry": {"label": "Branche"}}},
            "order": {"label": "Auftrag", "fields": {"amount": {"label": "Betrag"}}}}}),
    );
    files
}

/// The files as texts.
pub fn texts(files: &Files) -> BTreeMap<String, String> {
    files.iter().map(|(path, value)| (path.clone(), value.to_string())).collect()
}

/// Gives the package another version.
#[allow(dead_code)]
pub fn set_version(files: &mut Files, version: &str) {
    files.get_mut("package.yml").unwrap()["version"] = version.into();
}

type Change = fn(&mut Mutator<'_>) -> Option<Expected>;

/// What can be done, safe ones and breaking ones.
pub const SAFE: &[Change] = &[
    add_object,
    add_field,
    add_required_with_default,
    add_option,
    add_lookup,
    add_index,
    longer_text,
    no_limit,
    more_digits,
    wider_range,
    optional,
    rename_field,
    rename_object,
    deprecate,
    retire_option,
    relabel,
    translate,
    wider_number_format,
    softer_delete,
    other_name_field,
    remove_unused_option,
    drop_index,
    plainer_text,
];
/// See [`SAFE`].
pub const BREAKING: &[Change] = &[
    remove_object,
    remove_field,
    remove_option,
    change_type,
    shorter_text,
    fewer_digits,
    narrower_range,
    require,
    add_required,
    rename_without_alias,
    drop_unique,
    add_unique,
    make_readonly,
    other_target,
    harder_delete,
    other_prefix,
    other_reverse_name,
    other_number_format,
    false_alias,
    drop_unique_index,
];

/// Makes changes in files.
pub struct Mutator<'a> {
    /// What is changed.
    pub files: &'a mut Files,
    /// Draws.
    pub random: &'a mut StdRng,
    /// Makes new names.
    pub number: usize,
}

impl Mutator<'_> {
    /// One change that can be made now.
    pub fn change(&mut self, safe: bool) -> Expected {
        let choices = if safe { SAFE } else { BREAKING };
        loop {
            let change = choices.choose(self.random).unwrap();
            let before = self.files.clone();
            if let Some(expected) = change(self) {
                return expected;
            }
            *self.files = before;
        }
    }

    fn objects(&self) -> Vec<String> {
        let object = |path: &String| path.strip_suffix(".object.json").map(str::to_owned);
        self.files.keys().filter_map(object).collect()
    }

    fn object(&mut self) -> String {
        self.objects().choose(self.random).unwrap().clone()
    }

    fn definition(&mut self, object: &str) -> &mut Value {
        self.files.get_mut(&format!("{object}.object.json")).unwrap()
    }

    fn fields(&mut self, object: &str) -> &mut Map<String, Value> {
        self.definition(object)["fields"].as_object_mut().unwrap()
    }

    fn property(&mut self, object: &str, field: &str, key: &str, value: Value) {
        self.fields(object)[field][key] = value;
    }

    /// A field of any object that `fits`.
    fn field(&mut self, fits: impl Fn(&Value) -> bool) -> Option<(String, String, Value)> {
        let mut found = Vec::new();
        for object in self.objects() {
            for (name, field) in self.fields(&object).iter().filter(|(_, field)| fits(field)) {
                found.push((object.clone(), name.clone(), field.clone()));
            }
        }
        found.choose(self.random).cloned()
    }

    fn fresh(&mut self, stem: &str) -> String {
        self.number += 1;
        format!("{stem}{}", self.number)
    }

    fn chance(&mut self) -> bool {
        self.random.random_bool(0.5)
    }
}

fn is(field: &Value, types: &[&str]) -> bool {
    types.contains(&field["type"].as_str().unwrap())
}

fn told(safe: bool, code: &'static str, subject: String, told: &str) -> Option<Expected> {
    Some(Expected { told: format!("{told}: {subject}"), safe, code, subject, dependents: Vec::new() })
}

fn at(object: &str, field: &str) -> String {
    format!("{object}.{field}")
}

/// The name that an object or a field had first.
fn first(definition: &Value, name: &str) -> String {
    let first = definition.get("alias").and_then(|alias| alias.get(0)).and_then(Value::as_str);
    first.unwrap_or(name).to_owned()
}

/// What the index of a field is called.
fn index_name(mutator: &mut Mutator<'_>, object: &str, field: &str, suffix: &str) -> String {
    let column = first(&mutator.fields(object)[field], field);
    format!("{object}: {}_{column}_{suffix}", first(mutator.definition(object), object))
}

fn new_field(mutator: &mut Mutator<'_>) -> Value {
    let kinds = [
        json!({"type": "text", "maxLength": 40}),
        json!({"type": "number", "scale": 0, "min": 0, "max": 9}),
        json!({"type": "currency"}),
        json!({"type": "date"}),
        json!({"type": "select", "options": ["a", "b", "unused_d"]}),
        json!({"type": "boolean"}),
        json!({"type": "json"}),
        json!({"type": "text", "unique": true}),
    ];
    kinds.choose(mutator.random).unwrap().clone()
}

fn add_object(mutator: &mut Mutator<'_>) -> Option<Expected> {
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

fn add_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = (mutator.object(), mutator.fresh("extra_"), new_field(mutator));
    mutator.fields(&object).insert(name.clone(), field);
    told(true, "field-added", at(&object, &name), "add an optional field")
}

fn add_required_with_default(mutator: &mut Mutator<'_>) -> Option<Expected> {
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

fn add_required(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name) = (mutator.object(), mutator.fresh("must_"));
    mutator.fields(&object).insert(name.clone(), json!({"type": "text", "required": true}));
    told(false, "required-field-added", at(&object, &name), "add a required field without a default")
}

fn add_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| is(field, &["select", "multiselect"]))?;
    let value = mutator.fresh("option");
    mutator.fields(&object)[&name]["options"].as_array_mut()?.push(value.clone().into());
    told(true, "option-added", format!("{} = {value:?}", at(&object, &name)), "add an option")
}

fn add_lookup(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name) = (mutator.object(), mutator.fresh("link"));
    let field = json!({"type": "lookup", "reference": "customer", "reverseName": format!("{name}_of")});
    let target = mutator.objects().into_iter().any(|object| object == "customer");
    mutator.fields(&object).insert(name.clone(), field);
    told(true, "field-added", at(&object, &name), "add a lookup").filter(|_| target)
}

fn add_index(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let fits = |field: &Value| is(field, &["date", "currency", "boolean"]) && field.get("index").is_none();
    let (object, name, _) = mutator.field(fits)?;
    mutator.property(&object, &name, "index", true.into());
    let index = index_name(mutator, &object, &name, "idx");
    told(true, "index-added", index, "add an index")
}

fn drop_index(mutator: &mut Mutator<'_>) -> Option<Expected> {
    if !mutator.objects().iter().any(|object| object == "customer") {
        return None;
    }
    let indexes = mutator.definition("customer").get_mut("indexes")?.as_array_mut()?;
    let at = indexes.iter().position(|index| index["name"] == "customer_by_size")?;
    indexes.remove(at);
    told(true, "index-removed", "customer: customer_by_size".into(), "drop an index")
}

fn longer_text(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field.get("maxLength").is_some())?;
    let longer = field["maxLength"].as_u64()? + 10;
    mutator.property(&object, &name, "maxLength", longer.into());
    told(true, "field-changed", at(&object, &name), "longer text")
}

fn no_limit(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) =
        mutator.field(|field| field.get("max").is_some() || field.get("maxLength").is_some())?;
    let key = if field.get("max").is_some() { "max" } else { "maxLength" };
    mutator.fields(&object)[&name].as_object_mut()?.remove(key);
    told(true, "field-changed", at(&object, &name), "take a limit away")
}

fn shorter_text(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["text", "textarea"]))?;
    let shorter = field.get("maxLength").and_then(Value::as_u64).map_or(10, |most| most - 5);
    mutator.property(&object, &name, "maxLength", shorter.into());
    told(false, "narrowed", at(&object, &name), "shorter text").filter(|_| field.get("default").is_none())
}

/// Only in the model: a decimal of another precision is another column.
fn more_digits(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field.get("precision").is_some())?;
    let more = field["precision"].as_u64()? + 1;
    mutator.property(&object, &name, "precision", more.into());
    told(true, "field-changed", at(&object, &name), "more digits").filter(|_| more < 30)
}

fn fewer_digits(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field.get("precision").is_some())?;
    mutator.property(&object, &name, "precision", (field["precision"].as_u64()? - 1).into());
    told(false, "narrowed", at(&object, &name), "fewer digits")
}

fn wider_range(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) =
        mutator.field(|field| field.get("max").is_some() || field.get("min").is_some())?;
    let (key, by) = if field.get("max").is_some() { ("max", 5) } else { ("min", -5) };
    mutator.property(&object, &name, key, (field[key].as_i64()? + by).into());
    told(true, "field-changed", at(&object, &name), "a wider range")
}

fn narrower_range(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["number", "currency", "percent"]))?;
    let (key, value) = match field.get("min") {
        Some(min) => ("min", min.as_i64()? + 1),
        None => ("max", field.get("max").and_then(Value::as_i64).map_or(90, |max| max - 1)),
    };
    mutator.property(&object, &name, key, value.into());
    told(false, "narrowed", at(&object, &name), "a narrower range").filter(|_| field.get("default").is_none())
}

fn optional(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field["required"] == true)?;
    mutator.property(&object, &name, "required", false.into());
    told(true, "field-changed", at(&object, &name), "required to optional")
}

fn require(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let fits = |field: &Value| field["required"] != true && !is(field, &["autonumber", "lookup"]);
    let (object, name, _) = mutator.field(fits)?;
    mutator.property(&object, &name, "required", true.into());
    told(false, "narrowed", at(&object, &name), "optional to required")
}

fn rename_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| !is(field, &["lookup"]))?;
    let new = mutator.fresh("renamed_");
    rename(mutator, &object, &name, &new, true);
    told(true, "field-renamed", at(&object, &name), "rename by alias")
        .filter(|_| field["type"] != "autonumber")
}

fn rename_without_alias(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| !is(field, &["lookup"]))?;
    let new = mutator.fresh("renamed_");
    let dependents = dependents(mutator, &object, &name);
    rename(mutator, &object, &name, &new, false);
    let expected = told(false, "field-removed", at(&object, &name), "rename without alias")?;
    Some(Expected { dependents, ..expected })
}

/// Renames a field in its place; what names it goes on naming it where the old name answers, and follows where it does not.
fn rename(mutator: &mut Mutator<'_>, object: &str, name: &str, new: &str, by_alias: bool) {
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

fn rename_object(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let name = mutator.object();
    let new = mutator.fresh("renamed");
    let mut definition = mutator.files.remove(&format!("{name}.object.json"))?;
    let alias = definition.as_object_mut()?.entry("alias").or_insert_with(|| json!([]));
    alias.as_array_mut()?.push(name.clone().into());
    mutator.files.insert(format!("{new}.object.json"), definition);
    told(true, "object-renamed", name, "rename an object by alias")
}

fn false_alias(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field.get("alias").is_none() && !is(field, &["lookup"]))?;
    let alias = mutator.fresh("never_");
    mutator.property(&object, &name, "alias", json!([alias]));
    told(false, "alias-changed", at(&object, &name), "an alias that never was a name")
}

fn deprecate(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field.get("deprecated").is_none())?;
    mutator.property(&object, &name, "deprecated", true.into());
    told(true, "deprecated", at(&object, &name), "deprecate a field")
}

fn retire_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["select", "multiselect"]))?;
    let at_option = field["options"].as_array()?.iter().rposition(Value::is_string)?;
    let value = field["options"][at_option].as_str()?.to_owned();
    let is_default = field.get("default").is_some_and(|default| *default == value);
    mutator.fields(&object)[&name]["options"][at_option] = json!({"value": value, "active": false});
    let subject = format!("{} = {value:?}", at(&object, &name));
    told(true, "deprecated", subject, "retire an option").filter(|_| !is_default)
}

fn relabel(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|_| true)?;
    let (key, text) = (if mutator.chance() { "label" } else { "description" }, mutator.fresh("Text "));
    mutator.property(&object, &name, key, text.into());
    told(true, "field-changed", at(&object, &name), "another text")
}

fn translate(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|_| true)?;
    let text = mutator.fresh("Text ");
    mutator.files.get_mut("i18n/de.yml")?["objects"][&object]["fields"][&name] = json!({"label": text});
    told(true, "field-changed", at(&object, &name), "a translation")
}

fn wider_number_format(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["autonumber"]))?;
    let format = field["format"].as_str()?.replace("{0", "{00");
    mutator.property(&object, &name, "format", format.clone().into());
    told(true, "field-changed", at(&object, &name), "more digits for a number").filter(|_| format.len() < 18)
}

fn other_number_format(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["autonumber"]))?;
    let format = format!("X{}", field["format"].as_str()?);
    mutator.property(&object, &name, "format", format.into());
    told(false, "changed", at(&object, &name), "another format of numbers")
}

fn softer_delete(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field["deleteBehavior"] == "restrict")?;
    mutator.property(&object, &name, "deleteBehavior", "set_null".into());
    told(true, "field-changed", at(&object, &name), "restrict to set_null")
}

fn harder_delete(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["lookup"]))?;
    let was = field.get("deleteBehavior").and_then(Value::as_str).unwrap_or("set_null");
    let (now, code) = if was == "restrict" { ("cascade", "changed") } else { ("restrict", "narrowed") };
    mutator.property(&object, &name, "deleteBehavior", now.into());
    told(false, code, at(&object, &name), "another behaviour of deletes")
}

fn other_name_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
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

fn plainer_text(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| is(field, &["email"]))?;
    mutator.property(&object, &name, "type", "text".into());
    told(true, "field-changed", at(&object, &name), "an e-mail address becomes a text")
}

fn remove_unused_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    remove_option_where(mutator, true)
}

fn remove_option(mutator: &mut Mutator<'_>) -> Option<Expected> {
    remove_option_where(mutator, false)
}

fn remove_option_where(mutator: &mut Mutator<'_>, unused: bool) -> Option<Expected> {
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

fn change_type(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) =
        mutator.field(|field| is(field, &["number", "currency", "date", "boolean", "datetime"]))?;
    let dependents = dependents(mutator, &object, &name);
    mutator.fields(&object)[&name] = json!({"type": "text"});
    let expected = told(false, "type-changed", at(&object, &name), "another type")?;
    Some(Expected { dependents, ..expected })
}

fn drop_unique(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| field["unique"] == true)?;
    mutator.property(&object, &name, "unique", false.into());
    let index = index_name(mutator, &object, &name, "key");
    let expected = told(false, "unique-removed", index, "no longer unique")?;
    Some(Expected { dependents: vec![format!("upsert {object} on {name}")], ..expected })
}

fn drop_unique_index(mutator: &mut Mutator<'_>) -> Option<Expected> {
    if !mutator.objects().iter().any(|object| object == "order") {
        return None;
    }
    let indexes = mutator.definition("order").get_mut("indexes")?.as_array_mut()?;
    let at = indexes.iter().position(|index| index["name"] == "order_per_customer")?;
    indexes.remove(at);
    told(false, "unique-removed", "order: order_per_customer".into(), "drop a unique index")
}

fn add_unique(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|field| is(field, &["text", "date"]) && field["unique"] != true)?;
    mutator.property(&object, &name, "unique", true.into());
    let index = index_name(mutator, &object, &name, "key");
    told(false, "unique-added", index, "becomes unique")
}

fn make_readonly(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let fits = |field: &Value| field["required"] != true && !is(field, &["autonumber"]);
    let (object, name, _) = mutator.field(fits)?;
    mutator.property(&object, &name, "readonly", true.into());
    told(false, "narrowed", at(&object, &name), "becomes readonly")
}

fn other_target(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| is(field, &["lookup"]))?;
    let other = if field["reference"] == "user" { object.as_str() } else { "user" };
    mutator.property(&object, &name, "reference", other.into());
    told(false, "target-changed", at(&object, &name), "refers to another object")
}

fn other_prefix(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let object = mutator.object();
    mutator.definition(&object)["idPrefix"] = mutator.fresh("p").into();
    told(false, "id-prefix-changed", object, "another prefix of ids")
}

fn other_reverse_name(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, field) = mutator.field(|field| field["reference"] == "customer")?;
    let was = field["reverseName"].as_str()?.to_owned();
    let now = mutator.fresh("list");
    mutator.property(&object, &name, "reverseName", now.into());
    let here = mutator.objects().contains(&"customer".to_owned());
    told(false, "relation-removed", format!("customer.{was}"), "another reverse name").filter(|_| here)
}

fn remove_field(mutator: &mut Mutator<'_>) -> Option<Expected> {
    let (object, name, _) = mutator.field(|_| true)?;
    let dependents = dependents(mutator, &object, &name);
    mutator.fields(&object).shift_remove(&name);
    forget(mutator, &object, &name);
    let expected = told(false, "field-removed", at(&object, &name), "remove a field")?;
    (!mutator.fields(&object).is_empty()).then_some(Expected { dependents, ..expected })
}

fn remove_object(mutator: &mut Mutator<'_>) -> Option<Expected> {
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

/// The names that a field answers to.
fn names_of(mutator: &mut Mutator<'_>, object: &str, name: &str) -> Vec<String> {
    let alias =
        mutator.fields(object).get(name).and_then(|field| field.get("alias")).cloned().unwrap_or_default();
    let alias = alias.as_array().cloned().unwrap_or_default();
    alias.iter().filter_map(Value::as_str).map(str::to_owned).chain([name.to_owned()]).collect()
}

/// What of the base depends on a field: its indexes by name, the name field, the search.
fn dependents(mutator: &mut Mutator<'_>, object: &str, name: &str) -> Vec<String> {
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
fn forget(mutator: &mut Mutator<'_>, object: &str, name: &str) {
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
    for (_, texts) in mutator.files.get_mut("i18n/de.yml").unwrap()["objects"].as_object_mut().unwrap() {
        if let Some(fields) = texts.get_mut("fields").and_then(Value::as_object_mut) {
            fields.retain(|field, _| known.contains(field) || field != name);
        }
    }
}
