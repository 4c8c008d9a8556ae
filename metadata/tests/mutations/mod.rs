//! Random changes of a package as its author would make them, each with what must become of it. Used by the tests of this
//! room and by those of the running engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod fields;
mod names;
mod objects;

use std::collections::BTreeMap;

use fields::*;
use names::*;
use objects::*;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value, json};

/// A package on its way: file by path, as JSON.
pub type Files = BTreeMap<String, Value>;

/// What must become of a change.
#[derive(Clone, Debug)]
pub struct Expected {
    /// What was done, for messages.
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
            "score": {"type": "number", "scale": 0, "readonly": true},
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
            "remark": {"type": "text", "maxLength": 30, "readonly": true},
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
    take_over,
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
        json!({"type": "text", "readonly": true}),
    ];
    kinds.choose(mutator.random).unwrap().clone()
}
