//! The values of a select as GraphQL enum values.
//!
//! A value that is a GraphQL name stays as it is. In any other, what a name may not hold becomes `_` (letters beyond
//! ASCII their code point, `_u65B0`): `Closed Won` is `Closed_Won`. Where two values would meet, the later one gets a
//! number; options are only ever added at the end, so a value's name never changes.

use std::collections::HashMap;

use indexmap::IndexMap;
use quarry_metadata::SelectOption;

/// The enum of one select field.
#[derive(Debug)]
pub(crate) struct EnumType {
    pub name: String,
    /// Stored value and label by GraphQL name.
    pub values: IndexMap<String, EnumValue>,
    names: HashMap<String, String>,
    /// Every name is its value.
    pub is_plain: bool,
}

/// One value.
#[derive(Debug)]
pub(crate) struct EnumValue {
    pub stored: String,
    pub label: String,
}

impl EnumType {
    pub fn new(name: String, options: &[SelectOption]) -> Self {
        let mut values: IndexMap<String, EnumValue> = IndexMap::with_capacity(options.len());
        let mut names = HashMap::with_capacity(options.len());
        for option in options {
            let wanted = enum_name(&option.value);
            let free = |name: &String| !values.contains_key(name);
            let numbered = (2_usize..).map(|number| format!("{wanted}_{number}"));
            let Some(name) = std::iter::once(wanted.clone()).chain(numbered).find(free) else { continue };
            let label = option.label.get("en").to_owned();
            names.insert(option.value.clone(), name.clone());
            values.insert(name, EnumValue { stored: option.value.clone(), label });
        }
        let is_plain = values.iter().all(|(name, value)| *name == value.stored);
        Self { name, values, names, is_plain }
    }

    /// The stored value of a GraphQL name.
    pub fn stored(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.stored.as_str())
    }

    /// The GraphQL name of a stored value; nothing for one that is no option (any more).
    pub fn name_of(&self, stored: &str) -> Option<&str> {
        self.names.get(stored).map(String::as_str)
    }
}

fn enum_name(value: &str) -> String {
    let mut name = String::with_capacity(value.len());
    for letter in value.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => name.push(letter),
            letter if letter.is_ascii() => name.push('_'),
            letter => name.push_str(&format!("_u{:04X}", u32::from(letter))),
        }
    }
    let leading = name.chars().next();
    if leading.is_none_or(|first| first.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if name.starts_with("__") {
        name.insert(0, 'v');
    }
    if matches!(name.as_str(), "true" | "false" | "null") {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests;
