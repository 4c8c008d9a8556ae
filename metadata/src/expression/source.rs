//! An expression as its author wrote it: a text, or an envelope that says which language it is.

use crate::{
    definition::{
        Located,
        mapping::{Keys, Mapping},
        value::Value,
    },
    issue::Issues,
    yaml::Content,
};

const KEYS: Keys = Keys { of: "an expression", known: &[("dialect", &[]), ("source", &[])], later: &[] };

/// Reads `amount > 0` or `{dialect: cel, source: "amount > 0"}`. `true`, `false` and numbers stand for themselves.
pub(crate) fn read(value: &Value<'_>, issues: &mut Issues) -> Option<Located<String>> {
    let value = match value.content() {
        Content::Map(_) => {
            let mapping = Mapping::read(value, &KEYS, issues)?;
            let dialect = mapping.get("dialect").and_then(|dialect| dialect.text(issues)).unwrap_or("cel");
            if dialect != "cel" {
                let message = format!("expressions are written in `cel`; `{dialect}` is not understood here");
                issues.error(mapping.place(), "wrong-value", message);
                return None;
            }
            mapping.must_get("source", issues)?.clone()
        }
        _ => value.clone(),
    };
    let text = match value.content() {
        Content::Boolean(flag) => flag.to_string(),
        Content::Number(number) => number.clone(),
        _ => value.text(issues)?.to_owned(),
    };
    Some(value.located(text))
}
