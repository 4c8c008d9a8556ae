//! Calls of actions: there is such an action, and what it is given fits its parameters.

use super::{
    actions::Signature,
    steps::{Steps, value},
};
use crate::{
    definition::{Located, step::ValuesDefinition},
    issue::Issues,
    model::{Field, Object},
    name::FieldName,
    nearest::did_you_mean,
    rules::Values,
};

impl<'a> Steps<'a> {
    /// What an action of `object` is given, each of its parameter's type.
    pub(super) fn parameters(
        &self,
        object: &'a Object,
        action: &Located<String>,
        written: &ValuesDefinition,
        issues: &mut Issues,
    ) -> Option<Values> {
        let signature = self.signature(object, action, issues)?;
        check_complete(signature, action, written, issues);
        let scope = self.scope_of(object);
        let mut values = Values::new();
        for (name, text) in written {
            let Some(parameter) = signature.parameters.get(&name.value) else {
                let known = signature.parameters.keys().map(FieldName::as_str);
                let near = did_you_mean(name.value.as_str(), known);
                let message = format!("`{}` is not a parameter of `{}`{near}", name.value, action.value);
                issues.error(&name.place, "unknown-field", message);
                continue;
            };
            if let Some(value) = value(parameter, text, &scope, issues) {
                self.check_scope(&value, text, issues);
                values.insert(name.value.clone(), value);
            }
        }
        (values.len() == written.len()).then_some(values)
    }

    fn signature(
        &self,
        object: &Object,
        action: &Located<String>,
        issues: &mut Issues,
    ) -> Option<&'a Signature> {
        let key = (object.name.clone(), action.value.clone());
        let Some(signature) = self.signatures.get(&key) else {
            let of_object = self.signatures.keys().filter(|(of, _)| *of == object.name);
            let near = did_you_mean(&action.value, of_object.map(|(_, name)| name.as_str()));
            let message = format!("`{}` has no action `{}`{near}", object.name, action.value);
            issues.error(&action.place, "unknown-action", message);
            return None;
        };
        let (own, owner) = (&self.package.name.value, &signature.package);
        if owner != own && !self.package.depends.iter().any(|(known, _)| known.value == *owner) {
            let message = format!(
                "`{}` belongs to package `{owner}`, which `{own}` does not depend on; add `{owner}` to `depends` in its package.yml",
                action.value
            );
            issues.error(&action.place, "undeclared-dependency", message);
        }
        Some(signature)
    }
}

/// What an action asks for is given.
fn check_complete(
    signature: &Signature,
    action: &Located<String>,
    written: &ValuesDefinition,
    issues: &mut Issues,
) {
    let is_missing = |parameter: &&Field| {
        let given = written.iter().any(|(name, _)| name.value == parameter.name);
        parameter.required && parameter.default.is_none() && !given
    };
    let missing: Vec<String> = signature
        .parameters
        .values()
        .filter(is_missing)
        .map(|parameter| format!("`{}`", parameter.name))
        .collect();
    if !missing.is_empty() {
        let message = format!("`{}` needs {} too", action.value, missing.join(", "));
        issues.error(&action.place, "missing-property", message);
    }
}
