//! Permissions of two versions: who may do what may always change, and every change is told by name.
//!
//! Nobody's program is written against what somebody may do, so nothing here is refused but one thing: a set goes only when no other
//! package says something of it (`includes`, a grant beside an object), since that package would not compile any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    definition::{grant, permission_set},
    evolution::{Class, Comparison, Dependents, Model, Subject, objects::Pair},
    model::{Field, Object},
    name::{FieldName, ObjectName},
    permissions::{Actions, FieldGrant, Grant, PermissionSet, RecordRule, Sharing},
};

/// What a set allows on an object, in both versions.
#[derive(Clone, Copy)]
struct GrantPair<'a> {
    set: &'a str,
    /// The object as it was, and as it is now.
    objects: (&'a Object, &'a Object),
    old: &'a Grant,
    new: &'a Grant,
}

impl GrantPair<'_> {
    fn subject(&self) -> Subject {
        Subject::Grant(self.set.to_owned(), self.objects.0.name.clone())
    }
}

impl Comparison<'_> {
    pub(super) fn permissions(&mut self) {
        let (old, new) = (self.old, self.new);
        for (name, was) in &old.permission_sets {
            match new.permission_sets.get(name) {
                None => self.set_removed(name),
                Some(now) if now == was => {}
                Some(now) => self.set(was, now),
            }
        }
        for (name, now) in
            new.permission_sets.iter().filter(|(name, _)| !old.permission_sets.contains_key(*name))
        {
            let message = outlined(now);
            self.told("permission-set-added", Subject::PermissionSet(name.clone()), message);
        }
    }

    fn set_removed(&mut self, name: &str) {
        let subject = Subject::PermissionSet(name.to_owned());
        let mut named = Vec::new();
        Model.of(self.old, &subject, &mut named);
        let (class, message) = match named.is_empty() {
            true => (Class::Allowed, "the permission set is gone; whoever has it may do less"),
            false => {
                (Class::Refused, "the permission set is gone, and other packages name it; change those first")
            }
        };
        self.add(class, "permission-set-removed", subject, message.to_owned());
    }

    fn set(&mut self, was: &PermissionSet, now: &PermissionSet) {
        let subject = || Subject::PermissionSet(was.name.clone());
        if (&was.label, &was.description, &was.package) != (&now.label, &now.description, &now.package) {
            let message = "is called or explained otherwise".to_owned();
            self.told("permission-set-changed", subject(), message);
        }
        for name in now.includes.difference(&was.includes) {
            self.told("include-added", subject(), format!("whoever has it has `{name}` too"));
        }
        for name in was.includes.difference(&now.includes) {
            self.told("include-removed", subject(), format!("whoever has it has `{name}` no more by it"));
        }
        for capability in now.capabilities.difference(&was.capabilities) {
            let message = format!("allows `{}`", permission_set::name_of(*capability));
            self.told("capability-granted", subject(), message);
        }
        for capability in was.capabilities.difference(&now.capabilities) {
            let message = format!("does not allow `{}` any more", permission_set::name_of(*capability));
            self.told("capability-taken", subject(), message);
        }
        self.grants(was, now);
    }

    fn grants(&mut self, was: &PermissionSet, now: &PermissionSet) {
        let (old, new) = (self.old, self.new);
        let mut known: BTreeSet<&ObjectName> = BTreeSet::new();
        for (name, grant) in &was.objects {
            // Objects that are gone are told of by themselves.
            let (Some(before), Some(after)) = (old.get(name.as_str()), new.get(name.as_str())) else {
                continue;
            };
            known.insert(&after.name);
            match now.objects.get(&after.name) {
                None => {
                    let message = format!("nothing is allowed any more: {} before", allowed(grant));
                    self.told("grant-removed", Subject::Grant(was.name.clone(), name.clone()), message);
                }
                Some(current) if current == grant => {}
                Some(current) => {
                    let objects = (&**before, &**after);
                    self.grant(GrantPair { set: &was.name, objects, old: grant, new: current });
                }
            }
        }
        for (name, grant) in now.objects.iter().filter(|(name, _)| !known.contains(name)) {
            let message = format!("allows {}", allowed(grant));
            self.told("grant-added", Subject::Grant(was.name.clone(), name.clone()), message);
        }
    }

    fn grant(&mut self, pair: GrantPair<'_>) {
        for act in pair.new.allow.difference(&pair.old.allow) {
            self.told("act-granted", pair.subject(), format!("allows `{}`", grant::name_of(*act)));
        }
        for act in pair.old.allow.difference(&pair.new.allow) {
            let message = format!("does not allow `{}` any more", grant::name_of(*act));
            self.told("act-taken", pair.subject(), message);
        }
        self.actions_of_grant(pair);
        self.fields_of_grant(pair);
        self.rules_of_grant(pair);
    }

    fn actions_of_grant(&mut self, pair: GrantPair<'_>) {
        let names = |actions: &Actions| match actions {
            Actions::All => BTreeSet::from(["all".to_owned()]),
            Actions::Only(names) => names.clone(),
        };
        let (was, now) = (names(&pair.old.actions), names(&pair.new.actions));
        for name in now.difference(&was) {
            self.told("act-granted", pair.subject(), format!("allows the action `{name}`"));
        }
        for name in was.difference(&now) {
            self.told("act-taken", pair.subject(), format!("does not allow the action `{name}` any more"));
        }
    }

    /// Fields that are in both versions, by what holds of them all told.
    fn fields_of_grant(&mut self, pair: GrantPair<'_>) {
        let (before, after) = pair.objects;
        let (mut opened, mut closed) = (Vec::new(), Vec::new());
        for now in after.fields.values().filter(|field| !field.system) {
            let names = std::iter::once(&now.name).chain(&now.alias);
            let Some(was) = names.into_iter().find_map(|name| before.field(name.as_str())) else { continue };
            let (old, new) = (held(pair.old, was), held(pair.new, now));
            if new.read > old.read || (new.update && !old.update) {
                opened.push(&now.name);
            }
            if new.read < old.read || (!new.update && old.update) {
                closed.push(&now.name);
            }
        }
        for (code, what, fields) in [("field-opened", "more", opened), ("field-closed", "less", closed)] {
            if !fields.is_empty() {
                let message = format!("{what} may be done with {}", told(&fields));
                self.told(code, pair.subject(), message);
            }
        }
    }

    fn rules_of_grant(&mut self, pair: GrantPair<'_>) {
        let named =
            |rules: &'_ [RecordRule], name: &str| rules.iter().find(|rule| rule.name == name).cloned();
        for was in &pair.old.records {
            match named(&pair.new.records, &was.name) {
                None => {
                    let message = format!("the rule `{}` about records is gone", was.name);
                    self.told("permission-rule-removed", pair.subject(), message);
                }
                Some(now) if now != *was => {
                    let message = format!("the rule `{}` is about other records, or other acts", was.name);
                    self.told("permission-rule-changed", pair.subject(), message);
                }
                Some(_) => {}
            }
        }
        for now in &pair.new.records {
            if named(&pair.old.records, &now.name).is_none() {
                let message = format!("a new rule about records, `{}`", now.name);
                self.told("permission-rule-added", pair.subject(), message);
            }
        }
    }

    /// Whose an object's records are for everyone.
    pub(super) fn sharing(&mut self, Pair { old, new }: Pair<'_>) {
        let now = match &old.sharing {
            Sharing::Parent(lookup) => match new.field(lookup.as_str()) {
                Some(field) if new.sharing == Sharing::Parent(field.name.clone()) => return,
                _ => &new.sharing,
            },
            _ => &new.sharing,
        };
        let code = match (reach(&old.sharing), reach(now)) {
            (Some(was), Some(is)) if is > was => "sharing-widened",
            (Some(_), Some(_)) => "sharing-narrowed",
            _ => "sharing-changed",
        };
        let message =
            format!("`sharingModel` goes from {} to {}", sharing_name(&old.sharing), sharing_name(now));
        self.told(code, Subject::Object(old.name.clone()), message);
    }

    fn told(&mut self, code: &'static str, subject: Subject, message: String) {
        self.add(Class::Allowed, code, subject, message);
    }
}

