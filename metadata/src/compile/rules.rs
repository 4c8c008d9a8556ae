//! Rules, when all objects are known: every name in them is resolved, every expression typed.
//!
//! 1. [`Shelf::read`] parses every file with rules by itself.
//! 2. Actions are declared, so that steps can call them.
//! 3. Each file is held against the object that it is about: `validations`, `machines`, `triggers`, `actions`.
//! 4. [`cycles::check`] finds triggers and actions that would never end.
//! 5. [`cases::compile`] holds the cases against all of it.

mod actions;
mod calls;
mod cases;
mod cycles;
mod kept;
mod machines;
mod messages;
mod steps;
mod targets;
mod triggers;
mod uniques;
mod validations;

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

pub(super) use steps::check_options;

use indexmap::IndexMap;

use crate::{
    compile::{Drafts, ParsedPackage, book::Book, submission},
    definition::{
        Located,
        action::ActionFile,
        case::{CaseDefinition, read_cases},
        package::PackageDefinition,
        permission::PermissionFile,
        permission_set::SetDefinition,
        rule::About,
        state_machine::MachineFile,
        trigger::TriggerFile,
        validation::ValidationFile,
    },
    expression::{Expression, Objects, Type},
    issue::{Issues, Place},
    model::{Field, FieldKind, Object},
    name::{FieldName, ObjectName},
    nearest::did_you_mean,
    read::{PackageSource, RuleKind},
    rules::{Case, Rules},
};

/// The files with rules and permissions of one package.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    validations: Vec<ValidationFile>,
    machines: Vec<MachineFile>,
    triggers: Vec<TriggerFile>,
    pub(super) actions: Vec<ActionFile>,
    cases: Vec<CaseDefinition>,
    pub(super) sets: Vec<SetDefinition>,
    /// Names of sets that are declared but could not be read: nothing is said about references to them.
    pub(super) broken_sets: BTreeSet<String>,
    pub(super) permissions: Vec<PermissionFile>,
}

impl Shelf {
    /// Parses every file by itself.
    pub(super) fn read(source: &PackageSource, issues: &mut Issues) -> Shelf {
        let mut shelf = Shelf::default();
        for (kind, stem, file) in &source.rules {
            match kind {
                RuleKind::Validation => shelf.validations.extend(ValidationFile::read(stem, file, issues)),
                RuleKind::Workflow => shelf.machines.extend(MachineFile::read(stem, file, issues)),
                RuleKind::Trigger => shelf.triggers.extend(TriggerFile::read(stem, file, issues)),
                RuleKind::Action => shelf.actions.extend(ActionFile::read(stem, file, issues)),
                RuleKind::Case => shelf.cases.extend(read_cases(file, issues).unwrap_or_default()),
                RuleKind::PermissionSet => match SetDefinition::read(stem, file, issues) {
                    Ok(set) => shelf.sets.push(set),
                    Err(name) => drop(shelf.broken_sets.insert(name)),
                },
                RuleKind::Permission => shelf.permissions.extend(PermissionFile::read(stem, file, issues)),
            }
        }
        shelf
    }
}

/// Which rules a registry may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Those that the engine keeps.
    Only,
    /// All that can be said.
    #[cfg(test)]
    AndLater,
}

/// Compiles the rules and cases of all packages.
pub(super) fn compile(
    packages: &[ParsedPackage],
    book: &Book<'_>,
    drafts: &Drafts<'_>,
    kept: Kept,
    issues: &mut Issues,
) -> (AllRules, Vec<Case>) {
    let mut compiler = Compiler {
        known: Known { drafts, parameters: None },
        book,
        signatures: HashMap::new(),
        rules: HashMap::new(),
        places: HashMap::new(),
    };
    let mut declared = Vec::new();
    for ParsedPackage { definition, shelf, .. } in packages {
        compiler.declare_all(definition, shelf, &mut declared, issues);
    }
    for ParsedPackage { definition, shelf, .. } in packages {
        compiler.package(definition, shelf, issues);
    }
    for (package, object) in book.objects().filter(|(_, object)| object.enabled.drafts) {
        if let Some(draft) = drafts.get(&object.name.value) {
            compiler.validation(&draft.object, package, &submission::stays_submitted(object), issues);
        }
    }
    for action in &declared {
        compiler.action(action, issues);
    }
    let mut names: Vec<_> = compiler.rules.keys().cloned().collect();
    names.sort();
    let mut rules = IndexMap::new();
    for name in names {
        let Some(mut of_object) = compiler.rules.remove(&name) else { continue };
        of_object.validations.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
        of_object.machines.sort_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
        of_object
            .triggers
            .sort_by(|a, b| (a.order, &a.package, &a.name).cmp(&(b.order, &b.package, &b.name)));
        of_object.actions.sort_keys();
        rules.insert(name, Arc::new(of_object));
    }
    cycles::check(&rules, &compiler.places, issues);
    actions::check_names(&rules, drafts, &compiler.places, issues);
    if kept == Kept::Only {
        kept::check(&rules, (book, drafts), &compiler.places, issues);
    }
    let mut all = Vec::new();
    for ParsedPackage { definition, shelf, .. } in packages {
        all.extend(cases::compile(&definition.name.value, &shelf.cases, drafts, &rules, issues));
    }
    (rules, all)
}

/// The rules of every object that has some.
pub(super) type AllRules = IndexMap<ObjectName, Arc<Rules>>;

/// The objects as expressions see them, and the parameters of an action as one more.
struct Known<'a> {
    drafts: &'a Drafts<'a>,
    parameters: Option<Object>,
}

