//! `i18n/<locale>.yml`: texts for people in one locale.

use crate::{
    definition::{
        Located,
        identifier::canonical_locale,
        mapping::{Keys, Mapping},
        value::{Value, parse},
    },
    issue::{Issues, Place},
    read::Source,
};

/// The texts of one locale as their author wrote them; names are not checked yet.
#[derive(Debug)]
pub(crate) struct TextsDefinition {
    pub(crate) locale: String,
    pub(crate) objects: Vec<ObjectTexts>,
}

/// What one object is called.
#[derive(Debug)]
pub(crate) struct ObjectTexts {
    pub(crate) name: Located<String>,
    pub(crate) label: Option<String>,
    pub(crate) plural_label: Option<String>,
    pub(crate) fields: Vec<FieldTexts>,
}

/// What one field and its options are called.
#[derive(Debug)]
pub(crate) struct FieldTexts {
    pub(crate) name: Located<String>,
    pub(crate) label: Option<String>,
    pub(crate) help: Option<String>,
    pub(crate) options: Vec<(Located<String>, String)>,
}

const FILE_KEYS: Keys = Keys {
    of: "a file of texts",
    known: &[("objects", &[])],
    later: &[
        "apps",
        "dashboards",
        "datasets",
        "flows",
        "globalActions",
        "messages",
        "pages",
        "settings",
        "validations",
    ],
};

const OBJECT_KEYS: Keys = Keys {
    of: "an object's texts",
    known: &[("label", &[]), ("pluralLabel", &[]), ("fields", &[])],
    later: &["description", "actions", "views", "validations"],
};

const FIELD_KEYS: Keys = Keys {
    of: "a field's texts",
    known: &[("label", &[]), ("help", &["helpText"]), ("options", &[])],
    later: &["description", "placeholder"],
};

impl TextsDefinition {
    /// Reads the texts of `locale`, the stem of the file's name.
    pub(crate) fn read(locale: &str, source: &Source, issues: &mut Issues) -> Option<Self> {
        let Some(locale) = canonical_locale(locale) else {
            let place = Place { file: source.file.clone(), line: 1, path: String::new() };
            let message =
                format!("`{locale}` is not a locale; the file is named after one, such as `zh-CN.yml`");
            issues.error(&place, "bad-name", message);
            return None;
        };
        let node = parse(&source.file, &source.text, issues)?;
        let mapping = Mapping::read(&Value::root(&source.file, &node), &FILE_KEYS, issues)?;
        let objects = mapping.get("objects").and_then(|value| value.entries(issues)).unwrap_or_default();
        let objects = objects.into_iter().filter_map(|(name, value)| object(name, &value, issues)).collect();
        Some(Self { locale, objects })
    }
}

fn object(name: &str, value: &Value<'_>, issues: &mut Issues) -> Option<ObjectTexts> {
    let mapping = Mapping::read(value, &OBJECT_KEYS, issues)?;
    let fields = mapping.get("fields").and_then(|value| value.entries(issues)).unwrap_or_default();
    Some(ObjectTexts {
        name: value.located(name.to_owned()),
        label: text(&mapping, "label", issues),
        plural_label: text(&mapping, "pluralLabel", issues),
        fields: fields.into_iter().filter_map(|(name, value)| field(name, &value, issues)).collect(),
    })
}

fn field(name: &str, value: &Value<'_>, issues: &mut Issues) -> Option<FieldTexts> {
    let mapping = Mapping::read(value, &FIELD_KEYS, issues)?;
    let mut options = Vec::new();
    for (option, value) in mapping.get("options").and_then(|value| value.entries(issues)).unwrap_or_default()
    {
        if let Some(text) = value.text(issues) {
            options.push((value.located(option.to_owned()), text.to_owned()));
        }
    }
    Some(FieldTexts {
        name: value.located(name.to_owned()),
        label: text(&mapping, "label", issues),
        help: text(&mapping, "help", issues),
        options,
    })
}

fn text(mapping: &Mapping<'_>, key: &str, issues: &mut Issues) -> Option<String> {
    mapping.get(key)?.text(issues).map(str::to_owned)
}
