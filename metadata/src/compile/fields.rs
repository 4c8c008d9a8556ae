//! Fields: from what the author wrote to what holds, with references resolved and the system fields added.

use indexmap::IndexMap;

use crate::{
    compile::{
        book::{Book, Found, USER},
        companions, formulas, summaries, system,
    },
    definition::{
        Located,
        default::DefaultDefinition,
        field::{FieldDefinition, KindDefinition},
        object::ObjectDefinition,
        package::PackageDefinition,
        reference::{LookupDefinition, Target, To},
    },
    issue::Issues,
    model::{Default_, Field, FieldKind},
    name::{FieldName, ObjectName},
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
    let system = system::fields(has_owner);
    let mut fields = IndexMap::with_capacity(definition.fields.len() + system.len() + 1);
    let mut add = |field: Field| drop(fields.insert(field.name.clone(), field));
    add(system::id());
    for (name, written) in &definition.fields {
        let field = field(name, written, &definition.name.value, (package, book), issues);
        check_owner(&field, written, book, issues);
        add(field);
    }
    system.into_iter().for_each(add);
    companions::check(definition, &fields, issues);
    fields
}

/// A field as it holds.
pub(super) fn field(
    name: &FieldName,
    written: &FieldDefinition,
    own: &ObjectName,
    (package, book): (&PackageDefinition, &Book<'_>),
    issues: &mut Issues,
) -> Field {
    let package = written.added_by.as_ref().and_then(|name| book.package(name.as_str())).unwrap_or(package);
    let mut kind = match &written.kind {
        KindDefinition::Plain(kind) => kind.clone(),
        KindDefinition::Lookup(lookup) => {
            let target = target(lookup, own, package, book, issues);
            match lookup.many {
                true => FieldKind::References { target, on_delete: lookup.on_delete },
                false => FieldKind::Lookup {
                    target,
                    on_delete: lookup.on_delete,
                    owned: lookup.owned,
                    tree: lookup.tree,
                },
            }
        }
        KindDefinition::Formula(formula) => formulas::stand_in(written.index == Some(true) || formula.kept),
        KindDefinition::Summary(_) => summaries::stand_in(),
    };
    if let (FieldKind::Currency { currency, .. }, Some(code)) = (&mut kind, &package.default_currency) {
        currency.code.get_or_insert_with(|| code.clone());
    }
    check_current_user(&kind, written, book, issues);
    written.resolve(name, kind)
}

/// The object that a lookup refers to; a tree and a user may say what is known.
fn target(
    lookup: &LookupDefinition,
    own: &ObjectName,
    package: &PackageDefinition,
    book: &Book<'_>,
    issues: &mut Issues,
) -> ObjectName {
    let (known, given, what) = match &lookup.to {
        To::Named(reference) => return find(reference, package, book, issues),
        To::Itself(given) => (own.clone(), given, "a tree is made of records of its own object"),
        To::User(given) => (ObjectName::from(USER), given, "a user is a `user`"),
        To::OneOf(targets) => return of_parameter(targets, package, book, issues),
    };
    if let Some(reference) = given
        && find(reference, package, book, issues) != known
    {
        let message = format!("{what}; take `reference` out, or use a lookup");
        issues.error(&reference.place, "wrong-value", message);
    }
    known
}

/// A field that refers to one of several objects is laid out as several before; what is left is a parameter.
fn of_parameter(
    targets: &[Target],
    package: &PackageDefinition,
    book: &Book<'_>,
    issues: &mut Issues,
) -> ObjectName {
    let Some(first) = targets.first() else { return ObjectName::from(USER) };
    let message = "a parameter refers to records of one object; take a parameter for each, or the id as text";
    issues.error(&first.reference.place, "not-supported-yet", message);
    find(&first.reference, package, book, issues)
}

/// The object that a lookup refers to. When there is none, the name as written goes on as a stand-in: the issue keeps it out of any registry.
fn find(
    reference: &Located<String>,
    package: &PackageDefinition,
    book: &Book<'_>,
    issues: &mut Issues,
) -> ObjectName {
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
    let is_user = default.value == DefaultDefinition::Known(Default_::CurrentUser);
    if is_user && !may_be_user(target, book) {
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
