//! What a currency field is counted in.

use crate::{
    currency::{codes, is_currency},
    definition::{
        Located,
        mapping::{Keys, Mapping},
        value::Value,
    },
    issue::Issues,
    model::Currency,
    name::FieldName,
    nearest::did_you_mean,
};

const KEYS: Keys = Keys {
    of: "`currencyConfig`",
    known: &[("precision", &[]), ("currencyMode", &[]), ("defaultCurrency", &[])],
    later: &[],
};

/// What `currencyConfig` and `currencyField` say.
#[derive(Debug, Default)]
pub(crate) struct CurrencyDefinition {
    pub(crate) currency: Currency,
    /// Digits behind the point.
    pub(crate) scale: Option<Located<u32>>,
}

/// Reads `currencyConfig` and `currencyField`: one currency for all records, or one that each record names.
pub(crate) fn read(mapping: &Mapping<'_>, issues: &mut Issues) -> CurrencyDefinition {
    let field = mapping.get("currencyField").and_then(|value| value.text(issues)).map(FieldName::from);
    let config = mapping.get("currencyConfig").and_then(|value| Mapping::read(value, &KEYS, issues));
    let Some(config) = config else {
        return CurrencyDefinition { currency: Currency { code: None, field }, scale: None };
    };
    let scale = config.get("precision").and_then(|value| Some(value.located(value.count(issues)?)));
    let code = config.get("defaultCurrency").and_then(|value| code(value, issues));
    if let Some(value) = config.get("currencyMode") {
        match (value.text(issues), &field) {
            (Some("dynamic"), None) => {
                let message = "a currency per record needs `currencyField`, the field that names it";
                issues.error(&value.place(), "missing-property", message);
            }
            (Some("fixed"), Some(_)) => {
                let message = "`fixed` is one currency for all records; take `currencyField` out";
                issues.error(&value.place(), "wrong-value", message);
            }
            (Some("fixed" | "dynamic") | None, _) => {}
            (Some(other), _) => {
                let near = did_you_mean(other, ["fixed", "dynamic"]);
                let message = format!("`{other}` is not one of `fixed`, `dynamic`{near}");
                issues.error(&value.place(), "wrong-value", message);
            }
        }
    }
    CurrencyDefinition { currency: Currency { code, field }, scale }
}

/// Reads the code of a currency.
pub(crate) fn code(value: &Value<'_>, issues: &mut Issues) -> Option<String> {
    let text = value.text(issues)?;
    if is_currency(text) {
        return Some(text.to_owned());
    }
    let near = did_you_mean(text, codes());
    let message = format!("`{text}` is not a currency of ISO 4217, such as `EUR`{near}");
    issues.error(&value.place(), "wrong-value", message);
    None
}
