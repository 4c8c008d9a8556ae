//! Actions: what the caller gives is one more record that expressions see.

use std::collections::HashMap;

use indexmap::IndexMap;

use super::{
    AllRules, Compiler, Known, PARAMETERS, Places, messages,
    steps::{Steps, Within},
};
use crate::{
    compile::{Drafts, fields},
    definition::{Located, action::ActionDefinition, package::PackageDefinition},
    expression::{Expression, Type},
    issue::Issues,
    model::{Field, FieldKind, Labels, Object, Relation, RelationKind},
    name::{FieldName, ObjectName, PackageName, RelationName},
    naming::{camel_case, pascal_case, plural, relation_of_lookup, title_case},
    permissions::Sharing,
    rules::Action,
};

/// What callers must know of an action.
pub(super) struct Signature {
    /// The package that declares it.
    pub(super) package: PackageName,
    pub(super) parameters: IndexMap<FieldName, Field>,
}

/// All actions, by object and name.
pub(super) type Signatures = HashMap<(ObjectName, String), Signature>;

/// An action whose steps are still to be compiled.
pub(super) struct Declared<'a, 'p> {
    object: &'a Object,
    package: &'p PackageDefinition,
    written: &'p ActionDefinition,
}

impl<'a> Compiler<'a> {
    /// Notes what can be called, before any step is looked at.
    pub(super) fn declare<'p>(
        &mut self,
        object: &'a Object,
        package: &'p PackageDefinition,
        written: &'p ActionDefinition,
        issues: &mut Issues,
    ) -> Option<Declared<'a, 'p>> {
        self.enter(object, "action", &written.name, issues)?;
        let mut parameters = IndexMap::new();
        for (name, field) in &written.parameters {
            let field = fields::field(name, field, &object.name, (package, self.book), issues);
            check_parameter(&field, &written.name, issues);
            parameters.insert(name.clone(), field);
        }
        let signature = Signature { package: package.name.value.clone(), parameters };
        self.signatures.insert((object.name.clone(), written.name.value.clone()), signature);
        Some(Declared { object, package, written })
    }

    /// Compiles an action.
    pub(super) fn action(&mut self, declared: &Declared<'_, '_>, issues: &mut Issues) -> Option<()> {
        let Declared { object, package, written } = *declared;
        let key = (object.name.clone(), written.name.value.clone());
        let parameters = self.signatures.get(&key)?.parameters.clone();
        let known = Known { drafts: self.known.drafts, parameters: Some(record_of(&parameters, object)) };
        let mut steps = Steps {
            known: &known,
            book: self.book,
            package,
            signatures: &self.signatures,
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
                check_told(&value, text, issues);
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

/// An action is a field of GraphQL's mutation root, `convertLead`, with types that begin like it: no other field and no other
/// type may be called so.
pub(super) fn check_names(rules: &AllRules, drafts: &Drafts<'_>, places: &Places, issues: &mut Issues) {
    let mut roots: HashMap<String, String> = HashMap::new();
    let mut types: HashMap<String, &ObjectName> = HashMap::new();
    for object in drafts.keys() {
        let (one, many) = (pascal_case(object.as_str()), pascal_case(&plural(object.as_str())));
        for verb in ["create", "update", "upsert", "delete"] {
            for of in [&one, &many] {
                roots.insert(format!("{verb}{of}"), format!("the {verb} of `{object}`"));
            }
        }
        types.insert(one, object);
    }
    for (object, of_object) in rules {
        for name in of_object.actions.keys() {
            let Some(place) = places.get(&(object.clone(), "action", name.clone())) else { continue };
            let of_types = pascal_case(name) + &pascal_case(object.as_str());
            let root = camel_case(&format!("{name}_{object}"));
            if let Some(other) = roots.insert(root.clone(), format!("`{object}.{name}`")) {
                let message = format!("{other} is `{root}` in GraphQL too; rename the action");
                issues.error(place, "graphql-name-collision", message);
            }
            let made = ["Action", "ActionInput", "ActionResult", "ActionReturned"];
            if let Some(other) = made.iter().find_map(|suffix| types.get(&format!("{of_types}{suffix}"))) {
                let message = format!(
                    "its types would be called as those of the object `{other}` in GraphQL; rename one"
                );
                issues.error(place, "graphql-name-collision", message);
            }
        }
    }
}

/// What is answered has a form in every door.
fn check_told(value: &Expression, text: &Located<String>, issues: &mut Issues) {
    let told = match value.type_() {
        Type::Duration | Type::Record(_) => false,
        Type::List(item) => **item == Type::Text,
        _ => true,
    };
    if !told {
        let message =
            format!("an action can't return a {}; return its fields, a number or a text", value.type_());
        issues.error(&text.place, "expression-type", message);
    }
}

/// A parameter is what the caller gives, and no content: whose that is to give, a record says that takes it.
fn check_parameter(field: &Field, action: &Located<String>, issues: &mut Issues) {
    let name = &field.name;
    let computed = matches!(field.kind, FieldKind::Formula { .. } | FieldKind::AutoNumber { .. });
    if computed || field.declared == "summary" {
        let message = format!("`{name}` is what the caller gives, and can't be computed");
        issues.error(&action.place, "not-for-this-type", message);
    }
    if field.kind.content().is_some() {
        let message = format!("the parameter `{name}` can't be a content yet; write it to the record itself");
        issues.error(&action.place, "not-supported-yet", message);
    }
}

/// The parameters as a record of an object that no package declares. Their lookups lead on, as those of every object.
fn record_of(parameters: &IndexMap<FieldName, Field>, object: &Object) -> Object {
    let relation = |field: &Field| {
        let FieldKind::Lookup { target, .. } = &field.kind else { return None };
        let name = relation_of_lookup(field.name.as_str());
        let kind = RelationKind::ToOne { field: field.name.clone() };
        let is_free = name == field.name.as_str() || !parameters.contains_key(name);
        let relation =
            Relation { alias: Vec::new(), name: RelationName::from(name), target: target.clone(), kind };
        is_free.then(|| (relation.name.clone(), relation))
    };
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
        relations: parameters.values().filter_map(relation).collect(),
        indexes: Vec::new(),
        searchable: Vec::new(),
        recycle_bin: false,
        uncloned: false,
        polymorphic: Vec::new(),
        sharing: Sharing::default(),
    }
}
