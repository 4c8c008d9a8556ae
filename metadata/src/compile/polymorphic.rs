//! References to a record of one of several objects, laid out as fields that are each something known (see [`crate::model::Polymorphic`]).
//!
//! It is done to what the author wrote, before names are given their owners: all that follows, from relations to indexes,
//! sees lookups and two formulas.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;

use crate::{
    compile::{
        Drafts, Parsed,
        book::{USER, folded, is_user},
        objects::fill_locales,
    },
    definition::{
        Located,
        conditions::ConditionsDefinition,
        field::{FieldDefinition, KindDefinition},
        formula::FormulaDefinition,
        identifier::{NameOf, check},
        object::{ObjectDefinition, PolymorphicDefinition},
        reference::{LookupDefinition, Target, To},
    },
    expression::Returns,
    issue::{Issues, Place},
    model::{FieldKind, Labels, Member, Object, Polymorphic, SelectOption},
    name::{FieldName, ObjectName},
    naming::{relation_of_lookup, title_case},
};

/// Lays out the references of all objects.
pub(super) fn lay_out(parsed: &mut Parsed, issues: &mut Issues) {
    let objects = || parsed.packages.iter().flat_map(|package| &package.objects);
    if !objects().any(|object| object.fields.values().any(|field| targets(field).is_some())) {
        return;
    }
    let all = |object: &Arc<ObjectDefinition>| {
        let former = object.alias.iter().map(|alias| alias.value.to_string());
        former.chain([object.name.value.to_string()]).collect()
    };
    let names = Names(objects().map(all).collect());
    for object in parsed.packages.iter_mut().flat_map(|package| &mut package.objects) {
        if object.fields.values().any(|field| targets(field).is_some()) {
            of_object(Arc::make_mut(object), &names, issues);
        }
    }
}

/// The objects to one of which a field leads, where it does.
fn targets(field: &FieldDefinition) -> Option<&[Target]> {
    match &field.kind {
        KindDefinition::Lookup(LookupDefinition { to: To::OneOf(targets), .. }) => Some(targets),
        _ => None,
    }
}

fn of_object(object: &mut ObjectDefinition, names: &Names, issues: &mut Issues) {
    let written = std::mem::take(&mut object.fields);
    let declared: HashMap<FieldName, Place> =
        written.iter().map(|(name, field)| (name.clone(), field.place.clone())).collect();
    for (name, field) in written {
        let Some(targets) = targets(&field) else {
            object.fields.insert(name, field);
            continue;
        };
        let whole =
            Whole { name: &name, field: &field, members: members(&name, &field, targets, names, issues) };
        let fields = whole.fields();
        match fields.keys().skip(1).find(|made| declared.contains_key(*made)) {
            Some(taken) => {
                let at = declared.get(taken).map(Place::to_string).unwrap_or_default();
                let message = format!(
                    "`{name}` makes a field `{taken}`, which is also declared in {at}; take that out, or rename one"
                );
                issues.error(&field.place, "duplicate-field", message);
                object.broken_fields.extend(fields.into_keys().map(|name| name.to_string()));
            }
            None => {
                for made in fields.keys().skip(1) {
                    check(made.as_str(), NameOf::Field, &field.place, issues);
                }
                object.polymorphic.push(whole.definition());
                object.fields.extend(fields);
            }
        }
    }
}

/// A lookup on its way.
struct Lookup<'a> {
    /// All names, oldest first, today's last.
    names: Vec<FieldName>,
    type_name: String,
    target: &'a Target,
}

impl Lookup<'_> {
    fn name(&self) -> FieldName {
        self.names.last().cloned().unwrap_or_else(|| FieldName::from(""))
    }
}

/// A lookup for each object; an object that is named twice is an issue.
fn members<'a>(
    name: &FieldName,
    field: &FieldDefinition,
    targets: &'a [Target],
    names: &Names,
    issues: &mut Issues,
) -> Vec<Lookup<'a>> {
    let mut members: Vec<Lookup<'a>> = Vec::with_capacity(targets.len());
    for target in targets {
        let objects = names.of(&target.reference.value);
        let names = member_names(&stems(name, field), &objects);
        let lookup = Lookup { type_name: objects.first().cloned().unwrap_or_default(), names, target };
        if members.iter().any(|known| known.type_name == lookup.type_name) {
            let message = format!("`{name}` leads to `{}` already", lookup.type_name);
            issues.error(&target.reference.place, "duplicate-option", message);
            continue;
        }
        members.push(lookup);
    }
    members
}

