//! Translations: laid over the objects' own texts; a name in them that is not there is an issue.

use crate::{
    compile::{
        Draft, Drafts, Parsed, ParsedPackage,
        book::{Book, Found},
        objects::fill_locales,
        polymorphic,
    },
    definition::texts::{FieldTexts, ObjectTexts},
    issue::Issues,
    model::{FieldKind, Labels},
    name::{FieldName, ObjectName},
    nearest::did_you_mean,
};

/// Applies the texts of every package to its objects and those of packages that it depends on.
pub(super) fn apply(parsed: &Parsed, book: &Book<'_>, drafts: &mut Drafts<'_>, issues: &mut Issues) {
    for package in &parsed.packages {
        for texts in package.texts.iter() {
            for object in &texts.objects {
                let Some(name) = known_object(object, package, book, issues) else { continue };
                if let Some(draft) = drafts.get_mut(name.as_str()) {
                    apply_to(draft, object, &texts.locale, issues);
                }
            }
        }
    }
    for draft in drafts.values_mut() {
        fill_locales(&mut draft.object.plural_label, &draft.object.label);
    }
    polymorphic::label(drafts);
}

fn known_object<'a>(
    object: &ObjectTexts,
    package: &ParsedPackage,
    book: &Book<'a>,
    issues: &mut Issues,
) -> Option<&'a ObjectName> {
    let name = object.name.value.as_str();
    match book.find(name) {
        Found::Object(owner, found) if found.as_str() == name || book.is_alias(name) => {
            let known = owner.name.value == package.definition.name.value
                || package.definition.depends.iter().any(|(depends, _)| depends.value == owner.name.value);
            if !known {
                let message = format!(
                    "`{name}` belongs to package `{}`, which this one does not depend on",
                    owner.name.value
                );
                issues.error(&object.name.place, "undeclared-dependency", message);
            }
            Some(found)
        }
        Found::Broken(_) => None,
        _ => {
            let message = format!("there is no object `{name}`{}", did_you_mean(name, book.object_names()));
            issues.error(&object.name.place, "unknown-object", message);
            None
        }
    }
}

fn apply_to(draft: &mut Draft<'_>, texts: &ObjectTexts, locale: &str, issues: &mut Issues) {
    set(&mut draft.object.label, locale, texts.label.as_deref());
    set(&mut draft.object.plural_label, locale, texts.plural_label.as_deref());
    for field in &texts.fields {
        apply_to_field(draft, field, locale, issues);
    }
}

fn apply_to_field(draft: &mut Draft<'_>, texts: &FieldTexts, locale: &str, issues: &mut Issues) {
    let name = texts.name.value.as_str();
    let known = draft.object.field(name).map(|field| field.name.clone());
    let Some(field) = known.and_then(|name| draft.object.fields.get_mut(&name)) else {
        if !draft.definition.broken_fields.contains(name) {
            let near = did_you_mean(name, draft.object.fields.keys().map(FieldName::as_str));
            let message = format!("`{name}` is not a field of `{}`{near}", draft.object.name);
            issues.error(&texts.name.place, "unknown-field", message);
        }
        return;
    };
    set(&mut field.label, locale, texts.label.as_deref());
    set(&mut field.help, locale, texts.help.as_deref());
    let mut none = Vec::new();
    let options = match &mut field.kind {
        FieldKind::Select { options } | FieldKind::MultiSelect { options } => options,
        _ => &mut none,
    };
    for (value, text) in &texts.options {
        if let Some(option) = options.iter_mut().find(|option| option.value == value.value) {
            set(&mut option.label, locale, Some(text));
            continue;
        }
        let near = did_you_mean(&value.value, options.iter().map(|option| option.value.as_str()));
        let message = format!("`{}` is not an option of `{name}`{near}", value.value);
        issues.error(&value.place, "unknown-option", message);
    }
}

fn set(labels: &mut Labels, locale: &str, text: Option<&str>) {
    if let Some(text) = text {
        labels.0.insert(locale.to_owned(), text.to_owned());
    }
}
