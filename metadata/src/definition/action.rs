//! `<object>.action.yml`: what can be asked to be done with a record, as its author wrote it.

use indexmap::IndexMap;

use crate::{
    definition::{
        Located,
        field::{FieldDefinition, Within},
        identifier::{NameOf, check},
        mapping::{Keys, Mapping},
        rule::{About, RefusalDefinition, expression, items, name},
        step::{StepDefinition, steps},
        value::{Value, parse},
    },
    expression::read,
    issue::Issues,
    model::Labels,
    name::FieldName,
    read::Source,
};

/// The actions of one file.
#[derive(Debug)]
pub(crate) struct ActionFile {
    pub(crate) about: About,
    pub(crate) actions: Vec<ActionDefinition>,
}

/// One action.
#[derive(Debug)]
pub(crate) struct ActionDefinition {
    pub(crate) name: Located<String>,
    pub(crate) label: Option<Labels>,
    pub(crate) description: Option<String>,
    pub(crate) when: Option<Located<String>>,
    pub(crate) refusal: Option<RefusalDefinition>,
    pub(crate) parameters: IndexMap<FieldName, FieldDefinition>,
    pub(crate) steps: Vec<StepDefinition>,
    pub(crate) returns: IndexMap<String, Located<String>>,
}

const FILE_KEYS: Keys =
    Keys { of: "a file of actions", known: &[("extends", &["object"]), ("actions", &[])], later: &[] };

const KEYS: Keys = Keys {
    of: "an action",
    known: &[
        ("name", &[]),
        ("label", &[]),
        ("description", &[]),
        ("when", &["condition"]),
        ("message", &[]),
        ("errorCode", &[]),
        ("parameters", &["params"]),
        ("steps", &[]),
        ("returns", &[]),
    ],
    later: &[
        "ai",
        "body",
        "bulkEnabled",
        "confirmText",
        "disabled",
        "icon",
        "locations",
        "method",
        "onSuccess",
        "requiredPermissions",
        "successMessage",
        "target",
        "type",
        "visible",
    ],
};

impl ActionFile {
    /// Reads a file whose name gives `stem`.
    pub(crate) fn read(stem: &str, source: &Source, issues: &mut Issues) -> Option<Self> {
        let node = parse(&source.file, &source.text, issues)?;
        let root = Value::root(&source.file, &node);
        let mapping = Mapping::read(&root, &FILE_KEYS, issues)?;
        let about = About::read(stem, &root, &mapping, issues);
        let items = items(&mapping, "actions", issues);
        let actions = items.iter().filter_map(|item| ActionDefinition::read(item, issues)).collect();
        Some(Self { about, actions })
    }
}

impl ActionDefinition {
    fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Self> {
        let mapping = Mapping::read(value, &KEYS, issues)?;
        let when = expression(&mapping, "when", issues);
        let told = mapping.get("message").or(mapping.get("errorCode"));
        let refusal = match (&when, told) {
            (Some(_), _) => RefusalDefinition::read(&mapping, issues),
            (None, Some(told)) => {
                let message = "without `when` the action is never refused; take the message and its code out";
                issues.error(&told.place(), "not-for-this-type", message);
                None
            }
            (None, None) => None,
        };
        let parameters = mapping.get("parameters").map(|value| parameters(value, issues)).unwrap_or_default();
        let steps =
            mapping.must_get("steps", issues).map(|value| steps(value, 0, issues)).unwrap_or_default();
        let returns = mapping.get("returns").map(|value| returns(value, issues)).unwrap_or_default();
        Some(Self {
            name: name(&mapping, issues)?,
            label: mapping.get("label").and_then(|value| value.labels(issues)),
            description: mapping.get("description").and_then(|value| value.text(issues)).map(str::to_owned),
            when,
            refusal,
            parameters,
            steps,
            returns,
        })
    }
}

fn parameters(value: &Value<'_>, issues: &mut Issues) -> IndexMap<FieldName, FieldDefinition> {
    let mut parameters = IndexMap::new();
    for (name, value) in value.entries(issues).unwrap_or_default() {
        if !check(name, NameOf::Field, &value.place(), issues) {
            continue;
        }
        if let Some(field) = FieldDefinition::read(name, &value, Within::Object, issues) {
            field.without_conditions("a parameter", issues);
            parameters.insert(FieldName::from(name), field);
        }
    }
    parameters
}

fn returns(value: &Value<'_>, issues: &mut Issues) -> IndexMap<String, Located<String>> {
    let mut returns = IndexMap::new();
    for (name, value) in value.entries(issues).unwrap_or_default() {
        if let (true, Some(text)) = (check(name, NameOf::Index, &value.place(), issues), read(&value, issues))
        {
            returns.insert(name.to_owned(), text);
        }
    }
    returns
}