/// What the names of the made fields begin with, by all names of the field, oldest first.
fn stems<'a>(name: &'a FieldName, field: &'a FieldDefinition) -> Vec<&'a str> {
    let names = field.alias.iter().map(|alias| &alias.value).chain([name]);
    let mut stems: Vec<&str> = names.map(|name| relation_of_lookup(name.as_str())).collect();
    stems.dedup();
    stems
}

/// Where both were renamed, the object is taken to have been first.
fn member_names(stems: &[&str], objects: &[String]) -> Vec<FieldName> {
    let called = |stem: &str, object: &String| FieldName::from(format!("{stem}_{object}_id").as_str());
    let (Some(first), Some(now)) = (stems.first(), objects.last()) else { return Vec::new() };
    let by_object = objects.iter().map(|object| called(first, object));
    by_object.chain(stems.iter().skip(1).map(|stem| called(stem, now))).collect()
}

/// A reference with its lookups.
struct Whole<'a> {
    name: &'a FieldName,
    field: &'a FieldDefinition,
    members: Vec<Lookup<'a>>,
}

impl Whole<'_> {
    /// All fields that are made of it, the id first.
    fn fields(&self) -> IndexMap<FieldName, FieldDefinition> {
        let types = self.type_names();
        let mut fields = IndexMap::from([(self.name.clone(), self.id())]);
        fields.extend(types.last().map(|name| (name.clone(), self.type_of(&types))));
        fields.extend(self.members.iter().map(|member| (member.name(), self.member(member))));
        fields
    }

    fn definition(&self) -> PolymorphicDefinition {
        PolymorphicDefinition {
            field: self.name.clone(),
            type_field: self.type_names().pop().unwrap_or_else(|| self.name.clone()),
            members: self.members.iter().map(|member| (member.type_name.clone(), member.name())).collect(),
        }
    }

    fn type_names(&self) -> Vec<FieldName> {
        let named = |stem: &str| FieldName::from(format!("{stem}_type").as_str());
        stems(self.name, self.field).into_iter().map(named).collect()
    }

    fn label(&self) -> Labels {
        let mut label = self.field.label.clone().unwrap_or_default();
        let named = || title_case(relation_of_lookup(self.name.as_str()));
        label.0.entry("en".to_owned()).or_insert_with(named);
        label
    }

    fn id(&self) -> FieldDefinition {
        let names: Vec<String> = self.members.iter().map(|member| member.name().to_string()).collect();
        let conditions = ConditionsDefinition { readonly: None, ..self.field.conditions.clone() };
        FieldDefinition {
            kind: self.computed(format!("coalesce({})", names.join(", ")), FieldKind::Id),
            label: Some(self.label()),
            unique: false,
            index: Some(self.is_indexed()),
            write_once: false,
            default: None,
            conditions,
            ..self.field.clone()
        }
    }

    fn type_of(&self, names: &[FieldName]) -> FieldDefinition {
        // Side by side, not one within the other: however many objects there are, it is not deep.
        let named =
            |member: &Lookup<'_>| format!("{} != null ? \"{}\" : null", member.name(), member.type_name);
        let chosen = format!("coalesce({})", self.members.iter().map(named).collect::<Vec<_>>().join(", "));
        let option = |member: &Lookup<'_>| SelectOption {
            value: member.type_name.clone(),
            label: Labels::default(),
            color: None,
            active: true,
            when: Vec::new(),
            visible: None,
        };
        let options = self.members.iter().map(option).collect();
        FieldDefinition {
            kind: self.computed(chosen, FieldKind::Select { options }),
            declared: "select",
            index: Some(false),
            description: Some(format!("Of which object {} is.", self.name)),
            ..self.part(names)
        }
    }

    fn member(&self, member: &Lookup<'_>) -> FieldDefinition {
        let KindDefinition::Lookup(lookup) = &self.field.kind else { return self.field.clone() };
        let to = To::Named(member.target.reference.clone());
        let readonly = self.field.conditions.readonly.clone();
        let part = self.part(&member.names);
        FieldDefinition {
            kind: KindDefinition::Lookup(LookupDefinition { to, ..lookup.clone() }),
            added_by: member.target.added_by.clone().or_else(|| part.added_by.clone()),
            unique: self.field.unique,
            index: self.field.index,
            write_once: self.field.write_once,
            hidden: true,
            conditions: ConditionsDefinition { readonly, ..ConditionsDefinition::default() },
            ..part
        }
    }

    /// What all parts have of the whole.
    fn part(&self, names: &[FieldName]) -> FieldDefinition {
        let former = names.iter().rev().skip(1).rev();
        let place = &self.field.place;
        FieldDefinition {
            alias: former.map(|name| Located { value: name.clone(), place: place.clone() }).collect(),
            label: None,
            description: None,
            help: None,
            required: false,
            unique: false,
            write_once: false,
            default: None,
            hints: Default::default(),
            conditions: ConditionsDefinition::default(),
            ..self.field.clone()
        }
    }

    fn computed(&self, source: String, returns: FieldKind) -> KindDefinition {
        let source = Located { value: source, place: self.field.place.clone() };
        KindDefinition::Formula(FormulaDefinition { source, returns: Returns::Exactly(returns), kept: true })
    }

    fn is_indexed(&self) -> bool {
        self.field.unique || self.field.index.unwrap_or(true)
    }
}

