//! `extends: account` in another package: what such a file declares is laid into the object that it adds to, as if its
//! author had written it there, but with its own places and its own package.
//!
//! An extension adds; two that would add the same thing, or one that would declare what is there, are refused with both places.

use std::sync::Arc;

use crate::{
    compile::Parsed,
    definition::{
        field::KindDefinition,
        object::ObjectDefinition,
        package::PackageDefinition,
        reference::{LookupDefinition, Target, To},
    },
    issue::Issues,
    model::FieldKind,
    name::PackageName,
    nearest::did_you_mean,
};

/// Lays every extension into its object.
pub(super) fn merge(parsed: &mut Parsed, issues: &mut Issues) {
    let mut extensions = Vec::new();
    for package in &mut parsed.packages {
        let (added, own): (Vec<_>, Vec<_>) =
            std::mem::take(&mut package.objects).into_iter().partition(|object| object.extends.is_some());
        package.objects = own;
        extensions.extend(
            added.into_iter().map(|object| (package.definition.clone(), Arc::unwrap_or_clone(object))),
        );
    }
    for (package, extension) in extensions {
        merge_one(parsed, &package, extension, issues);
    }
}

fn merge_one(
    parsed: &mut Parsed,
    package: &PackageDefinition,
    extension: ObjectDefinition,
    issues: &mut Issues,
) {
    let name = extension.name.value.clone();
    let answers = |object: &ObjectDefinition| {
        object.name.value == name || object.alias.iter().any(|alias| alias.value == name)
    };
    let names: Vec<String> =
        parsed.packages.iter().flat_map(|p| &p.objects).map(|object| object.name.value.to_string()).collect();
    let owner = parsed.packages.iter_mut().find(|owner| owner.objects.iter().any(|object| answers(object)));
    let Some(owner) = owner else {
        if !parsed.broken_objects.contains(name.as_str()) {
            let near = did_you_mean(name.as_str(), names.iter().map(String::as_str));
            let message = format!("there is no object `{name}` to add to{near}");
            issues.error(&extension.name.place, "unknown-object", message);
        }
        return;
    };
    let owner_name = owner.definition.name.value.clone();
    if !may_add(package, &owner_name) {
        let message = format!(
            "`{name}` belongs to package `{owner_name}`, which `{}` does not depend on; add it to `depends`, or declare the fields there",
            package.name.value
        );
        issues.error(&extension.name.place, "undeclared-dependency", message);
        return;
    }
    if let Some(object) = owner.objects.iter_mut().find(|object| answers(object)) {
        // Others go on with the object as it was without this.
        add(Arc::make_mut(object), package, extension, issues);
    }
}

fn may_add(package: &PackageDefinition, owner: &PackageName) -> bool {
    package.depends.iter().any(|(name, _)| name.value == *owner)
}

fn add(
    object: &mut ObjectDefinition,
    package: &PackageDefinition,
    extension: ObjectDefinition,
    issues: &mut Issues,
) {
    let ObjectDefinition { fields, broken_fields, indexes, searchable, .. } = extension;
    let (added_options, added_references) = (extension.added_options, extension.added_references);
    for (name, mut field) in fields {
        if let Some(first) = object.fields.get(&name) {
            let message =
                format!("`{name}` is a field already, declared in {}; an extension only adds", first.place);
            issues.error(&field.place, "duplicate-field", message);
            continue;
        }
        if field.required && field.default.is_none() {
            let message = format!(
                "`{name}` is required without a default: whoever knows only `{}` could make no record",
                object.name.value
            );
            issues.error(&field.place, "never-writable", message);
        }
        field.added_by = Some(package.name.value.clone());
        object.fields.insert(name, field);
    }
    object.broken_fields.extend(broken_fields);
    object.indexes.extend(indexes);
    object.searchable.extend(searchable);
    for (name, added) in added_options {
        let field = object.fields.get_mut(&name.value).map(|field| &mut field.kind);
        let Some(KindDefinition::Plain(FieldKind::Select { options } | FieldKind::MultiSelect { options })) =
            field
        else {
            let message = format!(
                "`{}` is not a choice of `{}`: no options can be added",
                name.value, object.name.value
            );
            issues.error(&name.place, "unknown-field", message);
            continue;
        };
        for option in added {
            if options.iter().any(|known| known.value == option.value) {
                let message = format!("`{}` is an option of `{}` already", option.value, name.value);
                issues.error(&name.place, "duplicate-option", message);
                continue;
            }
            options.push(option);
        }
    }
    for (name, added) in added_references {
        let field = object.fields.get_mut(&name.value).map(|field| &mut field.kind);
        let Some(KindDefinition::Lookup(LookupDefinition { to: To::OneOf(targets), .. })) = field else {
            let message = format!(
                "`{}` of `{}` is no reference to one of several objects: none can be added",
                name.value, object.name.value
            );
            issues.error(&name.place, "unknown-field", message);
            continue;
        };
        let added_by = Some(package.name.value.clone());
        targets.extend(added.into_iter().map(|target| Target { added_by: added_by.clone(), ..target }));
    }
}
