//! Which records a summary is about: those of a list of its object, or those of an object by one of its lookups.

use super::Resolved;
use crate::{
    compile::{
        Drafts,
        book::{Book, Found},
    },
    definition::{
        Located,
        field::KindDefinition,
        summary::{Records, SummaryDefinition},
    },
    issue::Issues,
    model::{Field, FieldKind, Object, RelationKind},
    name::{FieldName, ObjectName, PackageName},
    nearest::did_you_mean,
};

/// Every summary whose records are there; what is wrong with the others is told.
pub(super) fn resolve<'a>(drafts: &Drafts<'a>, book: &Book<'_>, issues: &mut Issues) -> Vec<Resolved<'a>> {
    let mut resolved = Vec::new();
    for (object, draft) in drafts {
        for (field, written) in &draft.definition.fields {
            let KindDefinition::Summary(definition) = &written.kind else { continue };
            let package = written.added_by.as_ref().unwrap_or(&draft.object.package);
            let records = Finder { drafts, book, object: &draft.object, package };
            let Some((child, lookup)) = records.find(definition, issues) else { continue };
            let (object, field) = (object.clone(), field.clone());
            resolved.push(Resolved { object, field, definition, child, lookup });
        }
    }
    resolved
}

struct Finder<'a, 'd> {
    drafts: &'a Drafts<'d>,
    book: &'a Book<'a>,
    /// The object that has the summary.
    object: &'a Object,
    /// The package that declares it.
    package: &'a PackageName,
}

impl Finder<'_, '_> {
    fn find(&self, definition: &SummaryDefinition, issues: &mut Issues) -> Option<(ObjectName, FieldName)> {
        let (place, child, lookup) = match &definition.of {
            Records::Relation(relation) => {
                let (child, lookup) = self.relation(relation, issues)?;
                (&relation.place, child, lookup)
            }
            Records::Object { object, lookup } => {
                let child = self.object(object, issues)?;
                let lookup = match lookup {
                    Some(lookup) => self.lookup(&child, lookup, issues),
                    None => self.only_lookup(&child, object, issues),
                };
                (&object.place, child, lookup?)
            }
        };
        let owner = &self.drafts.get(&child)?.object.package;
        let depends = self.book.package(self.package.as_str()).is_some_and(|package| {
            *owner == package.name.value || package.depends.iter().any(|(known, _)| known.value == *owner)
        });
        if !depends {
            let message = format!(
                "`{child}` belongs to package `{owner}`, which `{}` does not depend on; add `{owner}` to `depends` in its package.yml",
                self.package
            );
            issues.error(place, "undeclared-dependency", message);
        }
        Some((child, lookup))
    }

    fn relation(&self, relation: &Located<String>, issues: &mut Issues) -> Option<(ObjectName, FieldName)> {
        let lists = || {
            let relations = self.object.relations.values();
            relations.filter(|known| matches!(known.kind, RelationKind::ToMany { .. }))
        };
        match self.object.relation(&relation.value).map(|known| (known, &known.kind)) {
            Some((known, RelationKind::ToMany { field })) => Some((known.target.clone(), field.clone())),
            Some(_) => {
                let message = format!(
                    "`{}` leads from here to records; a summary is of a list that leads back",
                    relation.value
                );
                issues.error(&relation.place, "unknown-relation", message);
                None
            }
            None => {
                let near = did_you_mean(&relation.value, lists().map(|known| known.name.as_str()));
                let message = format!("`{}` has no list `{}`{near}", self.object.name, relation.value);
                issues.error(&relation.place, "unknown-relation", message);
                None
            }
        }
    }

    fn object(&self, object: &Located<String>, issues: &mut Issues) -> Option<ObjectName> {
        match self.book.find(&object.value) {
            Found::Object(_, name) => Some(name.clone()),
            Found::Broken(_) => None,
            Found::Nothing => {
                let near = did_you_mean(&object.value, self.book.object_names());
                let message = format!("there is no object `{}`{near}", object.value);
                issues.error(&object.place, "unknown-object", message);
                None
            }
        }
    }

    fn leads_here(&self, field: &Field) -> bool {
        matches!(&field.kind, FieldKind::Lookup { target, .. } if *target == self.object.name)
    }

    fn lookup(
        &self,
        child: &ObjectName,
        lookup: &Located<FieldName>,
        issues: &mut Issues,
    ) -> Option<FieldName> {
        let draft = self.drafts.get(child)?;
        let name = lookup.value.as_str();
        match draft.object.field(name) {
            Some(field) if self.leads_here(field) => return Some(field.name.clone()),
            Some(_) => {
                let message = format!("`{name}` of `{child}` is no lookup to `{}`", self.object.name);
                issues.error(&lookup.place, "not-for-this-type", message);
            }
            None if draft.definition.broken_fields.contains(name) => {}
            None => {
                let fields = draft.object.fields.values().filter(|field| self.leads_here(field));
                let near = did_you_mean(name, fields.map(|field| field.name.as_str()));
                let message = format!("`{name}` is not a field of `{child}`{near}");
                issues.error(&lookup.place, "unknown-field", message);
            }
        }
        None
    }

    /// The one lookup that leads here; what the engine keeps of every record (who made it) does not count.
    fn only_lookup(
        &self,
        child: &ObjectName,
        object: &Located<String>,
        issues: &mut Issues,
    ) -> Option<FieldName> {
        let fields = self.drafts.get(child)?.object.fields.values();
        let found: Vec<&Field> = fields.filter(|field| !field.system && self.leads_here(field)).collect();
        if let [field] = found.as_slice() {
            return Some(field.name.clone());
        }
        let message = if found.is_empty() {
            format!("`{child}` has no lookup to `{}`", self.object.name)
        } else {
            let names: Vec<String> = found.iter().map(|field| format!("`{}`", field.name)).collect();
            format!(
                "`{child}` has several lookups to `{}`: {}; say which with `relationshipField`",
                self.object.name,
                names.join(", ")
            )
        };
        issues.error(&object.place, "unknown-relation", message);
        None
    }
}
