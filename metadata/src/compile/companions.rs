//! Fields that another field of their object speaks of: what options depend on, what names a currency.

use indexmap::IndexMap;

use crate::{
    currency::is_currency,
    definition::{field::FieldDefinition, object::ObjectDefinition},
    issue::{Issues, Place},
    model::{Field, FieldKind, SelectOption},
    name::FieldName,
    nearest::did_you_mean,
};

/// Checks what the declared fields of an object say of one another.
pub(super) fn check(definition: &ObjectDefinition, fields: &IndexMap<FieldName, Field>, issues: &mut Issues) {
    let companions = Companions { definition, fields };
    for (name, written) in &definition.fields {
        let Some(field) = fields.get(name) else { continue };
        match &field.kind {
            FieldKind::Select { options } | FieldKind::MultiSelect { options } => {
                companions.check_options(field, written, options, issues);
            }
            FieldKind::Currency { currency, .. } => {
                if let Some(named) = &currency.field {
                    companions.check_currency(named, written, issues);
                }
            }
            _ => {}
        }
    }
}

struct Companions<'a> {
    definition: &'a ObjectDefinition,
    fields: &'a IndexMap<FieldName, Field>,
}

impl Companions<'_> {
    /// The field of that name; what is not there is reported, unless it could not be read.
    fn find(&self, name: &FieldName, place: &Place, issues: &mut Issues) -> Option<&Field> {
        let found = self.fields.get(name);
        if found.is_none() && !self.definition.broken_fields.contains(name.as_str()) {
            let near = did_you_mean(name.as_str(), self.fields.keys().map(FieldName::as_str));
            let message = format!("`{name}` is not a field of `{}`{near}", self.definition.name.value);
            issues.error(place, "unknown-field", message);
        }
        found
    }

    /// Options may depend on a select: each value that one names is an option there.
    fn check_options(
        &self,
        field: &Field,
        written: &FieldDefinition,
        options: &[SelectOption],
        issues: &mut Issues,
    ) {
        let Some(depends_on) = &written.depends_on else { return };
        let Some(other) = self.find(&depends_on.value, &depends_on.place, issues) else { return };
        let FieldKind::Select { options: known } = &other.kind else {
            let message = format!("options depend on a select, which `{}` is not", other.name);
            issues.error(&depends_on.place, "not-for-this-type", message);
            return;
        };
        if other.name == field.name {
            let message = format!("`{}` can't depend on itself", field.name);
            issues.error(&depends_on.place, "wrong-value", message);
            return;
        }
        if options.iter().all(|option| option.when.is_empty()) {
            let message = "no option has `when`, so nothing depends; take `dependsOn` out";
            issues.error(&depends_on.place, "missing-property", message);
        }
        let values = || known.iter().map(|option| option.value.as_str());
        for value in options.iter().flat_map(|option| &option.when) {
            if !values().any(|known| known == value) {
                let near = did_you_mean(value, values());
                let message = format!("`{value}` is not an option of `{}`{near}", other.name);
                issues.error(&written.place.below("options"), "unknown-option", message);
            }
        }
    }

    /// A currency is named by a text, or by a select whose every option is one.
    fn check_currency(&self, name: &FieldName, written: &FieldDefinition, issues: &mut Issues) {
        let place = written.place.below("currencyField");
        let Some(other) = self.find(name, &place, issues) else { return };
        match &other.kind {
            FieldKind::Text { .. } => {}
            FieldKind::Select { options } => {
                let wrong = options.iter().find(|option| !is_currency(&option.value));
                if let Some(option) = wrong {
                    let value = &option.value;
                    let message = format!("the option `{value}` of `{name}` is not a currency of ISO 4217");
                    issues.error(&place, "wrong-value", message);
                }
            }
            _ => {
                let message = format!("a currency is named by a text or a select, which `{name}` is not");
                issues.error(&place, "not-for-this-type", message);
            }
        }
    }
}