/// What the parameters of an action are an object of; no object of a package is called so.
const PARAMETERS: &str = "parameters of the action";

impl Objects for Known<'_> {
    fn object(&self, name: &str) -> Option<&Object> {
        match &self.parameters {
            Some(parameters) if name == PARAMETERS => Some(parameters),
            _ => self.drafts.get(name).map(|draft| &draft.object),
        }
    }

    fn formula(&self, _: &Object, field: &Field) -> Option<Arc<Expression>> {
        match &field.kind {
            // The stand-in for one that did not compile, which has been reported.
            FieldKind::Formula { expression, .. } if *expression.type_() != Type::Null => {
                Some(Arc::clone(expression))
            }
            _ => None,
        }
    }
}

struct Compiler<'a> {
    known: Known<'a>,
    book: &'a Book<'a>,
    signatures: actions::Signatures,
    rules: HashMap<ObjectName, Rules>,
    /// Where each rule stands, by its object, its kind and its name.
    places: Places,
}

/// Where rules are declared.
type Places = HashMap<(ObjectName, &'static str, String), Place>;

impl<'a> Compiler<'a> {
    fn package(&mut self, package: &PackageDefinition, shelf: &Shelf, issues: &mut Issues) {
        for file in &shelf.validations {
            let Some(object) = self.about(&file.about, package, issues) else { continue };
            for rule in &file.rules {
                self.validation(object, package, rule, issues);
            }
            for machine in &file.machines {
                self.machine(object, package, machine, issues);
            }
        }
        for file in &shelf.machines {
            let Some(object) = self.about(&file.about, package, issues) else { continue };
            for machine in &file.machines {
                self.machine(object, package, machine, issues);
            }
        }
        for file in &shelf.triggers {
            let Some(object) = self.about(&file.about, package, issues) else { continue };
            for trigger in &file.triggers {
                self.trigger(object, package, trigger, issues);
            }
        }
    }

    /// What steps may call.
    fn declare_all<'p>(
        &mut self,
        package: &'p PackageDefinition,
        shelf: &'p Shelf,
        declared: &mut Vec<actions::Declared<'a, 'p>>,
        issues: &mut Issues,
    ) {
        for file in &shelf.actions {
            let Some(object) = self.about(&file.about, package, issues) else { continue };
            for action in &file.actions {
                declared.extend(self.declare(object, package, action, issues));
            }
        }
    }

    /// The object that a file is about: one of its own package, or with `extends` one of a package that it depends on.
    fn about(&self, about: &About, package: &PackageDefinition, issues: &mut Issues) -> Option<&'a Object> {
        let object = object_named(&self.known, self.book, package, &about.object, issues)?;
        let own = object.package == package.name.value;
        if own == about.extends {
            let message = if own {
                format!("`{}` is an object of this package; take `extends` out", object.name)
            } else {
                let owner = &object.package;
                format!("`{}` belongs to package `{owner}`; say `extends: {0}` to add to it", object.name)
            };
            issues.error(&about.object.place, "wrong-value", message);
        }
        Some(object)
    }

    /// Enters a rule's name; one that is taken is an issue.
    fn enter(
        &mut self,
        object: &Object,
        kind: &'static str,
        name: &Located<String>,
        issues: &mut Issues,
    ) -> Option<()> {
        let key = (object.name.clone(), kind, name.value.clone());
        if let Some(first) = self.places.get(&key) {
            let message = format!("`{}` has another {kind} `{}` in {first}", object.name, name.value);
            issues.error(&name.place, "duplicate-rule", message);
            return None;
        }
        self.places.insert(key, name.place.clone());
        Some(())
    }

    fn rules_of(&mut self, object: &Object) -> &mut Rules {
        self.rules.entry(object.name.clone()).or_default()
    }
}

/// The object that a rule names; one that is not there, or of a package that is not depended on, is an issue.
fn object_named<'a>(
    known: &Known<'a>,
    book: &Book<'_>,
    package: &PackageDefinition,
    name: &Located<ObjectName>,
    issues: &mut Issues,
) -> Option<&'a Object> {
    let drafts: &'a Drafts<'a> = known.drafts;
    let Some(draft) = drafts.get(name.value.as_str()) else {
        if !book.is_broken_object(name.value.as_str()) {
            let near = did_you_mean(name.value.as_str(), book.object_names());
            let message = format!("there is no object `{}`{near}", name.value);
            issues.error(&name.place, "unknown-object", message);
        }
        return None;
    };
    let owner = &draft.object.package;
    let reached =
        *owner == package.name.value || package.depends.iter().any(|(known, _)| known.value == *owner);
    if !reached {
        let message = format!(
            "`{}` belongs to package `{owner}`, which `{}` does not depend on; add `{owner}` to `depends` in its package.yml",
            name.value, package.name.value
        );
        issues.error(&name.place, "undeclared-dependency", message);
    }
    Some(&draft.object)
}

/// The field that a rule names; one that is not there is an issue, unless its declaration could not be read.
fn field_named<'o>(
    known: &Known<'_>,
    object: &'o Object,
    name: &Located<FieldName>,
    issues: &mut Issues,
) -> Option<&'o Field> {
    let found = object.field(name.value.as_str());
    let broken = known
        .drafts
        .get(object.name.as_str())
        .is_some_and(|draft| draft.definition.broken_fields.contains(name.value.as_str()));
    if found.is_none() && !broken {
        let near = did_you_mean(name.value.as_str(), object.fields.keys().map(FieldName::as_str));
        let message = format!("`{}` is not a field of `{}`{near}", name.value, object.name);
        issues.error(&name.place, "unknown-field", message);
    }
    found
}

#[cfg(test)]
mod tests;
