//! Actions: what the caller gives is one more record that expressions see.

use indexmap::IndexMap;

use super::{
    Compiler, Known, PARAMETERS, messages,
    steps::{Steps, Within},
};
use crate::{
    compile::fields,
    definition::{action::ActionDefinition, package::PackageDefinition},
    expression::Expression,
    issue::Issues,
    model::{FieldKind, Labels, Object},
    name::{FieldName, ObjectName},
    naming::title_case,
    rules::Action,
};

impl Compiler<'_> {
    pub(super) fn action(
        &mut self,
        object: &Object,
        package: &PackageDefinition,
        written: &ActionDefinition,
        issues: &mut Issues,
    ) -> Option<()> {
        self.enter(object, "action", &written.name, issues)?;
        let mut parameters = IndexMap::new();
        for (name, field) in &written.parameters {
            let field = fields::field(name, field, &object.name, (package, self.book), issues);
            if matches!(field.kind, FieldKind::Formula { .. } | FieldKind::AutoNumber { .. }) {
                let message = format!("`{name}` is what the caller gives, and can't be computed");
                issues.error(&written.name.place, "not-for-this-type", message);
            }
            parameters.insert(name.clone(), field);
        }
        let known = Known { drafts: self.known.drafts, parameters: Some(record_of(&parameters, object)) };
        let mut steps = Steps {
            known: &known,
            book: self.book,
            package,
            object,
            within: Within::Action,
            names: vec![("parameters".to_owned(), ObjectName::from(PARAMETERS))],
            rule: &written.name.value,
        };
        let when = written.when.as_ref().map(|when| steps.condition(when, issues));
        let refusal = written.refusal.as_ref().map(|refusal| {
            messages::refusal(
                refusal,
                &format!("{}_refused", written.name.value),
                None,
                &steps.scope(),
                issues,
            )
        });
        let done = steps.all_naming(&written.steps, issues);
        let mut returns = IndexMap::new();
        for (name, text) in &written.returns {
            let value = Expression::compile(&text.value, &text.place, &steps.scope(), issues);
            if let Some(value) = value {
                steps.check_own(&value, text, issues);
                returns.insert(name.clone(), value);
            }
        }
        let mut label = written.label.clone().unwrap_or_default();
        label.0.entry("en".to_owned()).or_insert_with(|| title_case(&written.name.value));
        let action = Action {
            name: written.name.value.clone(),
            package: package.name.value.clone(),
            label,
            description: written.description.clone(),
            when: match when {
                Some(None) => return None,
                when => when.flatten(),
            },
            refusal,
            parameters,
            steps: done,
            returns,
        };
        self.rules_of(object).actions.insert(action.name.clone(), action);
        Some(())
    }
}

/// The parameters as a record of an object that no package declares.
fn record_of(parameters: &IndexMap<FieldName, crate::model::Field>, object: &Object) -> Object {
    Object {
        alias: Vec::new(),
        name: ObjectName::from(PARAMETERS),
        package: object.package.clone(),
        label: Labels::default(),
        plural_label: Labels::default(),
        description: None,
        icon: None,
        name_field: FieldName::from("id"),
        id_prefix: String::new(),
        fields: parameters.clone(),
        relations: IndexMap::new(),
        indexes: Vec::new(),
        searchable: Vec::new(),
        recycle_bin: false,
    }
}