/// What is granted of a field; a mask that is not there hides nothing.
fn held(grant: &Grant, field: &Field) -> FieldGrant {
    use crate::permissions::FieldRead::{AsDeclared, Clear};
    let said = *grant.fields.get(&field.name).unwrap_or(&grant.other_fields);
    match (said.read, field.mask) {
        (AsDeclared, None) => FieldGrant { read: Clear, ..said },
        _ => said,
    }
}

/// What a new set is, with objects of which it allows the same side by side.
fn outlined(set: &PermissionSet) -> String {
    let mut message = "a new permission set".to_owned();
    let capabilities: Vec<&str> = set.capabilities.iter().map(|one| permission_set::name_of(*one)).collect();
    if !capabilities.is_empty() {
        message.push_str(&format!("; {}", capabilities.join(", ")));
    }
    let mut objects: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (object, grant) in &set.objects {
        objects.entry(allowed(grant)).or_default().push(object.as_str());
    }
    for (acts, objects) in objects {
        message.push_str(&format!("; {acts} on {}", objects.join(", ")));
    }
    message
}

fn allowed(grant: &Grant) -> String {
    grant.allow.iter().map(|act| grant::name_of(*act)).collect::<Vec<_>>().join(", ")
}

fn told(fields: &[&FieldName]) -> String {
    fields.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// How far records reach, where that can be compared.
fn reach(sharing: &Sharing) -> Option<u8> {
    match sharing {
        Sharing::Private => Some(0),
        Sharing::PublicRead => Some(1),
        Sharing::PublicReadWrite => Some(2),
        Sharing::Parent(_) => None,
    }
}

fn sharing_name(sharing: &Sharing) -> String {
    match sharing {
        Sharing::Private => "private".to_owned(),
        Sharing::PublicRead => "public_read".to_owned(),
        Sharing::PublicReadWrite => "public_read_write".to_owned(),
        Sharing::Parent(lookup) => format!("controlled_by_parent ({lookup})"),
    }
}
