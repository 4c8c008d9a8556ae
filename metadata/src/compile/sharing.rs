//! Whose the records of each object are for everyone: what the object's own package says of it, in the object's file or beside it.

use std::collections::BTreeMap;

use crate::{
    compile::{Draft, Drafts, Parsed, book::Book, objects::known_field},
    definition::{
        Located,
        sharing::{SharingDefinition, SharingModel},
    },
    issue::{Issues, Place},
    limits::SHARING_PARENTS_MAX,
    model::{Field, FieldKind, Object},
    name::{FieldName, ObjectName},
    permissions::Sharing,
};

/// Gives every object that says so its sharing.
pub(super) fn settle(parsed: &Parsed, book: &Book<'_>, drafts: &mut Drafts<'_>, issues: &mut Issues) {
    let written = written(parsed, book, drafts, issues);
    let mut places = BTreeMap::new();
    for (name, written) in written {
        let Some(draft) = drafts.get_mut(&name) else { continue };
        if let Some(sharing) = resolved(written, draft, issues) {
            draft.object.sharing = sharing;
            places.insert(name, written.model.place.clone());
        }
    }
    check_parents(drafts, &places, issues);
}

/// What is said of each object, once.
fn written<'p>(
    parsed: &'p Parsed,
    book: &Book<'_>,
    drafts: &Drafts<'_>,
    issues: &mut Issues,
) -> BTreeMap<ObjectName, &'p SharingDefinition> {
    let mut found: BTreeMap<ObjectName, &SharingDefinition> = BTreeMap::new();
    for package in &parsed.packages {
        let own = package.objects.iter().filter_map(|object| Some((&object.name, object.sharing.as_ref()?)));
        let beside = package.shelf.permissions.iter();
        let beside = beside.filter_map(|file| Some((&file.about.object, file.sharing.as_ref()?)));
        for (object, said) in own.chain(beside) {
            // An object that is not there is told where its grants are.
            let Some(name) = book.owned(object.value.as_str()) else { continue };
            let owner = drafts.get(name).map(|draft| &draft.object.package);
            if owner != Some(&package.definition.name.value) {
                let message = format!(
                    "`{name}` belongs to another package: whose its records are for everyone, that package says"
                );
                issues.error(&said.model.place, "extension-changes", message);
                continue;
            }
            if let Some(first) = found.get(name) {
                let message = format!("`{name}` says its `sharingModel` in {} already", first.model.place);
                issues.error(&said.model.place, "duplicate-key", message);
                continue;
            }
            found.insert(name.clone(), said);
        }
    }
    found
}

fn resolved(written: &SharingDefinition, draft: &Draft<'_>, issues: &mut Issues) -> Option<Sharing> {
    Some(match written.model.value {
        SharingModel::Private => Sharing::Private,
        SharingModel::PublicRead => Sharing::PublicRead,
        SharingModel::PublicReadWrite => Sharing::PublicReadWrite,
        SharingModel::ControlledByParent => Sharing::Parent(match &written.controlled_by {
            Some(field) => controlling(field, draft, issues)?,
            None => only_parent(&written.model.place, &draft.object, issues)?,
        }),
    })
}

fn controlling(named: &Located<FieldName>, draft: &Draft<'_>, issues: &mut Issues) -> Option<FieldName> {
    let field = known_field(named, draft.definition, &draft.object, issues)?;
    let is_part = draft.object.polymorphic(field.name.as_str()).is_some();
    if is_part || !matches!(field.kind, FieldKind::Lookup { .. }) {
        let message =
            format!("`{}` does not lead to one record of one object: it controls nothing", field.name);
        issues.error(&named.place, "not-for-this-type", message);
        return None;
    }
    Some(field.name.clone())
}

/// The one `master_detail` of an object.
fn only_parent(place: &Place, object: &Object, issues: &mut Issues) -> Option<FieldName> {
    let is_owned = |field: &&Field| matches!(field.kind, FieldKind::Lookup { owned: true, .. });
    let mut parents = object.fields.values().filter(is_owned);
    let message = match (parents.next(), parents.next()) {
        (Some(parent), None) => return Some(parent.name.clone()),
        (None, _) => {
            "it has no master_detail; name the lookup that its records are controlled by (`controlledBy`)"
        }
        _ => {
            "it has several master_details; name the one that its records are controlled by (`controlledBy`)"
        }
    };
    issues.error(place, "missing-property", message);
    None
}

/// Reports records that are controlled by themselves, and those with too many above them.
fn check_parents(drafts: &Drafts<'_>, places: &BTreeMap<ObjectName, Place>, issues: &mut Issues) {
    for (name, place) in places {
        let mut path = vec![name];
        while let Some(above) = path.last().and_then(|last| parent_of(drafts, last)) {
            let is_round = path.contains(&above);
            path.push(above);
            let told = || path.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" → ");
            if is_round {
                // Each circle is told once, at its first name; what only leads to it is not part of it.
                if above == name && path.iter().all(|other| name <= *other) {
                    let message = format!("records can't be controlled by themselves: {}", told());
                    issues.error(place, "sharing-cycle", message);
                }
                break;
            }
            if path.len() > SHARING_PARENTS_MAX + 1 {
                let message = format!("more than {SHARING_PARENTS_MAX} parents above a record: {}", told());
                issues.error(place, "too-deep", message);
                break;
            }
        }
    }
}

/// The object whose records control those of this one.
fn parent_of<'d>(drafts: &'d Drafts<'_>, name: &ObjectName) -> Option<&'d ObjectName> {
    let object = &drafts.get(name)?.object;
    let Sharing::Parent(lookup) = &object.sharing else { return None };
    match &object.fields.get(lookup)?.kind {
        FieldKind::Lookup { target, .. } => Some(target),
        _ => None,
    }
}
