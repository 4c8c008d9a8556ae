//! Fields: from what the author wrote to what holds, with references resolved and the system fields added.

use indexmap::IndexMap;

use crate::{
    compile::{
        book::{Book, Found, USER},
        formulas, system,
    },
    definition::{
        field::{FieldDefinition, KindDefinition, LookupDefinition},
        object::ObjectDefinition,
        package::PackageDefinition,
    },
    issue::Issues,
    model::{Default_, Field, FieldKind},
    name::{FieldName, ObjectName},
    naming::{relation_of_lookup, title_case},
    nearest::did_you_mean,
};

/// All fields of an object: `id`, the declared ones in order, the other system fields.
pub(super) fn build(
    package: &PackageDefinition,
    definition: &ObjectDefinition,
    book: &Book<'_>,
    issues: &mut Issues,
) -> IndexMap<FieldName, Field> {
    let declares =
        |name: &str| definition.fields.contains_key(name) || definition.broken_fields.contains(name);
    let has_owner = declares("owner") || declares("owner_id");
    let mut fields = IndexMap::new();
    let mut add = |field: Field| drop(fields.insert(field.name.clone(), field));
    add(system::id());
    for (name, written) in &definition.fields {
        let field = field(name, written, package, book, issues);
        check_owner(&field, written, book, issues);
        add(field);
    }
    system::fields(has_owner).into_iter().for_each(add);
    fields
}

/// A field as it holds.
pub(super) fn field(
    name: &FieldName,
    written: &FieldDefinition,
    package: &PackageDefinition,
    book: &Book<'_>,
    issues: &mut Issues,
) -> Field {
    let package = written.added_by.as_ref().and_then(|name| book.package(name.as_str())).unwrap_or(package);
    let kind = match &written.kind {
        KindDefinition::Plain(kind) => kind.clone(),
        KindDefinition::Formula(_) => formulas::stand_in(),
        KindDefinition::Lookup(lookup) => FieldKind::Lookup {
            target: target(lookup, package, book, issues),
            on_delete: lookup.on_delete,
            owned: lookup.owned,
        },
    };
    check_current_user(&kind, written, book, issues);
    let is_lookup = matches!(kind, FieldKind::Lookup { .. });
    let mut label = written.label.clone().unwrap_or_default();
    label.0.entry("en".to_owned()).or_insert_with(|| {
        title_case(if is_lookup { relation_of_lookup(name.as_str()) } else { name.as_str() })
    });
    Field {
        name: name.clone(),
        alias: written.alias.iter().map(|alias| alias.value.clone()).collect(),
        deprecated: written.deprecated,
        label,
        description: written.description.clone(),
        help: written.help.clone().unwrap_or_default(),
        kind,
        required: written.required,
        unique: written.unique,
        index: written.unique || written.index.unwrap_or(is_lookup),
        readonly: written.readonly,
        searchable: written.searchable,
        external_id: written.external_id,
        hidden: written.hidden,
        default: written.default.as_ref().map(|default| default.value.clone()),
        system: false,
        added_by: written.added_by.clone(),
    }
}

/// The object that a lookup refers to. When there is none, the name as written goes on as a stand-in: the issue keeps it out of any registry.
fn target(
    lookup: &LookupDefinition,
    package: &PackageDefinition,
    book: &Book<'_>,
    issues: &mut Issues,
) -> ObjectName {
    let reference = &lookup.reference;
    match book.find(&reference.value) {
        Found::Object(owner, name) => {
            let own = owner.name.value == package.name.value;
            if !own && !package.depends.iter().any(|(known, _)| known.value == owner.name.value) {
                let message = format!(
                    "`{name}` belongs to package `{owner}`, which `{user}` does not depend on; add `{owner}` to `depends` in its package.yml",
                    owner = owner.name.value,
                    user = package.name.value
                );
                issues.error(&reference.place, "undeclared-dependency", message);
            }
            name.clone()
        }
        Found::Broken(name) => name,
        Found::Nothing => {
            let near = did_you_mean(&reference.value, book.object_names());
            let message = format!("there is no object `{}`{near}", reference.value);
            issues.error(&reference.place, "unknown-reference", message);
            ObjectName::from(reference.value.as_str())
        }
    }
}

fn check_current_user(kind: &FieldKind, written: &FieldDefinition, book: &Book<'_>, issues: &mut Issues) {
    let Some(default) = &written.default else { return };
    let FieldKind::Lookup { target, .. } = kind else { return };
    if default.value == Default_::CurrentUser && !may_be_user(target, book) {
        let message = format!("the current user is a `user`, not a `{target}`");
        issues.error(&default.place, "bad-default", message);
    }
}

/// A declared owner takes the place of the system's and must be a user as that is.
fn check_owner(field: &Field, written: &FieldDefinition, book: &Book<'_>, issues: &mut Issues) {
    if !["owner", "owner_id"].contains(&field.name.as_str()) {
        return;
    }
    if !matches!(&field.kind, FieldKind::Lookup { target, .. } if may_be_user(target, book)) {
        let message =
            format!("`{}` takes the place of the record's owner and must be a lookup to `user`", field.name);
        issues.error(&written.place, "owner-not-user", message);
    }
}

/// Whether a lookup's target is the user, or one that could not be found, which is reported already.
fn may_be_user(target: &ObjectName, book: &Book<'_>) -> bool {
    target.as_str() == USER || !matches!(book.find(target.as_str()), Found::Object(..))
}
