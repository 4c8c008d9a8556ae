//! A mapping with known keys: each is taken once by what understands it, and what nobody took is an issue.

use crate::{
    definition::value::Value,
    issue::{Issues, Place},
    naming::camel_case,
    nearest::did_you_mean,
};

/// The keys that a mapping of some kind may have.
#[derive(Debug)]
pub(crate) struct Keys {
    /// What the mapping is, for messages: `a field`.
    pub(crate) of: &'static str,
    /// The keys, each with other spellings of it. The snake_case form of each is understood without being listed.
    pub(crate) known: &'static [(&'static str, &'static [&'static str])],
    /// Keys that mean something in this family of formats that can't be kept yet.
    pub(crate) later: &'static [&'static str],
}

impl Keys {
    /// The one spelling of a known key.
    pub(crate) fn canonical(&self, key: &str) -> Option<&'static str> {
        let camel = camel_case(key);
        let spells = |name: &str| name == key || name == camel;
        let is = |(name, aliases): &&(&'static str, &[&str])| {
            spells(name) || aliases.iter().any(|alias| spells(alias))
        };
        self.known.iter().find(is).map(|(name, _)| *name)
    }

    fn is_later(&self, key: &str) -> bool {
        self.later.contains(&key) || self.later.contains(&camel_case(key).as_str())
    }
}

/// A mapping whose keys have been checked; values are taken from it one by one.
#[derive(Debug)]
pub(crate) struct Mapping<'a> {
    place: Place,
    entries: Vec<(&'static str, Value<'a>)>,
}

impl<'a> Mapping<'a> {
    /// Checks every key against `keys`: unknown and unsupported ones and those given twice are reported here and nowhere else.
    pub(crate) fn read(value: &Value<'a>, keys: &Keys, issues: &mut Issues) -> Option<Self> {
        let mut entries: Vec<(&'static str, Value<'a>)> = Vec::new();
        let mut given: Vec<(&'static str, &str)> = Vec::new();
        for (key, value) in value.entries(issues)? {
            let Some(canonical) = keys.canonical(key) else {
                unknown(key, &value, keys, issues);
                continue;
            };
            if let Some((_, other)) = given.iter().find(|(known, _)| *known == canonical) {
                let message = format!("`{key}` and `{other}` are one property; keep one of them");
                issues.error(&value.place(), "duplicate-key", message);
                continue;
            }
            given.push((canonical, key));
            entries.push((canonical, value));
        }
        Some(Self { place: value.place(), entries })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The value of `key`, by its one spelling.
    pub(crate) fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The value of `key`, which must be there.
    pub(crate) fn must_get(&self, key: &str, issues: &mut Issues) -> Option<&Value<'a>> {
        let found = self.get(key);
        if found.is_none() {
            issues.error(&self.place, "missing-property", format!("`{key}` is missing"));
        }
        found
    }

    /// Every key with its value.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value<'a>)> {
        self.entries.iter().map(|(key, value)| (*key, value))
    }
}

fn unknown(key: &str, value: &Value<'_>, keys: &Keys, issues: &mut Issues) {
    if keys.is_later(key) {
        let message = format!("`{key}` can't be kept yet, and nothing declared is inert; take it out");
        issues.error(&value.place(), "not-supported-yet", message);
        return;
    }
    let known = keys.known.iter().map(|(name, _)| *name).chain(keys.later.iter().copied());
    let message =
        format!("`{key}` is not a property of {}{}", keys.of, did_you_mean(&camel_case(key), known));
    issues.error(&value.place(), "unknown-property", message);
}
