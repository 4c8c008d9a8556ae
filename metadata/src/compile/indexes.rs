//! Indexes and unique constraints: those of single fields, then those that the object lists.

use crate::{
    compile::objects::known_field,
    definition::object::{IndexDefinition, ObjectDefinition},
    issue::Issues,
    limits::NAME_BYTES_MAX,
    model::{FieldKind, Index, Object},
    name::FieldName,
};

/// All indexes of an object. Two of the same name, or over the same fields to the same end, are an issue.
pub(super) fn build(definition: &ObjectDefinition, object: &Object, issues: &mut Issues) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for field in object.fields.values().filter(|field| field.index && field.kind != FieldKind::Id) {
        let fields = vec![field.name.clone()];
        indexes.push(Index {
            name: default_name(object, &fields, field.unique),
            fields,
            unique: field.unique,
        });
    }
    for written in &definition.indexes {
        let Some(index) = index(written, definition, object, issues) else { continue };
        match indexes.iter().find(|known| covers(known, &index)) {
            Some(known) if known.name == index.name => {
                let place = written.name.as_ref().map_or(&written.place, |name| &name.place);
                issues.error(
                    place,
                    "duplicate-index",
                    format!("the object has an index `{}` already", index.name),
                );
            }
            Some(known) => {
                let message = format!("the index `{}` is over the same fields", known.name);
                issues.error(&written.place, "duplicate-index", message);
            }
            None => indexes.push(index),
        }
    }
    indexes
}

/// Whether `known` leaves nothing for `index` to do, or has its name.
fn covers(known: &Index, index: &Index) -> bool {
    known.name == index.name || (known.fields == index.fields && known.unique >= index.unique)
}

fn index(
    written: &IndexDefinition,
    definition: &ObjectDefinition,
    object: &Object,
    issues: &mut Issues,
) -> Option<Index> {
    let mut fields = Vec::with_capacity(written.fields.len());
    for name in &written.fields {
        let field = known_field(name, definition, object, issues)?;
        if field.kind.is_computed() {
            let message = format!(
                "`{}` is computed when it is read; `index: true` at the field keeps it in a column",
                name.value
            );
            issues.error(&name.place, "not-for-this-type", message);
            return None;
        }
        if !can_be_indexed(&field.kind) {
            let message = format!("`{}` is not one plain value and can't be indexed", name.value);
            issues.error(&name.place, "not-for-this-type", message);
            return None;
        }
        fields.push(field.name.clone());
    }
    let unique = written.unique;
    let name = written.name.as_ref().map(|name| name.value.clone());
    Some(Index { name: name.unwrap_or_else(|| default_name(object, &fields, unique)), fields, unique })
}

/// Whether a field holds one value that has a place among others.
fn can_be_indexed(kind: &FieldKind) -> bool {
    !matches!(
        kind,
        FieldKind::MultiSelect { .. }
            | FieldKind::References { .. }
            | FieldKind::Json
            | FieldKind::Composite { .. }
            | FieldKind::Password { .. }
            | FieldKind::Vector { .. }
    )
}

/// `<object>_<fields>_key` or `…_idx`; a name that would be too long is cut and told apart by a hash of the whole.
fn default_name(object: &Object, fields: &[FieldName], unique: bool) -> String {
    // By first names: a renaming does not change what clients know a constraint by.
    let column = |name: &FieldName| {
        object.field(name.as_str()).map_or_else(|| name.to_string(), |f| f.column().to_owned())
    };
    let columns: Vec<_> = fields.iter().map(column).collect();
    let suffix = if unique { "key" } else { "idx" };
    let name = format!("{}_{}_{suffix}", object.table(), columns.join("_"));
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let hash: String = blake3::hash(name.as_bytes()).to_hex().chars().take(8).collect();
    let cut: String = name.chars().take(NAME_BYTES_MAX - hash.len() - suffix.len() - 2).collect();
    format!("{}_{hash}_{suffix}", cut.trim_end_matches('_'))
}