/// All names of each object, oldest first.
struct Names(Vec<Vec<String>>);

impl Names {
    /// Those of the object that a reference means; the reference itself where there is none, which is reported elsewhere.
    fn of(&self, reference: &str) -> Vec<String> {
        let called = |names: &&Vec<String>| names.last().is_some_and(|name| name == reference);
        let was_called = |names: &&Vec<String>| names.iter().any(|name| name == reference);
        let found = self.0.iter().find(called).or_else(|| self.0.iter().find(was_called));
        let found = found.or_else(|| self.like(reference));
        found.cloned().unwrap_or_else(|| vec![reference.to_lowercase()])
    }

    fn like(&self, reference: &str) -> Option<&Vec<String>> {
        let wanted = folded(reference);
        let mut alike = self.0.iter().filter(|names| names.last().is_some_and(|name| folded(name) == wanted));
        match (alike.next(), alike.next()) {
            (Some(only), None) => Some(only),
            _ if is_user(&wanted) => {
                self.0.iter().find(|names| names.last().is_some_and(|name| name == USER))
            }
            _ => None,
        }
    }
}

/// The references of an object, now that it is known where they lead.
pub(super) fn resolved(definition: &ObjectDefinition, object: &Object) -> Vec<Polymorphic> {
    let member = |(type_name, field): &(String, FieldName)| match &object.fields.get(field)?.kind {
        FieldKind::Lookup { target, .. } => {
            Some(Member { type_name: type_name.clone(), target: target.clone(), field: field.clone() })
        }
        _ => None,
    };
    let reference = |written: &PolymorphicDefinition| Polymorphic {
        field: written.field.clone(),
        type_field: written.type_field.clone(),
        members: written.members.iter().filter_map(member).collect(),
    };
    definition.polymorphic.iter().map(reference).collect()
}

/// Labels what is made of a reference, when all texts are known: the types by their objects, the lookups by both.
pub(super) fn label(drafts: &mut Drafts<'_>) {
    if drafts.values().all(|draft| draft.object.polymorphic.is_empty()) {
        return;
    }
    let labels: HashMap<ObjectName, Labels> =
        drafts.iter().map(|(name, draft)| (name.clone(), draft.object.label.clone())).collect();
    for draft in drafts.values_mut() {
        let object = &mut draft.object;
        for reference in object.polymorphic.clone() {
            for Member { type_name, target, field } in &reference.members {
                let Some(of) = labels.get(target) else { continue };
                label_member(object, (&reference.field, field), of);
                label_type(object, &reference.type_field, (type_name, of));
            }
        }
    }
}

fn label_member(object: &mut Object, (whole, member): (&FieldName, &FieldName), of: &Labels) {
    let Some(whole) = object.fields.get(whole).map(|field| field.label.clone()) else { return };
    let Some(member) = object.fields.get_mut(member) else { return };
    for (locale, text) in &whole.0 {
        let made = || format!("{text} ({})", of.get(locale));
        member.label.0.entry(locale.clone()).or_insert_with(made);
    }
}

fn label_type(object: &mut Object, type_field: &FieldName, (type_name, of): (&str, &Labels)) {
    let kind = object.fields.get_mut(type_field).map(|field| &mut field.kind);
    let Some(FieldKind::Formula { returns, .. }) = kind else { return };
    let FieldKind::Select { options } = &mut **returns else { return };
    if let Some(option) = options.iter_mut().find(|option| option.value == type_name) {
        fill_locales(&mut option.label, of);
    }
}
